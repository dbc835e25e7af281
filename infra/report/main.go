// Command report reads what the function answers, as `sam local invoke` and
// `aws lambda invoke` give it, and writes it as a table: `go run ./infra/report < report.json`.
package main

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/network-interface-releaser/network-interface-releaser/functions/release/eni"
)

// An answer is the function's: the report of a manual run, the totals of any other one, or
// the error of a run that failed.
type answer struct {
	eni.Report
	ErrorMessage string
}

func main() {
	text, _ := io.ReadAll(os.Stdin) // what cannot be read is no report
	table, err := write(bytes.TrimSpace(text))
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Print(table)
}

// write writes an answer as a table. An answer to a batch is passed on as it is.
func write(text []byte) (string, error) {
	var r answer
	switch err := json.Unmarshal(text, &r); {
	case len(text) == 0:
		return "", errors.New("there is no answer: what stands above says why")
	case err != nil:
		return "", fmt.Errorf("the answer is no report (%w): %.200s", err, text)
	case r.ErrorMessage != "":
		return "", errors.New(r.ErrorMessage)
	case r.Trigger == "":
		return string(text) + "\n", nil
	}
	var out strings.Builder
	r.rows(&out)
	r.totals(&out)
	return out.String(), nil
}

func (r answer) rows(out *strings.Builder) {
	if len(r.Interfaces) == 0 {
		return
	}
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(table, "INTERFACE\tSUBNET\tADDRESSES\tINSTANCE\tSTATE\tAGE\tDECISION\tREASON")
	for _, i := range r.Interfaces {
		if r.DryRun && i.Outcome == eni.Released {
			i.Outcome = "would release"
		}
		age := "?" // where nobody knows
		if i.Age != nil {
			age = (time.Duration(*i.Age) * time.Second).String()
		}
		_, _ = fmt.Fprintf(table, "%s\t%s\t%d\t%s\t%s\t%s\t%s\t%s\n", i.ID, i.Subnet, i.Addresses, cmp.Or(i.Instance, "-"), cmp.Or(i.InstanceState, "-"), age, i.Outcome, i.Reason)
	}
	_ = table.Flush()
	if r.InterfacesOmitted > 0 {
		fmt.Fprintf(out, "and %d more, which the answer had no room for\n", r.InterfacesOmitted)
	}
	fmt.Fprintln(out)
}

func (r answer) totals(out *strings.Builder) {
	verb := "released"
	if r.DryRun {
		verb = "would be released"
	}
	fmt.Fprintf(out, "%d found: %d %s, which gives %d addresses back; %d gone, %d deferred, %d failed", r.Found, r.Released, verb, r.AddressesReleased, r.Gone, r.Deferred, r.Failed)
	for _, reason := range slices.Sorted(maps.Keys(r.Kept)) {
		fmt.Fprintf(out, ", %d kept (%s)", r.Kept[reason], reason)
	}
	fmt.Fprintln(out)
	for _, subnet := range slices.Sorted(maps.Keys(r.FreeAddresses)) {
		fmt.Fprintf(out, "%s has %d addresses free\n", subnet, r.FreeAddresses[subnet])
	}
	if r.DryRun {
		fmt.Fprintln(out, "This was a dry run: nothing was deleted.")
	}
}
