package bench

import "fmt"

// titledTable is a table with a title.
type titledTable struct {
	Table
	title string
}

func (d *DataResults) tables() []titledTable {
	ingest := titledTable{Table{Head: []string{"short side kept", "bytes per file", "images/s", "images/s per core"}},
		"decoding JPEG files of 500×375 into a cache (" + d.Decoder + ")"}
	for _, x := range d.Ingest {
		ingest.Add(fmt.Sprint(x.Side), fmt.Sprint(x.FileBytes), formatNumber(x.ImagesPerS), formatNumber(x.ImagesPerCPUS))
	}
	views := titledTable{Table{Head: []string{"two views per image", "gathered images/s", "views/s", "µs per view"}, FirstNumber: 1},
		"sampling and gathering on the host alone; then with painting on the device"}
	for _, x := range d.Views {
		name := fmt.Sprintf("%s, %d px of %d×%d, RGB, batch %d", x.Recipe, x.Size, x.Source[0], x.Source[1], x.Batch)
		views.Add(name, formatNumber(x.GatherPerS), formatNumber(x.ViewsPerS), formatNumber(x.Micros))
	}
	for _, p := range d.Peers {
		views.Add(fmt.Sprintf("%s (%s), %d workers", p.Name, p.Torch, p.Threads), "", formatNumber(p.ViewsPerS), formatNumber(1e6/p.ViewsPerS))
		views.Add(fmt.Sprintf("marr/torchvision, first row (rounds %s)", formatRounds(p.Rounds)), "", formatNumber(p.Ratio), "")
	}
	shares := titledTable{Table{Head: []string{"step", "views, ms", "step, ms", "share"}, FirstNumber: 1},
		"share of views in a SimCLR training step (device time, RGB)"}
	for _, x := range d.Shares {
		shares.Add(x.StepOptions.String(), formatNumber(x.Views), formatNumber(x.Step), percent(x.Share))
	}
	return []titledTable{ingest, views, shares}
}
