package operations

import (
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"github.com/network-interface-releaser/network-interface-releaser/infra/test/harness"
	"github.com/network-interface-releaser/network-interface-releaser/infra/test/harness/chart"
)

// A line of the log: of a run, or of a release.
type line struct {
	Timestamp                              time.Time
	Message, Trigger, Group                string
	DryRun                                 bool
	Released, AddressesReleased, Addresses float64
	SinceTermination                       *float64
}

// A first week, dry, beside EKS's VPC resource controller, which cleans for the
// cluster blue only. What docs/adoption.md's queries make of the log is held against
// what the region holds: how long addresses were lost, and what nobody ever cleaned.
// It is a whole week with -update only.
func TestTheFirstWeek(t *testing.T) {
	t.Parallel()
	length := max(played(), 3*day)
	var truth, said struct{ addressHours, neverCleaned float64 }
	harness.Bubble(t, func(t *testing.T) {
		s := live(t, map[string]string{"DryRun": "true"}, length, func(s *stack) {
			s.Cleaners.AddResourceController("blue")
			s.Every(time.Minute, func() {
				for _, eni := range s.EC2.Leaked() {
					truth.addressHours += float64(len(eni.Addresses)) / 60
				}
			})
		})
		truth.neverCleaned = float64(len(s.Leaked()))
		sweeps, lastHalfDay := 0, time.Now().Add(-day/2)
		said.neverCleaned = math.Inf(1)
		for _, l := range harness.Lines[line](t, s.Stdout.String()) {
			if l.Message != "run completed" || l.Trigger != "schedule" || !l.DryRun {
				continue
			}
			sweeps++
			said.addressHours += l.AddressesReleased / 60
			if l.Timestamp.After(lastHalfDay) {
				said.neverCleaned = min(said.neverCleaned, l.Released)
			}
		}
		for _, call := range s.Calls() {
			if call.Caller == harness.AccessKey && !strings.HasPrefix(call.Action, "Describe") {
				t.Errorf("a dry run called %s", call.Action)
			}
		}
		if sweeps < int(length/time.Minute)-1 {
			t.Errorf("%d sweeps", sweeps)
		}
	})
	t.Logf("addresses were lost for %.0f address-hours, the query says %.0f; nobody cleaned %.0f, the query says %.0f", truth.addressHours, said.addressHours, truth.neverCleaned, said.neverCleaned)
	if off := math.Abs(said.addressHours/truth.addressHours - 1); off > 0.05 || truth.addressHours < 100 {
		t.Errorf("the query is off by %.1f %%", 100*off)
	}
	if said.neverCleaned == 0 || said.neverCleaned > truth.neverCleaned {
		t.Errorf("the query says that nobody cleaned %v, the region %v", said.neverCleaned, truth.neverCleaned)
	}
}

// played returns how long tests of a week play: a week only with -update.
func played() time.Duration {
	if *harness.Update {
		return 7 * day
	}
	return 2 * day
}

// A weekOfLeaks is what pictures show of a simulated week.
type weekOfLeaks struct {
	held    plotter.XYs // addresses that leaked interfaces hold, by hour
	freed   plotter.XYs // addresses, by hour
	seconds plotter.XYs // from terminate to release, by hour of the release
	causes  map[string]float64
}

func play(t *testing.T, length time.Duration, parameters map[string]string) (w weekOfLeaks) {
	harness.Bubble(t, func(t *testing.T) {
		begun := time.Now()
		hours := func(at time.Time) float64 { return at.Sub(begun).Hours() / 24 }
		s := live(t, parameters, length, func(s *stack) {
			s.Every(time.Hour, func() {
				held := 0
				for _, eni := range s.EC2.Leaked() {
					held += len(eni.Addresses)
				}
				w.held = append(w.held, plotter.XY{X: hours(s.Loop.Now()), Y: float64(held)})
			})
		})
		w.causes = map[string]float64{}
		w.freed = make(plotter.XYs, int(length/time.Hour))
		for n := range w.freed {
			w.freed[n].X = float64(n) / 24
		}
		for _, l := range harness.Lines[line](t, s.Stdout.String()) {
			if l.Message == "released" {
				w.causes[l.Group] += l.Addresses
				w.freed[int(l.Timestamp.Sub(begun).Hours())].Y += l.Addresses
				if l.SinceTermination != nil {
					w.seconds = append(w.seconds, plotter.XY{X: hours(l.Timestamp), Y: *l.SinceTermination})
				}
			}
		}
	})
	return w
}

// TestPictures draws docs/pictures/week.png, with -update, from the lines that the
// function wrote in a simulated week; without, it looks whether two days have something to draw.
func TestPictures(t *testing.T) {
	t.Parallel()
	length := played()
	with, without := play(t, length, nil), play(t, length, map[string]string{"DryRun": "true"})
	most := slices.MaxFunc(without.held, func(a, b plotter.XY) int { return int(a.Y - b.Y) }).Y
	for _, hour := range with.held {
		if hour.Y > most/4 {
			t.Errorf("on day %.1f, %v addresses are lost", hour.X, hour.Y)
		}
	}
	if len(with.seconds) < 10 || most < 150 || with.causes["undrained"] < 3*with.causes["drained"] {
		t.Fatalf("%d releases, %v addresses lost without, causes %v: no picture", len(with.seconds), most, with.causes)
	}
	if !*harness.Update {
		return
	}
	lost, saved := chart.Line(t, without.held, chart.Red), chart.Line(t, with.held, chart.Blue)
	held := chart.Panel("Addresses that leaked interfaces hold", lost, saved)
	held.Legend.Top, held.Legend.Left = true, true
	held.Legend.Add("without (dry run)", lost)
	held.Legend.Add("with", saved)
	points := harness.Must(plotter.NewScatter(with.seconds))(t)
	points.Color, points.Radius, points.Shape = chart.Blue, vg.Points(1.6), draw.CircleGlyph{}
	var names []string
	var values plotter.Values
	for _, group := range []string{"undrained", "drained", ""} {
		if with.causes[group] > 0 {
			values = append(values, with.causes[group])
			names = append(names, map[string]string{"": "not known (hidden, or gone)"}[group]+group)
		}
	}
	bars := harness.Must(plotter.NewBarChart(values, vg.Points(46)))(t)
	bars.Color, bars.LineStyle.Width = chart.Blue, 0
	causes := chart.Panel("Addresses freed, by Auto Scaling group", bars)
	causes.X.Label.Text = ""
	causes.NominalX(names...)
	causes.X.Min, causes.X.Max = -0.6, float64(len(names))-0.4
	chart.Save(t, "week.png", [][]*plot.Plot{
		{held, chart.Panel("Addresses freed, an hour", chart.Line(t, with.freed, chart.Blue))},
		{chart.Panel("Seconds from terminate to release, each interface", points), causes},
	})
}
