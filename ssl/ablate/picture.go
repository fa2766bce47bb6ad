package ablate

import (
	"fmt"
	"image/color"
	"io"
	"math"
	"strings"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/palette"
	"gonum.org/v1/plot/palette/moreland"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgimg"
)

const (
	cellSide = 58  // points, of a cell of a map
	meanGap  = 0.3 // between a map and its column of means, cells
	margin   = 8   // points, around a picture
)

// WritePicture writes a score as PNG: a map with the mean of each row, or a curve. Errors: no run at a place of it has the score (Has).
func (s *Study) WritePicture(w io.Writer, score string) error {
	if !s.Has(score) {
		return fmt.Errorf("ablate: picture of %s: no run has it", score)
	}
	paint := s.curve
	if len(s.Axes) == 2 {
		paint = s.heatMap
	}
	p, width, height, err := paint(score)
	if err != nil {
		return fmt.Errorf("ablate: picture of %s: %w", score, err)
	}
	c := vgimg.New(width, height)
	all := draw.New(c)
	all.SetColor(color.White)
	all.Fill(all.Rectangle.Path())
	p.Draw(draw.Crop(all, margin, -margin, margin, -margin))
	_, err = vgimg.PngCanvas{Canvas: c}.WriteTo(w)
	return err
}

// title says what a picture shows.
func (s *Study) title(score string) string {
	t := Title(score)
	if IsPercent(score) {
		t += ", accuracy in %"
	}
	if n := len(s.Seeds); n > 1 {
		t += fmt.Sprintf(", mean ± std of %d seeds", n)
	}
	if u, ok := s.Untrained[score]; ok {
		t += fmt.Sprintf("\nuntrained network %.1f", u)
	}
	if x := s.At(score); x.N > 0 {
		t += fmt.Sprintf(", all augmentations of the method %.1f", x.Mean)
	}
	return t
}

// tile is a cell of a map: a number, NaN if there is none, and how it is written.
type tile struct {
	value float64
	text  string
}

// grid is a block of tiles as plotter.GridXYZ, the lowest row first.
type grid struct {
	rows [][]tile
	left float64 // of its first column
}

func (g grid) Dims() (c, r int)   { return len(g.rows[0]), len(g.rows) }
func (g grid) Z(c, r int) float64 { return g.rows[r][c].value }
func (g grid) X(c int) float64    { return g.left + float64(c) }
func (g grid) Y(r int) float64    { return float64(r) }

// heatMap returns the map of a score.
func (s *Study) heatMap(score string) (*plot.Plot, vg.Length, vg.Length, error) {
	rows, columns := len(s.Axes[0].Values), len(s.Axes[1].Values)
	body, means := grid{}, grid{left: float64(columns) + meanGap}
	low, high := math.Inf(1), math.Inf(-1)
	for i := rows - 1; i >= 0; i-- {
		var row []tile
		for j := range columns {
			x := s.At(score, i, j)
			row = append(row, newTile(x))
			if x.N > 0 {
				low, high = min(low, x.Mean), max(high, x.Mean)
			}
		}
		body.rows = append(body.rows, row)
		means.rows = append(means.rows, []tile{newTile(s.RowMean(score, i).Alone())})
	}
	if low == high {
		high = low + 1
	}
	colors, err := ramp()
	if err != nil {
		return nil, 0, 0, err
	}
	p := plot.New()
	for _, g := range []grid{body, means} {
		h := plotter.NewHeatMap(g, colors)
		h.Min, h.Max, h.NaN = low, high, color.Gray{0xdd}
		texts, err := g.texts(low, high)
		if err != nil {
			return nil, 0, 0, err
		}
		p.Add(h, texts)
	}
	s.decorate(p, score)
	return p, vg.Points(cellSide * float64(columns+3)), vg.Points(cellSide*float64(rows+1) + 50), nil
}

func newTile(x Stat) tile {
	value := x.Mean
	if x.N == 0 {
		value = math.NaN()
	}
	return tile{value, strings.Replace(x.String(), "±", "\n±", 1)}
}

