// Package chart draws the pictures of docs/pictures. It is apart from package harness so that only
// tests that draw are built with a plotting library.
package chart

import (
	"bytes"
	"image/color"
	"os"
	"path/filepath"
	"testing"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgimg"

	"github.com/network-interface-releaser/network-interface-releaser/infra/test/harness"
)

// Colors of lines.
var (
	Red  = color.RGBA{R: 0xc4, G: 0x3c, B: 0x39, A: 0xff}
	Blue = color.RGBA{R: 0x2b, G: 0x6c, B: 0xb0, A: 0xff}
)

// Line returns a line through values.
func Line(t *testing.T, values plotter.XYs, of color.Color) *plotter.Line {
	l := harness.Must(plotter.NewLine(values))(t)
	l.Color, l.Width = of, vg.Points(1.2)
	return l
}

// Panel returns one plot over days.
func Panel(title string, content ...plot.Plotter) *plot.Plot {
	p := plot.New()
	p.Title.Text, p.X.Label.Text, p.Y.Min = title, "day", 0
	p.Title.Padding = vg.Points(6)
	p.Add(plotter.NewGrid())
	p.Add(content...)
	return p
}

// Save draws rows of panels into a file of docs/pictures.
func Save(t *testing.T, name string, rows [][]*plot.Plot) {
	image := vgimg.New(vg.Points(900), vg.Points(540))
	tiles := draw.Tiles{Rows: len(rows), Cols: len(rows[0]), PadX: vg.Points(16), PadY: vg.Points(16), PadTop: vg.Points(6), PadRight: vg.Points(12), PadLeft: vg.Points(6), PadBottom: vg.Points(6)}
	for row, canvases := range plot.Align(rows, tiles, draw.New(image)) {
		for column, canvas := range canvases {
			rows[row][column].Draw(canvas)
		}
	}
	var png bytes.Buffer
	harness.Must(vgimg.PngCanvas{Canvas: image}.WriteTo(&png))(t)
	harness.OK(t, os.WriteFile(filepath.Join(harness.Root(), "docs", "pictures", name), png.Bytes(), 0o644))
}
