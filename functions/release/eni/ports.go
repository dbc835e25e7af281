package eni

import (
	"context"
	"errors"
)

// The ports of a run. Every method is called with a non-empty list only, and returns all
// pages or an error, never a part.

// Interfaces lists network interfaces.
type Interfaces interface {
	// Available lists the CNI's available interfaces of the region.
	Available(ctx context.Context) ([]Interface, error)
	// AvailableInVPCs lists the CNI's available interfaces of these VPCs.
	AvailableInVPCs(ctx context.Context, vpcs []string) ([]Interface, error)
	// AvailableInSubnets lists the CNI's available interfaces of these subnets.
	AvailableInSubnets(ctx context.Context, subnets []string) ([]Interface, error)
	// Existing returns those of these interfaces that EC2 still lists.
	Existing(ctx context.Context, ids []string) (map[string]bool, error)
	// OfInstances lists the interfaces described as these instances' own, in any status.
	OfInstances(ctx context.Context, instances []string) ([]Interface, error)
}

// Instances returns those of these instances that EC2 shows.
type Instances interface {
	Visible(ctx context.Context, instances []string) (map[string]Instance, error)
}

// Subnets returns the number of free addresses of each of these subnets.
type Subnets interface {
	FreeAddresses(ctx context.Context, subnets []string) (map[string]int, error)
}

// Groups lists the subnets of Auto Scaling groups. Together with an error it returns those
// that it could read: they only widen a scope.
type Groups interface {
	Subnets(ctx context.Context, groups []string) ([]string, error)
}

// Deleter is the one write.
type Deleter interface {
	// Delete deletes one interface and returns EC2's request ID. Every attempt, a retry too,
	// first waits for the limiter. Its error has one of the classes below, or none.
	Delete(ctx context.Context, id string, limiter Limiter) (requestID string, err error)
}

// Limiter paces calls, as a *rate.Limiter of golang.org/x/time does: Wait returns when the next
// one may be made, or at once with an error where that is after the context's deadline.
type Limiter interface{ Wait(context.Context) error }

// Classes of the errors of a delete. Adapters wrap their errors in these.
var (
	ErrGone         = errors.New("the interface is gone already")
	ErrInUse        = errors.New("the interface is in use")
	ErrNotPermitted = errors.New("EC2 does not permit it on this interface")
	ErrUnauthorized = errors.New("the credentials do not allow ec2:DeleteNetworkInterface here")
	ErrThrottled    = errors.New("EC2 throttles this account's calls")
)

// DryRun is a Deleter that deletes nothing and never waits, so that a dry run reports everything
// that would be released.
type DryRun struct{}

// Delete does nothing and succeeds.
func (DryRun) Delete(context.Context, string, Limiter) (string, error) { return "", nil }
