package main

import (
	"fmt"
	"image/color"
	"math"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"

	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator"
)

// Bounds of the time from an instance's death until the addresses that it left are back.
const (
	maxMedian = 2 * time.Minute
	maxP90    = 5 * time.Minute
	maxP99    = 5 * time.Minute // where events come early as seldom as they are lost
	// maxBehind is for the slowest hundredth, counted from when EC2 has detached it and
	// it can be released at all.
	maxBehind = 70 * time.Second
)

// seldom is as seldom as an event is lost. How often one comes early is documented nowhere.
const seldom = 0.02

// cleaners are the ways of giving addresses back that are compared, each as published:
// see infra/simulator/neighbour.go for the sources.
var cleaners = []struct {
	name    string
	early   float64 // the share of events that come while EC2 still detaches, which then takes minutes
	days    int     // to play with -update: 10 have more leaks than a hundredth needs
	color   color.Color
	prepare func(*region) // nil for this project
}{
	{"this, 2 % of events early", seldom, 10, nil, nil},
	{"this, 20 % of events early", usual.Early, 30, blue, nil},
	{"a cron script, every 15 minutes", usual.Early, 10, color.RGBA{R: 0x2f, G: 0x85, B: 0x5a, A: 0xff}, func(r *region) { r.world.AddCron(15 * time.Minute) }},
	{"ipamd's sweep, hourly on each node", usual.Early, 10, color.RGBA{R: 0xd6, G: 0x9e, B: 0x2e, A: 0xff}, func(r *region) {
		sweeping := map[string]bool{}
		r.each(time.Minute, func() {
			for _, node := range slices.Concat(r.nodes["undrained"], r.nodes["drained"]) {
				if !sweeping[node] {
					sweeping[node] = true
					r.world.SweepHourly(node)
				}
			}
		})
	}},
	{"two sightings, 30 minutes apart", usual.Early, 10, red, func(r *region) {
		r.world.AddResourceController("blue")
		r.world.AddResourceController("green")
	}},
}

// Scale-in day after day, with events lost, doubled, late and early: how long after an
// instance's death the addresses that it left are back. Until EC2 has detached an
// interface nobody can release it. The others are played with -update only.
func TestFromDeathToAddressesBack(t *testing.T) {
	t.Parallel()
	histories := make([]history, len(cleaners))
	t.Run("play", func(t *testing.T) {
		for n, cleaner := range cleaners {
			length := day / 2
			if *update {
				length = time.Duration(cleaner.days) * day
			}
			if cleaner.prepare == nil || *update {
				t.Run(cleaner.name, func(t *testing.T) {
					t.Parallel()
					histories[n] = remember(t, cleaner.early, length, cleaner.prepare)
				})
			}
		}
	})
	table := "| | leaks | median | p90 | p99 | longest |\n|---|---|---|---|---|---|\n"
	row := func(name string, waits []time.Duration) {
		table += fmt.Sprintf("| %s | %d | %s | %s | %s | %s |\n", name, len(waits), share(waits, 0.5), share(waits, 0.9), share(waits, 0.99), share(waits, 1))
	}
	picture := panel(t, "Addresses back, share of the leaks")
	picture.X.Label.Text = "minutes since the instance's death"
	var ticks plot.ConstantTicks
	for _, minutes := range []float64{0.5, 1, 2, 5, 10, 15, 30, 60, 120} {
		ticks = append(ticks, plot.Tick{Value: minutes, Label: fmt.Sprint(minutes)})
	}
	picture.X.Scale, picture.X.Tick.Marker = plot.LogScale{}, ticks
	picture.Legend.Top, picture.Legend.Left = true, true
	for n, cleaner := range cleaners {
		h := histories[n]
		if cleaner.prepare != nil && !*update {
			continue
		}
		if len(h.back) < 20 {
			t.Fatalf("%s: %d leaks", cleaner.name, len(h.back))
		}
		row(cleaner.name, h.back)
		if cleaner.prepare == nil {
			row("— of it, until EC2 has detached", h.detached)
			row("— of it, after that", h.behind)
			if share(h.back, 0.5) > maxMedian || share(h.back, 0.9) > maxP90 || share(h.behind, 0.99) > maxBehind || cleaner.early == seldom && share(h.back, 0.99) > maxP99 {
				t.Errorf("%s: %s", cleaner.name, table)
			}
		}
		if cleaner.color != nil {
			drawn := line(t, steps(h.back), cleaner.color)
			picture.Add(drawn)
			picture.Legend.Add(cleaner.name, drawn)
		}
	}
	published(t, "latency", table)
	if *update {
		picture.X.Min, picture.X.Max, picture.Y.Max = 0.5, 130, 1.15
		save(t, "latency.png", [][]*plot.Plot{{picture}})
	}
}

