package bench

import (
	"fmt"
	"io"
)

// print writes what was measured as text.
func (f *Feeding) print(w io.Writer) {
	for _, t := range f.tables() {
		fmt.Fprintf(w, "\n%s\n", t.title)
		t.text(w)
	}
}

func (f *Feeding) markdown(w io.Writer) {
	for _, t := range f.tables() {
		fmt.Fprintf(w, "\n%s:\n\n", t.title)
		t.markdown(w)
	}
}

// titled is a table with its subject.
type titled struct {
	table
	title string
}

func (f *Feeding) tables() []titled {
	in := titled{table{head: []string{"short side kept", "bytes a file", "images/s", "images/s a core"}}, "decoding JPEG files of 500×375 into a cache (" + f.Decoder + ")"}
	for _, x := range f.Ingest {
		in.add(fmt.Sprint(x.Side), fmt.Sprint(x.FileBytes), figure(x.ImagesPerS), figure(x.ImagesPerCPUS))
	}
	feeds := titled{table{head: []string{"two views an image", "gathered images/s", "views/s", "µs a view"}, right: 1},
		"drawing, gathering (by the host alone) and painting views"}
	for _, x := range f.Feeds {
		name := fmt.Sprintf("%s, %d px of %d×%d, RGB, batch %d", x.Recipe, x.Size, x.Source[0], x.Source[1], x.Batch)
		feeds.add(name, figure(x.GatherPerS), figure(x.ViewsPerS), figure(x.Micros))
	}
	for _, p := range f.Peers {
		feeds.add(fmt.Sprintf("%s (%s), %d workers", p.Name, p.Torch, p.Threads), "", figure(p.ViewsPerS), figure(1e6/p.ViewsPerS))
		feeds.add(fmt.Sprintf("ours/theirs (%s in turn)", rounds(p.Rounds)), "", figure(p.Ratio), "")
	}
	shares := titled{table{head: []string{"step", "views, ms", "step, ms", "share"}, right: 1}, "views in a training step of SimCLR (device time, RGB)"}
	for _, x := range f.Shares {
		shares.add(x.StepOptions.String(), figure(x.Views), figure(x.Step), percent(x.Share))
	}
	return []titled{in, feeds, shares}
}
