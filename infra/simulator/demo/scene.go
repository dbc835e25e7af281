package main

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator"
)

const (
	account = "123456789012"
	group   = "blue-workers"

	scaledIn = 10 // nodes of the group, in the live part
	drained  = 3  // of Karpenter's

	past  = 26 * time.Hour   // more than a day: then a running owner no longer counts
	lapse = 8                // seconds of the region in one of ours
	limit = 25 * time.Second // ours

	// On AWS these three are 60, 15 and 60 s (template.yaml).
	settle     = 2 * lapse * time.Second
	gather     = 1 * lapse * time.Second
	sweepEvery = 8 * lapse * time.Second

	// After the past.
	firstSweep = 3 * lapse * time.Second / 2
	scaleIn    = 4 * lapse * time.Second

	lookEarly = 500 * time.Millisecond // a CNI attaches what it created 0.7 to 3 s later
)

// A subnet of the scene. Those of Auto Scaling are a and b; in c are Karpenter's
// nodes, of which no event tells.
type subnet struct {
	id, name string
	size     int
}

// A scene is a region with two clusters in it, and their history.
type scene struct {
	seed    uint64
	world   *simulator.World
	rand    *rand.Rand // the scene's own, so that its choices hang on the seed alone
	vpc     string
	subnets []subnet
	start   time.Time // of the past

	neighbours map[string]string // interfaces that no one may touch, and what they are
	err        error

	mu         sync.Mutex // for what the live part changes
	blue       []string   // nodes that Auto Scaling keeps, the oldest first
	karpenter  []string
	terminated []string // nodes that went in the live part
}

// newScene makes a region at the start of its past, with its whole history
// scheduled from one instant on: so one seed is one history.
func newScene(seed uint64) (*scene, error) {
	s := &scene{seed: seed, rand: rand.New(rand.NewPCG(seed, 2)), neighbours: map[string]string{}}
	s.world = simulator.New(simulator.NewClock(-past-lapse*limit), rand.New(rand.NewPCG(seed, 1)), simulator.Options{
		Account: account, Lost: 0.3, Doubled: 0.1, HideManaged: true, EmptyPages: 0.1,
	})
	s.vpc = s.world.AddVPC("10.0.0.0/16")
	for i, name := range []string{"a", "b", "c"} {
		s.subnets = append(s.subnets, subnet{id: s.world.AddSubnet(s.vpc, fmt.Sprintf("10.0.%d.0/24", i), name), name: name})
		s.subnets[i].size = s.world.FreeAddresses(s.subnets[i].id)
	}
	s.start = s.world.Now()
	s.world.After(0, func() {
		s.start = s.world.Now()
		s.writePast()
		s.writeLive()
	})
	s.world.Advance(0)
	return s, s.err
}

// playPast plays the past through, at once. Connect comes one sweep before firstSweep.
func (s *scene) playPast(connect func(*simulator.World) error) error {
	s.world.Advance(past + firstSweep - sweepEvery)
	if err := connect(s.world); err != nil {
		return fmt.Errorf("connecting the function: %w", err)
	}
	s.world.Advance(sweepEvery - firstSweep)
	if s.err != nil {
		return fmt.Errorf("playing the past: %w", s.err)
	}
	return nil
}

// elapsed is how long the scene plays already.
func (s *scene) elapsed() time.Duration { return s.world.Now().Sub(s.start) }

// replay is the same scene without the function, at the same time.
func replay(seed uint64, looked, end time.Duration) (*scene, error) {
	twin, err := newScene(seed)
	if err != nil {
		return nil, err
	}
	if err := twin.playPast(func(*simulator.World) error { return nil }); err != nil {
		return nil, err
	}
	twin.world.Advance(looked - twin.elapsed())
	twin.allocate(2)
	twin.world.Advance(end - twin.elapsed())
	return twin, twin.err
}

// writeLive schedules what happens before the viewer's eyes: nodes go, most of
// them while their CNI gives an interface back. Others live on and add interfaces
// just when a sweep comes: those are available then, and must be kept.
func (s *scene) writeLive() {
	s.world.After(past+scaleIn, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		gone := s.world.ScaleIn(group, scaledIn)
		s.blue = s.blue[len(gone):]
		for i, node := range gone {
			if i%4 != 3 { // the others leave nothing behind
				s.dieWhileGivingBack(node)
			}
		}
		stay := len(s.karpenter) - drained
		for _, node := range s.karpenter[stay:] {
			s.world.Terminate(node)
			s.dieWhileGivingBack(node)
			gone = append(gone, node)
		}
		s.karpenter = s.karpenter[:stay]
		s.terminated = gone
	})
	for at := firstSweep + sweepEvery; at < lapse*limit; at += sweepEvery {
		s.world.After(past+at-lookEarly, func() { s.allocate(1) })
	}
}

// allocate has some of the youngest nodes add an interface each.
func (s *scene) allocate(nodes int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range nodes {
		s.world.Allocate(s.blue[len(s.blue)-1-i], 1)
	}
}

// gone are the nodes that went in the live part.
func (s *scene) gone() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.terminated)
}

func (s *scene) dieWhileGivingBack(node string) {
	s.world.DieAt(node, simulator.Detached)
	s.world.GiveBack(node)
}

// note keeps the first error of the history.
func (s *scene) note(err error) {
	if s.err == nil {
		s.err = err
	}
}
