package eni

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"time"
)

// Scope is where one run looks: a sweep looks everywhere, any other run at the
// union of what is named. An empty list names nothing; it never widens a search.
type Scope struct {
	Sweep     bool     // the region, or the VPCs of the rule
	Instances []string // their own interfaces wherever these are; released first
	Groups    []string // Auto Scaling groups: all of their subnets
	Subnets   []string
	VPCs      []string
}

// optionalTimeout bounds the reads that a run can do without, the subnets of groups
// and the free addresses: an API that hangs costs these and some of the function's
// 60 seconds, not the run.
const optionalTimeout = 8 * time.Second

// find lists the interfaces of a scope, each once, sorted by id.
func (r *Releaser) find(ctx context.Context, scope Scope) ([]Interface, error) {
	subnets := slices.Concat(scope.Subnets, r.subnetsOf(ctx, scope.Groups))
	searches := []struct {
		what  string
		where []string
		list  func(context.Context, []string) ([]Interface, error)
	}{
		{"the interfaces of instances", scope.Instances, r.Interfaces.OfInstances},
		{"the interfaces in subnets", subnets, r.Interfaces.AvailableInSubnets},
		{"the interfaces in VPCs", scope.VPCs, r.Interfaces.AvailableInVPCs},
	}
	found := map[string]Interface{}
	add := func(what string, list []Interface, err error) error {
		if err != nil {
			return fmt.Errorf("listing %s: %w", what, err)
		}
		for _, i := range list {
			found[i.ID] = i
		}
		return nil
	}
	if scope.Sweep {
		list, err := r.sweep(ctx)
		if err := add("the available interfaces", list, err); err != nil {
			return nil, err
		}
	}
	for _, search := range searches {
		where := distinct(search.where)
		if len(where) == 0 {
			continue
		}
		list, err := search.list(ctx, where)
		if err := add(search.what, list, err); err != nil {
			return nil, err
		}
	}
	return slices.SortedFunc(maps.Values(found), func(a, b Interface) int { return cmp.Compare(a.ID, b.ID) }), nil
}

func (r *Releaser) sweep(ctx context.Context) ([]Interface, error) {
	if len(r.Rule.VPCs) > 0 {
		return r.Interfaces.AvailableInVPCs(ctx, r.Rule.VPCs)
	}
	return r.Interfaces.Available(ctx)
}

// subnetsOf lists the subnets of Auto Scaling groups. They only make a run look
// further, so that a group that is gone, or an API that fails, costs no more than these.
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

// distinct returns the list sorted, each value once, without empty ones.
func distinct(list []string) []string {
	list = slices.DeleteFunc(slices.Clone(list), func(s string) bool { return s == "" })
	slices.Sort(list)
	return slices.Compact(list)
}
