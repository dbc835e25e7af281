package eni

import (
	"context"
	"errors"
)

// What a run needs of the outside. Every method is asked for a non-empty list
// only, and answers with all pages or with an error, never with a part.

// Interfaces lists network interfaces.
type Interfaces interface {
	// Available lists the CNI's available interfaces of the region.
	Available(ctx context.Context) ([]Interface, error)
	// AvailableInVPCs lists the CNI's available interfaces of these VPCs.
	AvailableInVPCs(ctx context.Context, vpcs []string) ([]Interface, error)
	// AvailableInSubnets lists the CNI's available interfaces of these subnets.
	AvailableInSubnets(ctx context.Context, subnets []string) ([]Interface, error)
	// OfInstances lists the interfaces described as these instances' own,
	// wherever they are and whatever their status.
	OfInstances(ctx context.Context, instances []string) ([]Interface, error)
}

// Instances tells of each of these instances that EC2 shows; the others are
// absent from the answer.
type Instances interface {
	Visible(ctx context.Context, instances []string) (map[string]Instance, error)
}

// Subnets tells how many addresses are free in each of these subnets.
type Subnets interface {
	FreeAddresses(ctx context.Context, subnets []string) (map[string]int, error)
}

// Groups lists the subnets of Auto Scaling groups. Together with an error it
// returns those that it could read: they only widen where a run looks.
type Groups interface {
	Subnets(ctx context.Context, groups []string) ([]string, error)
}

// Deleter is the one write.
type Deleter interface {
	// Delete deletes one interface. Every attempt that goes to EC2, a retry too, first
	// waits for the limiter. The request ID is EC2's, for CloudTrail; the error is of one
	// of the classes below, or of none.
	Delete(ctx context.Context, id string, limiter Limiter) (requestID string, err error)
}

// Limiter paces calls. Wait returns when the next one may be made, or an error at once
// where that comes too late for the context. A *rate.Limiter of golang.org/x/time fits.
type Limiter interface{ Wait(context.Context) error }

// Classes of EC2's answers to a delete. Adapters wrap their errors in these.
var (
	ErrGone         = errors.New("the interface is gone already")
	ErrInUse        = errors.New("the interface is in use")
	ErrNotPermitted = errors.New("EC2 does not permit it on this interface")
	ErrUnauthorized = errors.New("the credentials do not allow ec2:DeleteNetworkInterface here")
	ErrThrottled    = errors.New("EC2 throttles this account's calls")
)

// DryRun is a Deleter that deletes nothing and never waits, so that a dry run reports all
// that would be released.
type DryRun struct{}

// Delete does nothing, and succeeds.
func (DryRun) Delete(context.Context, string, Limiter) (string, error) { return "", nil }
