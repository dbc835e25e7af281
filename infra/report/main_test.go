package main

import (
	"strings"
	"testing"
)

func TestTable(t *testing.T) {
	const answer = `{"trigger":"manual","dryRun":true,"found":3,"released":1,"gone":0,"deferred":0,"failed":0,"kept":{"owner-alive":1,"not-cni":1},"addressesReleased":15,"freeAddresses":{"subnet-1":7},
		"interfaces":[{"id":"eni-1","subnet":"subnet-1","addresses":15,"instance":"i-1","instanceState":"terminated","age":259200,"decision":"released","reason":"owner-terminated"},
		{"id":"eni-2","subnet":"subnet-1","addresses":1,"instance":"i-2","instanceState":"running","age":5400,"decision":"kept","reason":"owner-alive"},
		{"id":"eni-3","subnet":"subnet-1","addresses":1,"instance":"","instanceState":"","age":null,"decision":"kept","reason":"not-cni"}],"interfacesOmitted":2}`
	const want = `INTERFACE  SUBNET    ADDRESSES  INSTANCE  STATE       AGE      DECISION       REASON
eni-1      subnet-1  15         i-1       terminated  72h0m0s  would release  owner-terminated
eni-2      subnet-1  1          i-2       running     1h30m0s  kept           owner-alive
eni-3      subnet-1  1          -         -           ?        kept           not-cni
and 2 more, which the answer had no room for

3 found: 1 would be released, which gives 15 addresses back; 0 gone, 0 deferred, 0 failed, 1 kept (not-cni), 1 kept (owner-alive)
subnet-1 has 7 addresses free
This was a dry run: nothing was deleted.
`
	if got, err := write([]byte(answer)); err != nil || got != want {
		t.Errorf("%v\n%s\nwant\n%s", err, got, want)
	}
}

func TestWhatIsNoReport(t *testing.T) {
	for answer, want := range map[string]string{
		"":     "there is no answer: what stands above says why",
		"oops": "the answer is no report",
		`{"errorMessage":"nothing was done: the field \"x\" is not known","errorType":"InputError"}`: `nothing was done: the field "x" is not known`,
	} {
		if got, err := write([]byte(answer)); err == nil || !strings.HasPrefix(err.Error(), want) || got != "" {
			t.Errorf("%q: %v, %s", answer, err, got)
		}
	}
	if got, err := write([]byte(`{"batchItemFailures":[]}`)); err != nil || got != "{\"batchItemFailures\":[]}\n" {
		t.Errorf("a batch's answer becomes %q, %v", got, err)
	}
}
