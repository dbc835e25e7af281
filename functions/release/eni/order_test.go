package eni

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

func planned(subnet string, count int, instance string) []Verdict {
	var list []Verdict
	for n := range count {
		list = append(list, Verdict{Interface: Interface{ID: fmt.Sprintf("%s%d", subnet, n), Subnet: subnet, Description: DescriptionPrefix + instance}})
	}
	return list
}

func TestOrder(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	shuffle := rand.New(rand.NewPCG(seed, 0)).Shuffle
	plan := slices.Concat(planned("a", 3, other), planned("b", 1, other), planned("c", 2, other), planned("d", 2, dead))
	ordered := inOrder(plan, []string{dead}, map[string]int{"a": 500, "b": 7, "c": 0}, shuffle)
	var subnets []string
	for _, v := range ordered {
		subnets = append(subnets, v.Subnet)
	}
	// The named instance's, a random one, then round robin, fewest free first.
	if got := strings.Join(subnets, ""); !slices.Contains([]string{"ddacbaca", "ddbcacaa", "ddccbaaa"}, got) {
		t.Errorf("subnets in the order %s", got)
	}
}

// firsts counts the runs in which each interface of a plan comes first.
func firsts(runs uint64, free map[string]int, plan ...[]Verdict) map[string]int {
	first := map[string]int{}
	for seed := range runs {
		first[inOrder(slices.Concat(plan...), nil, free, rand.New(rand.NewPCG(seed, 0)).Shuffle)[0].ID]++
	}
	return first
}

// Within a subnet each interface comes first sometimes.
func TestOrderWithinASubnetIsRandom(t *testing.T) {
	if first := firsts(300, nil, planned("a", 5, dead)); len(first) != 5 {
		t.Errorf("of 5 interfaces only %v came first in 300 runs", first)
	}
}

// Where a run has one token only, each interface gets it sometimes: an undeletable one, in the
// subnet with the fewest free addresses, got it in every run (found by the simulation).
func TestEachIsFirstSometimes(t *testing.T) {
	first := firsts(100, map[string]int{"tight": 0, "roomy": 100}, planned("tight", 1, dead), planned("roomy", 1, dead))
	if len(first) != 2 {
		t.Errorf("of 100 runs the first were %v", first)
	}
}