// A history is how long each interface that a dead instance left was there after its
// death, each list sorted: until its addresses were back (for ever where it was never
// released), until EC2 had detached it, and from then on until it was released.
type history struct{ back, detached, behind []time.Duration }

// remember plays a region with a cleaner.
func remember(t *testing.T, early float64, length time.Duration, prepare func(*region)) (h history) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		parameters := map[string]string{}
		if prepare != nil {
			parameters["DryRun"] = "true"
		}
		ended := map[string]time.Time{}
		options := usual
		options.Early = early
		r := liveWith(t, options, parameters, length, func(r *region) {
			r.leaveAtRandom()
			if prepare != nil {
				r.paused = true
				prepare(r)
			}
			r.each(10*time.Minute, func() {
				for _, i := range r.world.Instances() {
					if !i.TerminatedAt.IsZero() {
						ended[i.ID] = i.TerminatedAt
					}
				}
			})
		})
		lately := time.Now().Add(-4 * time.Hour) // what died then may be released later than this history ends
		leaked := func(i simulator.Interface) (death time.Time, is bool) {
			death, dead := ended[i.Creator]
			return death, dead && death.Before(lately) && !i.LeakedAt.IsZero()
		}
		for _, d := range r.world.Deletions() {
			if death, is := leaked(d.Interface); is && d.Caller != d.Creator {
				back, detached := max(0, d.At.Sub(death)), max(0, d.LeakedAt.Sub(death))
				h.back = append(h.back, back)
				h.detached = append(h.detached, detached)
				h.behind = append(h.behind, back-detached)
			}
		}
		for _, i := range r.world.Abandoned() {
			if _, is := leaked(i); is {
				h.back = append(h.back, math.MaxInt64)
			}
		}
	})
	for _, waits := range [][]time.Duration{h.back, h.detached, h.behind} {
		slices.Sort(waits)
	}
	return h
}

// leaveAtRandom has two nodes of each group die badly at any minute of the day, three
// times an hour, and none when the groups breathe: on the hour every cleaner would be
// as far in its round as the day before.
func (r *region) leaveAtRandom() {
	clear(r.leaking)
	r.each(20*time.Minute, func() {
		for _, group := range []string{"undrained", "drained"} {
			r.world.After(time.Duration(r.rand.Int64N(int64(20*time.Minute))), func() {
				r.leaking[group] = 1
				r.shrink(group, 2)
				r.leaking[group] = 0
				r.grow(group, 2)
			})
		}
	})
}

// share is the time within which a share of the sorted waits is over.
func share(waits []time.Duration, part float64) time.Duration {
	return waits[int(part*float64(len(waits)-1))].Round(time.Second)
}

// steps are the shares that were over by the minute.
func steps(waits []time.Duration) (shares plotter.XYs) {
	for n, wait := range waits {
		if wait < math.MaxInt64 {
			shares = append(shares, plotter.XY{X: max(0.5, wait.Minutes()), Y: float64(n+1) / float64(len(waits))})
		}
	}
	return shares
}
