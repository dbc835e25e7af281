package main

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator"
)

// A watch tells a screen what happens in a scene.
type watch struct {
	scene   *scene
	journal *journal
	bus     *simulator.Queue // hears every event
	left    []string         // nodes that go and are not terminated yet
	begun   bool             // the scale-in has
	back    int              // addresses, by the audit lines
	given   int              // interfaces
	lost    int              // events
}

// A view is what the screen shows.
type view struct {
	at       time.Duration
	subnets  []subnetView
	inUse    int
	open     int // abandoned, to be released
	held     int // addresses of these
	mustStay int // available as well
	given    int
	back     int
}

type subnetView struct {
	name             string
	size, held, free int
}

// tellWithin is how soon after its end an instance's event comes, if it comes at
// all: 2 s, and a little time for the poll.
const tellWithin = 4 * time.Second

func newWatch(s *scene, j *journal) (*watch, error) {
	bus := s.world.AddQueue(simulator.Queue{Name: "bus"})
	if err := s.world.AddRule([]byte(pattern), bus); err != nil {
		return nil, fmt.Errorf("listening to the events: %w", err)
	}
	return &watch{scene: s, journal: j, bus: bus}, nil
}

// look says what is new and draws the picture. It tells whether things are still in motion.
func (w *watch) look(at time.Duration, screen *screen) (busy bool, err error) {
	if gone := w.scene.gone(); len(gone) > 0 && !w.begun {
		w.begun, w.left = true, gone
		screen.say(at, fmt.Sprintf("%d nodes go: %d by Auto Scaling, %d by Karpenter.", len(gone), scaledIn, len(gone)-scaledIn))
	}
	w.hear(at, screen)
	lines, err := w.journal.next()
	for _, l := range lines {
		w.tell(at, l, screen)
	}
	v := w.view(at)
	screen.draw(v)
	return !w.begun || len(w.left) > 0 || v.open > 0, err
}

// hear tells of nodes that are terminated, and of their events.
func (w *watch) hear(at time.Duration, screen *screen) {
	heard := map[string]bool{}
	for _, m := range w.bus.Messages() {
		var event struct {
			Detail struct{ EC2InstanceId string }
		}
		if json.Unmarshal([]byte(m.Body), &event) == nil {
			heard[event.Detail.EC2InstanceId] = true
		}
	}
	var left []string
	for _, id := range w.left {
		i, _ := w.scene.world.Instance(id)
		over := !i.TerminatedAt.IsZero() && w.scene.world.Now().Sub(i.TerminatedAt) > tellWithin
		switch {
		case heard[id]:
			screen.say(at, "Auto Scaling terminated "+id+": event sent")
		case over && i.Subnet == w.scene.subnets[2].id:
			screen.say(at, "Karpenter terminated    "+id+": no event tells of it")
		case over:
			screen.say(at, "Auto Scaling terminated "+id+": "+screen.warn("event lost"))
			w.lost++
		default:
			left = append(left, id)
		}
	}
	w.left = left
}

// tell tells of what the function logged.
func (w *watch) tell(at time.Duration, l line, screen *screen) {
	who := map[string]string{"schedule": "Function, by schedule", "event": "Function, by events", "hand": "Function, by hand"}[l.Trigger]
	switch {
	case l.Message == audit:
		w.given, w.back = w.given+1, w.back+l.Addresses
	case l.Message == failed:
		screen.say(at, screen.warn(who+": the run failed"))
	case l.Message == totals && l.Trigger != "hand" && l.Released > 0:
		screen.say(at, screen.good(fmt.Sprintf("%s: %d released, %d addresses back; %d kept", who, l.Released, l.AddressesReleased, l.kept())))
	case l.Message == totals && l.Trigger == "hand":
		screen.say(at, fmt.Sprintf("%s: would release %d, keeps %d", who, l.Released, l.kept()))
	case l.Message == totals:
		screen.say(at, fmt.Sprintf("%s: nothing to release; %d kept", who, l.kept()))
	}
}

func (r report) kept() (count int) {
	for _, n := range r.Kept {
		count += n
	}
	return count
}

// view takes stock of the region.
func (w *watch) view(at time.Duration) view {
	v := view{at: at, given: w.given, back: w.back}
	held := map[string]int{}
	for _, eni := range w.scene.world.Interfaces() {
		switch {
		case eni.Status != "available":
			v.inUse++
		case eni.LeakedAt.IsZero() || w.scene.onPurpose(eni) != "":
			v.mustStay++
		default:
			v.open++
			held[eni.Subnet] += size(eni)
			v.held += size(eni)
		}
	}
	for _, s := range w.scene.subnets {
		v.subnets = append(v.subnets, subnetView{s.name, s.size, held[s.id], w.scene.world.FreeAddresses(s.id)})
	}
	return v
}

// size is how many addresses an interface holds.
func size(eni simulator.Interface) int { return len(eni.Addresses) + 16*len(eni.Prefixes) }
