package vk

import "testing"

// TestStatisticsAreReportedOrRejected checks the device at hand. lavapipe has no statistics; tools/shaderstats tests a driver that has.
func TestStatisticsAreReportedOrRejected(t *testing.T) {
	p := must[*Pipeline](t)(dev.Pipeline(affine(1)))
	_, err := p.Statistics()
	wantError(t, err, "affine", "without Options.Statistics")

	d, err := Open("", Options{Statistics: true})
	if err != nil {
		wantError(t, err, dev.info.Name, "no pipeline statistics")
		return
	}
	defer d.Close()
	p = must[*Pipeline](t)(d.Pipeline(affine(1)))
	for _, s := range must[[]Statistic](t)(p.Statistics()) {
		if s.Name == "" {
			t.Errorf("%+v", s)
		}
	}
}
