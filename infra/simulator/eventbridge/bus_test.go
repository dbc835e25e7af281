package eventbridge_test

import (
	"strings"
	"testing"

	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator/eventbridge"
	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator/iam"
)

// Each row was answered so by event-ruler 1.7.3, AWS's own matcher.
func TestPatterns(t *testing.T) {
	for _, row := range []struct {
		pattern  string
		yes, not []string // events
	}{
		{`{"to":["home"]}`, []string{`{"to":"home"}`, `{"to":["work",["home"]]}`, `{"to":["home",{"by":"bus"}]}`}, []string{`{"to":"Home"}`, `{"to":null}`, `{"to":{"home":"home"}}`, `{}`}},
		{`{"to":["home",""]}`, []string{`{"to":"home"}`, `{"to":""}`}, []string{`{"to":[]}`, `{"to":0}`}},
		{`{"trip":{"to":["home"]}}`, []string{`{"trip":{"to":"home"}}`, `{"trip":[1,{"to":"home"}]}`}, []string{`{"to":"home"}`, `{"trip":"home"}`, `{"trip":{"trip":{"to":"home"}}}`}},
		{`{"trip":{"to":["home"],"by":["bus"]}}`, []string{`{"trip":{"to":"home","by":"bus"}}`}, []string{`{"trip":{"to":"home","by":"car"}}`}},
		{`{"to":[{"exists":true}]}`, []string{`{"to":null}`, `{"to":[1]}`}, []string{`{"to":{}}`, `{"to":{"a":1}}`, `{"to":[]}`, `{}`}},
		{`{"to":[{"exists":false}]}`, []string{`{"to":{}}`, `{"to":{"a":1}}`, `{"to":[]}`, `{}`}, []string{`{"to":null}`, `{"to":[1]}`}},
		{`{"trip":{"to":[{"exists":false}]}}`, []string{`{}`, `{"trip":null}`, `{"trip":{}}`, `{"trip":"home"}`}, []string{`{"trip":{"to":""}}`}},
		{`{"to":[{"prefix":"ho"}]}`, []string{`{"to":"home"}`, `{"to":["work","ho"]}`}, []string{`{"to":"Home"}`, `{"to":"h"}`, `{}`}},
		{`{"to":[{"prefix":""}]}`, []string{`{"to":""}`, `{"to":"x"}`}, []string{`{"to":1}`, `{"to":null}`, `{"to":[]}`, `{}`}},
		{`{"to":[{"anything-but":"home"}]}`, []string{`{"to":"Home"}`, `{"to":["home","work"]}`, `{"to":1}`, `{"to":null}`}, []string{`{"to":"home"}`, `{"to":["home"]}`, `{"to":[]}`, `{"to":{"a":"b"}}`, `{}`}},
		{`{"to":[{"anything-but":""}]}`, []string{`{"to":"x"}`}, []string{`{"to":""}`}},
		{`{"to":[{"anything-but":"home"},{"exists":false}]}`, []string{`{"to":"work"}`, `{}`}, []string{`{"to":"home"}`}},
	} {
		matched := false
		bus := eventbridge.New(nil, iam.Account{})
		if err := bus.AddRule([]byte(row.pattern), func([]byte) { matched = true }); err != nil {
			t.Fatal(err)
		}
		for want, events := range map[bool][]string{true: row.yes, false: row.not} {
			for _, event := range events {
				matched = false
				if bus.Emit([]byte(event)); matched != want {
					t.Errorf("%s and %s: %v, want %v", row.pattern, event, matched, want)
				}
			}
		}
	}
}

// What is not known to be answered exactly is an error.
func TestPatternsRefused(t *testing.T) {
	for _, list := range []string{
		`"x"`, `null`, `{}`, `[]`, `[null]`, `[true]`, `[1]`, `[[]]`, `[["x"]]`, `[{}]`, `["x",1]`, `[{"exists":"true"}]`, `[{"exists":null}]`, `[{"exists":true,"prefix":"x"}]`,
		`[{"prefix":null}]`, `[{"prefix":["x"]}]`, `[{"prefix":{"equals-ignore-case":"x"}}]`, `[{"suffix":"x"}]`, `[{"equals-ignore-case":"x"}]`, `[{"wildcard":"x*"}]`,
		`[{"anything-but":1}]`, `[{"anything-but":null}]`, `[{"anything-but":["x"]}]`, `[{"anything-but":{"prefix":"x"}}]`, `[{"numeric":["=",1]}]`, `[{"cidr":"10.0.0.0/8"}]`,
	} {
		for _, pattern := range []string{`{"a":` + list + `}`, `{"a":{"b":` + list + `,"c":["x"]}}`} {
			if err := eventbridge.New(nil, iam.Account{}).AddRule([]byte(pattern), nil); err == nil || !strings.Contains(err.Error(), "not supported") {
				t.Errorf("%s: %v", pattern, err)
			}
		}
	}
	for _, pattern := range []string{`{}`, `[]`, `null`, `{"a":["x"]} {}`, `{"a.b":["x"]}`, `{"$or":[{"a":["x"]},{"b":["x"]}]}`, `{"$or":["x"]}`} {
		if err := eventbridge.New(nil, iam.Account{}).AddRule([]byte(pattern), nil); err == nil {
			t.Errorf("%s is accepted", pattern)
		}
	}
}
