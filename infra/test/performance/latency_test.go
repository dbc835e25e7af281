package performance

import (
	"fmt"
	"image/color"
	"math"
	"slices"
	"testing"
	"time"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"

	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator/cni"
	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator/ec2"
	"github.com/network-interface-releaser/network-interface-releaser/infra/test/harness"
	"github.com/network-interface-releaser/network-interface-releaser/infra/test/harness/chart"
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

const day = 24 * time.Hour

// seldom is as seldom as an event is lost. How often one comes early is documented nowhere.
const seldom = 0.02

// cleaners are the ways of giving addresses back that are compared, each as published:
// see infra/simulator/cleaners/cleaners.go for the sources.
var cleaners = []struct {
	name    string
	early   float64 // the share of events that come while EC2 still detaches, which then takes minutes
	days    int     // to play with -update: 10 have more leaks than a hundredth needs
	color   color.Color
	prepare func(*harness.Stack) // nil for this project

	standalone bool // no Auto Scaling group owns the nodes, as Karpenter's
}{
	{"this, 2 % of events early", seldom, 10, nil, nil, false},
	{"this, 20 % of events early", harness.Usual.Early, 30, chart.Blue, nil, false},
	{"this, nodes of no group, StateChangeEvents", seldom, 10, nil, nil, true},
	{"a cron script, every 15 minutes", harness.Usual.Early, 10, color.RGBA{R: 0x2f, G: 0x85, B: 0x5a, A: 0xff}, func(s *harness.Stack) { s.Cleaners.AddCron(15 * time.Minute) }, false},
	{"ipamd's sweep, hourly on each node", harness.Usual.Early, 10, color.RGBA{R: 0xd6, G: 0x9e, B: 0x2e, A: 0xff}, func(s *harness.Stack) {
		sweeping := map[string]bool{}
		s.Every(time.Minute, func() {
			for _, node := range slices.Concat(s.Members["undrained"], s.Members["drained"]) {
				if !sweeping[node] {
					sweeping[node] = true
					s.Cleaners.SweepHourly(node)
				}
			}
		})
	}, false},
	{"EKS's resource controller", harness.Usual.Early, 10, chart.Red, func(s *harness.Stack) {
		s.Cleaners.AddResourceController("blue")
		s.Cleaners.AddResourceController("green")
	}, false},
}

// Scale-in day after day, with events lost, doubled, late and early: how long after an
// instance's death the addresses that it left are back. Until EC2 has detached an
// interface nobody can release it. The others are played with -update only.
func TestFromDeathToAddressesBack(t *testing.T) {
	t.Parallel()
	all := make([]waits, len(cleaners))
	t.Run("play", func(t *testing.T) {
		for n, cleaner := range cleaners {
			length := day / 2
			if *harness.Update {
				length = time.Duration(cleaner.days) * day
			}
			if cleaner.prepare == nil || *harness.Update {
				t.Run(cleaner.name, func(t *testing.T) {
					t.Parallel()
					all[n] = play(t, cleaner.early, length, cleaner.standalone, cleaner.prepare)
				})
			}
		}
	})
	table := "| | leaks | median | p90 | p99 | longest |\n|---|---|---|---|---|---|\n"
	row := func(name string, waits []time.Duration) {
		table += fmt.Sprintf("| %s | %d | %s | %s | %s | %s |\n", name, len(waits), share(waits, 0.5), share(waits, 0.9), share(waits, 0.99), share(waits, 1))
	}
	for n, cleaner := range cleaners {
		w := all[n]
		if cleaner.prepare != nil && !*harness.Update {
			continue
		}
		if len(w.back) < 20 {
			t.Fatalf("%s: %d leaks", cleaner.name, len(w.back))
		}
		row(cleaner.name, w.back)
		if cleaner.prepare == nil {
			row("— of it, until EC2 has detached", w.detached)
			row("— of it, after that", w.behind)
			if share(w.back, 0.5) > maxMedian || share(w.back, 0.9) > maxP90 || share(w.behind, 0.99) > maxBehind || cleaner.early == seldom && share(w.back, 0.99) > maxP99 {
				t.Errorf("%s: %s", cleaner.name, table)
			}
		}
	}
	harness.Publish(t, page, "latency", table, false)
	if *harness.Update {
		draw(t, all)
	}
}

// draw draws docs/pictures/latency.png: a line for each cleaner that has a color.
func draw(t *testing.T, all []waits) {
	picture := chart.Panel("Addresses back, share of the leaks")
	picture.X.Label.Text = "minutes since the instance's death"
	var ticks plot.ConstantTicks
	for _, minutes := range []float64{0.5, 1, 2, 5, 10, 15, 30, 60, 120} {
		ticks = append(ticks, plot.Tick{Value: minutes, Label: fmt.Sprint(minutes)})
	}
	picture.X.Scale, picture.X.Tick.Marker = plot.LogScale{}, ticks
	picture.Legend.Top, picture.Legend.Left = true, true
	for n, cleaner := range cleaners {
		if cleaner.color != nil {
			line := chart.Line(t, steps(all[n].back), cleaner.color)
			picture.Add(line)
			picture.Legend.Add(cleaner.name, line)
		}
	}
	picture.X.Min, picture.X.Max, picture.Y.Max = 0.5, 130, 1.15
	chart.Save(t, "latency.png", [][]*plot.Plot{{picture}})
}

// waits are how long each interface that a dead instance left was there after its death, each
// list sorted: until its addresses were back (for ever where it was never released), until EC2
// had detached it, and from then on until it was released.
type waits struct{ back, detached, behind []time.Duration }

// play plays a stack with a cleaner.
func play(t *testing.T, early float64, length time.Duration, standalone bool, prepare func(*harness.Stack)) (w waits) {
	harness.Bubble(t, func(t *testing.T) {
		ended := map[string]time.Time{}
		options := harness.Usual
		options.Early = early
		parameters := map[string]string{"DryRun": fmt.Sprint(prepare != nil), "StateChangeEvents": "DISABLED"}
		if standalone {
			parameters["StateChangeEvents"] = "ENABLED"
		}
		s := harness.Live(t, options, parameters, length, func(s *harness.Stack) {
			if standalone {
				leaveOneByOne(s)
			} else {
				leaveAtRandom(s)
			}
			if prepare != nil {
				s.Deployed.Paused = true
				prepare(s)
			}
			s.Every(10*time.Minute, func() {
				for _, i := range s.EC2.Instances() {
					if !i.TerminatedAt.IsZero() {
						ended[i.ID] = i.TerminatedAt
					}
				}
			})
		})
		lately := time.Now().Add(-4 * time.Hour) // what died then may be released later than this ends
		leaked := func(i ec2.Interface) (death time.Time, is bool) {
			death, dead := ended[i.Creator]
			return death, dead && death.Before(lately) && !i.LeakedAt.IsZero()
		}
		for _, d := range s.Deletions() {
			if death, is := leaked(d.Interface); is && d.Caller != d.Creator {
				back, detachedAfter := max(0, d.At.Sub(death)), max(0, d.LeakedAt.Sub(death))
				w.back = append(w.back, back)
				w.detached = append(w.detached, detachedAfter)
				w.behind = append(w.behind, back-detachedAfter)
			}
		}
		for _, i := range s.Leaked() {
			if _, is := leaked(i); is {
				w.back = append(w.back, math.MaxInt64)
			}
		}
	})
	for _, list := range [][]time.Duration{w.back, w.detached, w.behind} {
		slices.Sort(list)
	}
	return w
}

// leaveAtRandom has two nodes of each group die badly at any minute of the day, three
// times an hour, and none when the groups breathe: on the hour every cleaner would be
// as far in its round as the day before.
func leaveAtRandom(s *harness.Stack) {
	clear(s.Leaking)
	s.Every(20*time.Minute, func() {
		for _, group := range []string{"undrained", "drained"} {
			s.Loop.After(time.Duration(s.Random.Int64N(int64(20*time.Minute))), func() {
				s.Leaking[group] = 1
				s.Shrink(group, 2)
				s.Leaking[group] = 0
				s.Grow(group, 2)
			})
		}
	})
}

// leaveOneByOne launches standalone nodes, four in 20 minutes, each of which soon dies badly. Those
// of groups rest.
func leaveOneByOne(s *harness.Stack) {
	clear(s.Leaking)
	s.Every(5*time.Minute, func() {
		node, err := s.Nodes.Launch(cni.Node{Subnet: s.Subnets[s.Random.IntN(2)], CNI: cni.Config{Cluster: "blue", Addresses: 15}})
		if err != nil {
			return // the subnet is full
		}
		s.Nodes.AllocENI(node, 2)
		s.Loop.After(5*time.Minute+time.Duration(s.Random.Int64N(int64(20*time.Minute))), func() { s.Crash(node) })
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
