package eni

import (
	"cmp"
	"slices"
)

// inOrder sorts what is to be released: first the interfaces of the instances
// that were named, then one by lot, then the others; each part round robin over its
// subnets, the one with fewest free addresses first. Within a subnet the order is
// random, so that no interface that can never be released holds up the others for
// ever; nor, by that lot, those of other subnets where a run has few turns.
func (r *Releaser) inOrder(verdicts []*Verdict, named []string, free map[string]int) []*Verdict {
	r.Shuffle(len(verdicts), func(i, j int) { verdicts[i], verdicts[j] = verdicts[j], verdicts[i] })

	var first, rest []*Verdict
	for _, v := range verdicts {
		if slices.Contains(named, v.describedOwner()) {
			first = append(first, v)
		} else {
			rest = append(rest, v)
		}
	}
	lot := min(1, len(rest))
	return slices.Concat(roundRobin(first, free), rest[:lot], roundRobin(rest[lot:], free))
}

// roundRobin takes one of each subnet in turn.
func roundRobin(verdicts []*Verdict, free map[string]int) []*Verdict {
	bySubnet := map[string][]*Verdict{}
	var subnets []string
	for _, v := range verdicts {
		if bySubnet[v.Subnet] == nil {
			subnets = append(subnets, v.Subnet)
		}
		bySubnet[v.Subnet] = append(bySubnet[v.Subnet], v)
	}
	slices.SortFunc(subnets, func(a, b string) int {
		return cmp.Or(cmp.Compare(free[a], free[b]), cmp.Compare(a, b))
	})
	ordered := make([]*Verdict, 0, len(verdicts))
	for round := 0; len(ordered) < len(verdicts); round++ {
		for _, subnet := range subnets {
			if round < len(bySubnet[subnet]) {
				ordered = append(ordered, bySubnet[subnet][round])
			}
		}
	}
	return ordered
}
