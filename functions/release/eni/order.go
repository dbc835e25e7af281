package eni

import (
	"cmp"
	"slices"
)

// inOrder puts the named instances' interfaces first, then one random interface, which keeps
// undeletable ones from starving the others, then the rest.
func inOrder(plan []Verdict, named []string, free map[string]int, shuffle func(n int, swap func(i, j int))) []*Verdict {
	shuffle(len(plan), func(i, j int) { plan[i], plan[j] = plan[j], plan[i] })
	var first, rest []int
	for n, v := range plan {
		if slices.Contains(named, v.describedInstance()) {
			first = append(first, n)
		} else {
			rest = append(rest, n)
		}
	}
	random := min(1, len(rest))
	ordered := make([]*Verdict, 0, len(plan))
	for _, n := range slices.Concat(roundRobin(plan, first, free), rest[:random], roundRobin(plan, rest[random:], free)) {
		ordered = append(ordered, &plan[n])
	}
	return ordered
}

// roundRobin returns these places of a plan, one of each subnet per round, the subnet with the
// fewest free addresses first.
func roundRobin(plan []Verdict, places []int, free map[string]int) []int {
	bySubnet := map[string][]int{}
	var subnets []string
	for _, n := range places {
		subnet := plan[n].Subnet
		if bySubnet[subnet] == nil {
			subnets = append(subnets, subnet)
		}
		bySubnet[subnet] = append(bySubnet[subnet], n)
	}
	slices.SortFunc(subnets, func(a, b string) int {
		return cmp.Or(cmp.Compare(free[a], free[b]), cmp.Compare(a, b))
	})
	ordered := make([]int, 0, len(places))
	for round := 0; len(ordered) < len(places); round++ {
		for _, subnet := range subnets {
			if round < len(bySubnet[subnet]) {
				ordered = append(ordered, bySubnet[subnet][round])
			}
		}
	}
	return ordered
}
