//go:build unix

package main

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/network-interface-releaser/network-interface-releaser/functions/release/eni"
)

var errFailed = errors.New("the verdict, which is printed already, is FAIL")

// conclude prints what was released and what was kept, and why; what it was good for;
// and the verdict.
func (s *show) conclude(dry eni.Report, without *scene) error {
	wrong, count, left := s.judge()
	s.printReleased()
	s.printKept(dry)
	s.printf("\n%s  with the function  without it (same seed)\n", s.paint(bold, "Free addresses"))
	with, less := 0, 0
	for i, subnet := range s.subnets {
		here, there := s.EC2.FreeAddresses(subnet), without.EC2.FreeAddresses(subnet)
		with, less = with+here, less+there
		s.printf("  subnet %c%23d%24d\n", 'a'+i, here, there)
	}
	s.printf("  all     %23d%24d\n\n", with, less)
	if len(wrong) > 0 || count == 0 {
		s.printf("%s %d ENIs deleted, %d problems\n  %s\n", s.paint(bad, "FAIL:"), count, len(wrong), strings.Join(wrong, "\n  "))
		return errFailed
	}
	s.printf("%s all %d leaked ENIs deleted, nothing else. %d more are leaked but protected.\n", s.paint(good, "PASS:"), count, left)
	return nil
}

func (s *show) printReleased() {
	meaning := map[eni.Reason]string{
		eni.OwnerTerminated: "its node is terminated",
		eni.OwnerGone:       "its node was terminated over an hour ago",
		eni.NeverAttached:   "its node runs, but left it unattached for a day",
	}
	reasons := map[eni.Reason]int{}
	for _, reason := range s.released {
		reasons[reason]++
	}
	s.printf("\n%s %d ENIs by sweeps and %d by event runs, %d addresses\n", s.paint(bold, "Released:"), s.runs[eni.Schedule], s.runs[eni.Event], s.addresses)
	for _, reason := range slices.SortedFunc(maps.Keys(reasons), func(a, b eni.Reason) int { return reasons[b] - reasons[a] }) {
		s.printf("  %2d  %-16s  %s\n", reasons[reason], reason, meaning[reason])
	}
	s.printf("Auto Scaling events lost: %d of %d. Karpenter nodes (no events): %d.\nSweeps covered both.\n\n", s.lost, scaledIn, drained)
}

// printKept prints what must survive and is there, with the reason of the dry run.
func (s *show) printKept(dry eni.Report) {
	kept, reasons := maps.Clone(s.protected), map[string]eni.Reason{}
	for _, i := range dry.Interfaces {
		if i.Outcome == eni.Kept {
			kept[i.ID] = cmp.Or(kept[i.ID], "about to be attached")
			reasons[i.ID] = i.Reason
		}
	}
	s.printf("%s what looks leaked, or is. -: not of the VPC CNI, so never considered\n", s.paint(bold, "Kept:"))
	for _, id := range slices.SortedFunc(maps.Keys(kept), func(a, b string) int { return cmp.Or(cmp.Compare(reasons[b], reasons[a]), cmp.Compare(a, b)) }) {
		if _, there := s.EC2.Interface(id); there {
			s.printf("  %-11s  %s  %s\n", cmp.Or(reasons[id], "-"), id, kept[id])
		}
	}
}

// judge returns all that is wrong by the simulator's own knowledge of each CNI's life,
// how many interfaces the function has deleted, and how many leaked ones are left.
func (s *show) judge() (wrong []string, count, left int) {
	complain := func(what, id string) { wrong = append(wrong, fmt.Sprintf("%s: %s %s", what, id, s.protected[id])) }
	logged := maps.Clone(s.released)
	for _, d := range s.EC2.Deletions() {
		if d.Caller != accessKey {
			continue
		}
		count++
		if d.LeakedAt.IsZero() || s.protected[d.ID] != "" {
			complain("deleted, but needed", d.ID)
		}
		if logged[d.ID] == "" {
			complain("deleted, but not logged", d.ID)
		}
		delete(logged, d.ID)
	}
	for id := range logged {
		complain("logged, but not deleted", id)
	}
	for _, leaked := range s.EC2.Leaked() {
		if s.protected[leaked.ID] == "" {
			complain("leaked, but not deleted", leaked.ID)
		}
	}
	for _, c := range s.Front.Calls() {
		if c.Caller == accessKey && c.Code == "" && c.Action != "DeleteNetworkInterface" && !strings.HasPrefix(c.Action, "Describe") {
			complain("called", c.Action)
		}
	}
	return wrong, count, len(s.EC2.Leaked())
}
