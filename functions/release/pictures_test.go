package main

import (
	"image/color"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgimg"
)

// played is how long the tests play that tell of a week: that long only with -update.
func played() time.Duration {
	if *update {
		return 7 * day
	}
	return 2 * day
}

// A weekOfLeaks is what pictures show of a simulated week.
type weekOfLeaks struct {
	held     plotter.XYs // addresses that abandoned interfaces hold, by hour
	returned plotter.XYs // addresses given back, by hour
	seconds  plotter.XYs // from terminate to release, by hour of the release
	causes   map[string]float64
}

func play(t *testing.T, length time.Duration, parameters map[string]string) (w weekOfLeaks) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		begun := time.Now()
		hours := func(at time.Time) float64 { return at.Sub(begun).Hours() / 24 }
		r := live(t, parameters, length, func(r *region) {
			r.each(time.Hour, func() {
				held := 0
				for _, eni := range r.world.Abandoned() {
					held += len(eni.Addresses)
				}
				w.held = append(w.held, plotter.XY{X: hours(r.world.Now()), Y: float64(held)})
			})
		})
		w.causes = map[string]float64{}
		w.returned = make(plotter.XYs, int(length/time.Hour))
		for n := range w.returned {
			w.returned[n].X = float64(n) / 24
		}
		type release struct {
			Timestamp        time.Time
			Message, Group   string
			Addresses        float64
			SinceTermination *float64
		}
		for _, l := range decoded[release](t, r.log.String()) {
			if l.Message == "released" {
				w.causes[l.Group] += l.Addresses
				w.returned[int(l.Timestamp.Sub(begun).Hours())].Y += l.Addresses
				if l.SinceTermination != nil {
					w.seconds = append(w.seconds, plotter.XY{X: hours(l.Timestamp), Y: *l.SinceTermination})
				}
			}
		}
	})
	return w
}

var (
	red  = color.RGBA{R: 0xc4, G: 0x3c, B: 0x39, A: 0xff}
	blue = color.RGBA{R: 0x2b, G: 0x6c, B: 0xb0, A: 0xff}
)

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
	if !*update {
		return
	}
	lost, saved := line(t, without.held, red), line(t, with.held, blue)
	held := panel(t, "Addresses that abandoned interfaces hold", lost, saved)
	held.Legend.Top, held.Legend.Left = true, true
	held.Legend.Add("without (dry run)", lost)
	held.Legend.Add("with", saved)
	points, err := plotter.NewScatter(with.seconds)
	if err != nil {
		t.Fatal(err)
	}
	points.Color, points.Radius, points.Shape = blue, vg.Points(1.6), draw.CircleGlyph{}
	var names []string
	var values plotter.Values
	for _, group := range []string{"undrained", "drained", ""} {
		if with.causes[group] > 0 {
			values = append(values, with.causes[group])
			names = append(names, map[string]string{"": "not known (hidden, or gone)"}[group]+group)
		}
	}
	bars, err := plotter.NewBarChart(values, vg.Points(46))
	if err != nil {
		t.Fatal(err)
	}
	bars.Color, bars.LineStyle.Width = blue, 0
	causes := panel(t, "Addresses given back, by Auto Scaling group", bars)
	causes.X.Label.Text = ""
	causes.NominalX(names...)
	causes.X.Min, causes.X.Max = -0.6, float64(len(names))-0.4
	save(t, "week.png", [][]*plot.Plot{
		{held, panel(t, "Addresses given back, an hour", line(t, with.returned, blue))},
		{panel(t, "Seconds from terminate to release, each interface", points), causes},
	})
}

func line(t *testing.T, values plotter.XYs, of color.Color) *plotter.Line {
	t.Helper()
	l, err := plotter.NewLine(values)
	if err != nil {
		t.Fatal(err)
	}
	l.Color, l.Width = of, vg.Points(1.2)
	return l
}

func panel(t *testing.T, title string, content ...plot.Plotter) *plot.Plot {
	t.Helper()
	p := plot.New()
	p.Title.Text, p.X.Label.Text, p.Y.Min = title, "day", 0
	p.Title.Padding = vg.Points(6)
	p.Add(plotter.NewGrid())
	p.Add(content...)
	return p
}

// save draws rows of panels into a file of docs/pictures.
func save(t *testing.T, name string, rows [][]*plot.Plot) {
	t.Helper()
	image := vgimg.New(vg.Points(900), vg.Points(540))
	tiles := draw.Tiles{Rows: len(rows), Cols: len(rows[0]), PadX: vg.Points(16), PadY: vg.Points(16), PadTop: vg.Points(6), PadRight: vg.Points(12), PadLeft: vg.Points(6), PadBottom: vg.Points(6)}
	for row, canvases := range plot.Align(rows, tiles, draw.New(image)) {
		for column, canvas := range canvases {
			rows[row][column].Draw(canvas)
		}
	}
	file, err := os.Create(filepath.Join(root, "docs", "pictures", name))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := (vgimg.PngCanvas{Canvas: image}).WriteTo(file); err != nil {
		t.Fatal(err)
	}
	if err := file.Close(); err != nil {
		t.Fatal(err)
	}
}
