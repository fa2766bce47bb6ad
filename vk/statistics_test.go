package vk

import "testing"

// TestStatisticsAreReportedOrRejected checks the device at hand. lavapipe has no statistics; tools/shaderstats tests drivers that have.
func TestStatisticsAreReportedOrRejected(t *testing.T) {
	p := must[*Pipeline](t)(dev.Pipeline(affine(1)))
	_, err := p.Assembly()
	wantError(t, err, "affine", "without Options.Assembly")
	if !dev.Info().Caps.Statistics {
		_, err = p.Statistics()
		wantError(t, err, "affine", dev.info.Name, "reports none")
		_, err = Open("", Options{Assembly: true})
		wantError(t, err, dev.info.Name, "no assembly")
		return
	}
	for _, s := range must[[]Statistic](t)(p.Statistics()) {
		if s.Name == "" {
			t.Errorf("%+v", s)
		}
	}
}

func TestSpillsAreFoundByTheNamesOfEachDriver(t *testing.T) {
	for _, c := range []struct {
		all  []Statistic
		want float64
	}{
		{nil, 0},
		{[]Statistic{{Name: "VGPRs", Value: 256}, {Name: "Spilled VGPRs", Value: 3}, {Name: "Scratch size", Value: 768}}, 768},
		{[]Statistic{{Name: "Max live registers", Value: 126}, {Name: "Spill Count"}, {Name: "Fill Count"}, {Name: "Scratch Memory Size"}}, 0},
		{[]Statistic{{Name: "Spill Count", Value: 12}, {Name: "Fill Count", Value: 37}}, 37},
	} {
		if got := Spills(c.all); got != c.want {
			t.Errorf("%v: %v, want %v", c.all, got, c.want)
		}
	}
}
