package main

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
)

// words say what the function's reasons mean (docs/rule.md).
var words = map[string]string{
	"owner-terminated": "its node is terminated",
	"owner-gone":       "its node is gone so long that EC2 shows it no more",
	"owner-forgot":     "its node runs, but has not attached it for a day",

	"attached":       "it was attached in the meantime",
	"managed":        "an AWS service manages it",
	"associated":     "an Elastic IP would go with it",
	"opted-out":      "a tag asks to keep it",
	"bad-tag":        "its tag names no instance",
	"untagged":       "no tags, and ReleaseUntagged is false",
	"owner-alive":    "its node is alive and may attach it",
	"young":          "node not visible, not yet 30 min old",
	"age-unreadable": "its age cannot be read",
	"not-permitted":  "EC2 does not let this account delete it",
}

// conclusion is what a reader should take home: what was released, what was kept
// and why, and what it was good for.
func conclusion(s, twin *scene, v verdict, p played, journal []line, screen *screen) []string {
	lines := append(released(journal, screen), fmt.Sprintf("No matter: %d of Auto Scaling's %d events got lost, and of Karpenter's %d nodes none tells.", p.lost, scaledIn, drained), "")
	lines = append(lines, kept(s, p.look, screen)...)
	lines = append(lines, comparison(s, twin, screen)...)
	return append(lines, sentence(v, screen)...)
}

// released sums up the function's log.
func released(journal []line, screen *screen) []string {
	runs, reasons, interfaces, addresses := map[string]int{}, map[string]int{}, 0, 0
	for _, l := range journal {
		switch l.Message {
		case totals:
			runs[l.Trigger]++
		case audit:
			reasons[l.Reason]++
			interfaces++
			addresses += l.Addresses
		}
	}
	lines := []string{screen.bold(fmt.Sprintf("Released: %d interfaces, %d addresses", interfaces, addresses)) +
		fmt.Sprintf("   (in %d runs by schedule, %d by events)", runs["schedule"], runs["event"])}
	for _, reason := range byCount(reasons) {
		lines = append(lines, fmt.Sprintf("  %2d  %-16s  %s", reasons[reason], reason, words[reason]))
	}
	return lines
}

// kept is what the look by hand found, by reason, each with an example.
func kept(s *scene, look report, screen *screen) []string {
	example := map[string]string{}
	for _, i := range look.Interfaces {
		if i.Decision == "kept" {
			example[i.Reason] = cmp.Or(example[i.Reason], i.ID)
		}
	}
	lines := []string{screen.bold(fmt.Sprintf("Kept, of what looks abandoned: %d interfaces", look.kept()))}
	for _, reason := range byCount(look.Kept) {
		lines = append(lines, fmt.Sprintf("  %2d  %-11s  %-37s %s", look.Kept[reason], reason, words[reason], example[reason]))
	}
	lines = append(lines, "Never even looked at, since the CNI does not describe its own interfaces so:")
	found := map[string]bool{}
	for _, i := range look.Interfaces {
		found[i.ID] = true
	}
	var others []string
	for id, what := range s.neighbours {
		if !found[id] {
			others = append(others, "  one "+what)
		}
	}
	slices.Sort(others)
	return append(append(lines, others...), "")
}

// comparison holds the free addresses against those of the same region without the function.
func comparison(s, twin *scene, screen *screen) []string {
	lines := []string{screen.bold("Free addresses") + "     now   without the function (the same history)"}
	with, without := 0, 0
	for i, subnet := range s.subnets {
		here, there := s.world.FreeAddresses(subnet.id), twin.world.FreeAddresses(twin.subnets[i].id)
		with, without = with+here, without+there
		lines = append(lines, fmt.Sprintf("  subnet %s         %s   %7d", subnet.name, screen.good(fmt.Sprintf("%3d", here)), there))
	}
	return append(lines, fmt.Sprintf("  all              %s   %7d", screen.good(fmt.Sprintf("%3d", with)), without),
		fmt.Sprintf("The difference, %d addresses, is room for as many pods.", with-without), "")
}

// sentence is the verdict in words.
func sentence(v verdict, screen *screen) []string {
	if v.complaint() != "" {
		return []string{screen.bold(screen.warn("Verdict: wrong."))}
	}
	lines := []string{screen.bold(screen.good("Verdict: right.")) + fmt.Sprintf(" All %d abandoned interfaces were released, and nothing else was.", len(v.deleted))}
	if len(v.onPurpose) == 0 {
		return lines
	}
	count := 0
	for _, n := range v.onPurpose {
		count += n
	}
	lines = append(lines, fmt.Sprintf("%d more are abandoned, but kept on purpose:", count))
	for _, why := range byCount(v.onPurpose) {
		lines = append(lines, fmt.Sprintf("  %2d  %s", v.onPurpose[why], why))
	}
	return lines
}

// byCount sorts by count, the highest first.
func byCount(counts map[string]int) []string {
	return slices.SortedFunc(maps.Keys(counts), func(a, b string) int {
		return cmp.Or(counts[b]-counts[a], cmp.Compare(a, b))
	})
}
