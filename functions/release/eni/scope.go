package eni

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"slices"
	"time"
)

// Scope is what one run lists: a sweep everything, any other run the union of these lists. An
// empty list adds nothing; it never widens a search.
type Scope struct {
	Sweep     bool     // the region, or the VPCs of the rule
	Instances []string // their interfaces, which are deleted first
	Groups    []string // Auto Scaling groups: all of their subnets
	Subnets   []string
	VPCs      []string
	Clusters  []string // narrows all of these to the interfaces whose cluster tag names one of them
}

// optionalTimeout bounds the optional reads, the groups' subnets and the free addresses: an API
// that hangs costs some of the function's 60 seconds, not the run.
const optionalTimeout = 8 * time.Second

// find lists the interfaces of a scope, each once, sorted by ID.
func (r *Releaser) find(ctx context.Context, scope Scope) ([]Interface, error) {
	instances, vpcs := distinct(scope.Instances), distinct(scope.VPCs)
	subnets := distinct(slices.Concat(scope.Subnets, r.subnetsOf(ctx, scope.Groups)))
	searches := []struct {
		what   string
		wanted bool
		list   func() ([]Interface, error)
	}{
		{"the available interfaces", scope.Sweep, func() ([]Interface, error) { return r.sweep(ctx) }},
		{"the interfaces of instances", len(instances) > 0, func() ([]Interface, error) { return r.Interfaces.OfInstances(ctx, instances) }},
		{"the interfaces in subnets", len(subnets) > 0, func() ([]Interface, error) { return r.Interfaces.AvailableInSubnets(ctx, subnets) }},
		{"the interfaces in VPCs", len(vpcs) > 0, func() ([]Interface, error) { return r.Interfaces.AvailableInVPCs(ctx, vpcs) }},
	}
	var found []Interface
	for _, search := range searches {
		if !search.wanted {
			continue
		}
		list, err := search.list()
		if err != nil {
			return nil, fmt.Errorf("listing %s: %w", search.what, err)
		}
		// The newest listing comes first, so it wins the compaction below. Prepending also
		// avoids copying a sweep's one large list.
		slices.Reverse(list)
		found = append(list, found...)
	}
	if len(scope.Clusters) > 0 {
		found = slices.DeleteFunc(found, func(i Interface) bool { return !i.ofCluster(scope.Clusters) })
	}
	slices.SortStableFunc(found, func(a, b Interface) int { return cmp.Compare(a.ID, b.ID) })
	return slices.CompactFunc(found, func(a, b Interface) bool { return a.ID == b.ID }), nil
}

func (r *Releaser) sweep(ctx context.Context) ([]Interface, error) {
	if len(r.Rule.VPCs) > 0 {
		return r.Interfaces.AvailableInVPCs(ctx, r.Rule.VPCs)
	}
	return r.Interfaces.Available(ctx)
}

// subnetsOf lists the subnets of Auto Scaling groups. They only widen a scope, so a group that
// is gone, or an API that fails, costs no more than these.
func (r *Releaser) subnetsOf(ctx context.Context, groups []string) []string {
	groups = distinct(groups)
	if len(groups) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, optionalTimeout)
	defer cancel()
	subnets, err := r.Groups.Subnets(ctx, groups)
	if err != nil {
		r.Log.WarnContext(ctx, "the subnets of some Auto Scaling groups could not be read: this run leaves them to the next sweep",
			slog.Int("groups", len(groups)), slog.Any("error", err))
	}
	return subnets
}

// distinct returns the non-empty values of a list sorted, each once.
func distinct(list []string) []string {
	list = slices.DeleteFunc(slices.Clone(list), func(s string) bool { return s == "" })
	slices.Sort(list)
	return slices.Compact(list)
}