// ramp returns the colors of a map, from dark to bright, so that it can be read in black and white.
func ramp() (palette.Palette, error) {
	m, err := moreland.NewLuminance([]color.Color{color.NRGBA{48, 18, 90, 255}, color.NRGBA{33, 120, 140, 255}, color.NRGBA{253, 231, 37, 255}})
	if err != nil {
		return nil, err
	}
	m.SetMin(0)
	m.SetMax(1)
	return m.Palette(255), nil
}

// texts returns the numbers in the tiles: white on dark ones.
func (g grid) texts(low, high float64) (*plotter.Labels, error) {
	var at plotter.XYLabels
	var inks []color.Color
	for r, row := range g.rows {
		for c, x := range row {
			at.XYs, at.Labels = append(at.XYs, plotter.XY{X: g.X(c), Y: g.Y(r)}), append(at.Labels, x.text)
			ink := color.Color(color.Black)
			if (x.value-low)/(high-low) < 0.5 {
				ink = color.White
			}
			inks = append(inks, ink)
		}
	}
	texts, err := plotter.NewLabels(at)
	if err != nil {
		return nil, err
	}
	for i := range texts.TextStyle {
		style := &texts.TextStyle[i]
		style.XAlign, style.YAlign, style.Font.Size, style.Color = text.XCenter, text.YCenter, vg.Points(12), inks[i]
	}
	return texts, nil
}

// decorate adds the title, the names of rows and columns, and those of the axes.
func (s *Study) decorate(p *plot.Plot, score string) {
	rows, columns := s.Axes[0], s.Axes[1]
	p.Title.Text, p.Title.Padding = s.title(score), vg.Points(8)
	var x, y []plot.Tick
	for j, v := range columns.Values {
		x = append(x, plot.Tick{Value: float64(j), Label: v})
	}
	x = append(x, plot.Tick{Value: float64(len(columns.Values)) + meanGap, Label: "row mean"})
	for i, v := range rows.Values {
		y = append(y, plot.Tick{Value: float64(len(rows.Values) - 1 - i), Label: v})
	}
	p.X.Tick.Marker, p.Y.Tick.Marker = plot.ConstantTicks(x), plot.ConstantTicks(y)
	p.X.Label.Text, p.Y.Label.Text = columns.Name, rows.Name
	if s.Augmentations {
		p.X.Label.Text, p.Y.Label.Text = "with this augmentation too (diagonal: alone)", ""
	}
	for _, a := range []*plot.Axis{&p.X, &p.Y} {
		a.LineStyle.Width, a.Tick.LineStyle.Width, a.Tick.Length = 0, 0, 0
		a.Tick.Label.Font.Size, a.Label.TextStyle.Font.Size = vg.Points(12), vg.Points(12)
		a.Padding = vg.Points(4)
	}
}

// curve returns the curve of a score over the values of the first axis.
func (s *Study) curve(score string) (*plot.Plot, vg.Length, vg.Length, error) {
	values := s.Axes[0].Values
	var at points
	for i := range values {
		if x := s.At(score, i); x.N > 0 {
			at.XYs = append(at.XYs, plotter.XY{X: float64(i), Y: x.Mean})
			at.errors = append(at.errors, x.Std)
		}
	}
	p := plot.New()
	p.Title.Text, p.Title.Padding = s.title(score), vg.Points(8)
	p.X.Label.Text, p.Y.Label.Text = s.Axes[0].Name, Title(score)
	p.NominalX(values...)
	p.X.Min, p.X.Max = -0.5, float64(len(values))-0.5
	p.Add(plotter.NewGrid())
	line, marks, err := plotter.NewLinePoints(at.XYs)
	if err != nil {
		return nil, 0, 0, err
	}
	bars, err := plotter.NewYErrorBars(at)
	if err != nil {
		return nil, 0, 0, err
	}
	ink := color.NRGBA{33, 80, 140, 255}
	line.Color, line.Width, marks.Color, marks.Radius, marks.Shape = ink, vg.Points(1.5), ink, vg.Points(3.5), draw.CircleGlyph{}
	p.Add(line, marks, bars)
	return p, vg.Points(560), vg.Points(360), nil
}

// points are the points of a curve with the standard deviation of each.
type points struct {
	plotter.XYs
	errors []float64
}

// YError returns the lengths of an error bar.
func (p points) YError(i int) (low, high float64) { return p.errors[i], p.errors[i] }
