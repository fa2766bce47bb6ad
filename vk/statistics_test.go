package vk

import "testing"

// TestStatisticsAreToldOrRefused: lavapipe has none, so that a device with them is tested by tools/shaderstats too.
func TestStatisticsAreToldOrRefused(t *testing.T) {
	p := must[*Pipeline](t)(dev.Pipeline(affine(1)))
	_, err := p.Statistics()
	wantError(t, err, "affine", "without Options.Statistics")

	d, err := Open("", Options{Statistics: true})
	if err != nil {
		wantError(t, err, dev.info.Name, "no statistics of pipelines")
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
