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
	plan = inOrder(plan, []string{dead}, map[string]int{"a": 500, "b": 7, "c": 0}, shuffle)
	var subnets []string
	for _, v := range plan {
		subnets = append(subnets, v.Subnet)
	}
	// The named instance's, a random one, then round robin, fewest free first.
	if got := strings.Join(subnets, ""); !slices.Contains([]string{"ddacbaca", "ddbcacaa", "ddccbaaa"}, got) {
		t.Errorf("subnets in the order %s", got)
	}
}

// Within a subnet each interface comes first sometimes.
func TestOrderWithinASubnetIsRandom(t *testing.T) {
	seed := rand.Uint64()
	shuffle := rand.New(rand.NewPCG(seed, 0)).Shuffle
	first := map[string]int{}
	for range 300 {
		first[inOrder(planned("a", 5, dead), nil, nil, shuffle)[0].ID]++
	}
	if len(first) != 5 {
		t.Errorf("seed %d: of 5 interfaces only %v came first in 300 runs", seed, first)
	}
}

// Where a run has one token only, each interface gets it sometimes: an undeletable one, in the
// subnet with the fewest free addresses, got it in every run (found by the simulation).
func TestEachIsFirstSometimes(t *testing.T) {
	free := map[string]int{"subnet-tight": 0, "subnet-roomy": 100}
	first := map[string]int{}
	for seed := range uint64(100) {
		shuffle := rand.New(rand.NewPCG(seed, 0)).Shuffle
		plan := []Verdict{{Interface: Interface{ID: "undeletable", Subnet: "subnet-tight"}}, {Interface: Interface{ID: "other", Subnet: "subnet-roomy"}}}
		first[inOrder(plan, nil, free, shuffle)[0].ID]++
	}
	if first["undeletable"] == 0 || first["other"] == 0 {
		t.Errorf("of 100 runs the first were %v", first)
	}
}
