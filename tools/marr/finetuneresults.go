package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"gonum.org/v1/gonum/stat"

	"github.com/marr-ssl/marr/net"
	"github.com/marr-ssl/marr/ssl/eval"
)

// finetuneResults is results.json. Accuracies are in percent.
type finetuneResults struct {
	From           string          `json:"from"`
	Train          string          `json:"train"`
	TrainImages    int             `json:"train_images"`
	LabelsPerClass int             `json:"labels_per_class,omitempty"` // 0: all
	Test           string          `json:"test"`
	TestImages     int             `json:"test_images"`
	Epochs         int             `json:"epochs"`
	FineTuned      trials          `json:"fine_tuned"`
	Scratch        *trials         `json:"scratch,omitempty"` // of --baseline
	Confusion      *eval.Confusion `json:"confusion"`         // of the first seed
}

// trials are the results of runs with consecutive seeds.
type trials struct {
	Seeds    []uint64  `json:"seeds"`
	Accuracy []float64 `json:"accuracy"`
	Balanced []float64 `json:"balanced_accuracy"`
}

func (f *finetuning) results(tuned, scratch []*eval.Confusion) finetuneResults {
	few, _ := f.draw(0) // newFinetuning checked it
	r := finetuneResults{From: f.initial.name, Train: f.train.Name, TrainImages: few.Len(), LabelsPerClass: f.perClass, Test: f.test.Name, TestImages: f.test.Len(),
		Epochs: f.config.Epochs, FineTuned: trialsOf(tuned, f.config.Seed), Confusion: tuned[0]}
	if len(scratch) > 0 {
		s := trialsOf(scratch, f.config.Seed)
		r.Scratch = &s
	}
	return r
}

func trialsOf(all []*eval.Confusion, seed uint64) (t trials) {
	for i, c := range all {
		t.Seeds, t.Accuracy, t.Balanced = append(t.Seeds, seed+uint64(i)), append(t.Accuracy, round(c.Accuracy())), append(t.Balanced, round(c.Balanced()))
	}
	return t
}

// write writes results.json.
func (r finetuneResults) write(path string) error {
	text, err := json.MarshalIndent(r, "", "\t")
	if err != nil {
		return err
	}
	return net.WriteFileAtomic(path, func(w io.Writer) error {
		_, err := fmt.Fprintf(w, "%s\n", text)
		return err
	})
}

// text describes the results, with the confusion of the first seed.
func (r finetuneResults) text(first *eval.Confusion) string {
	var b strings.Builder
	fmt.Fprintf(&b, "\n%s", confusionText(first))
	row := func(name string, t trials) {
		fmt.Fprintf(&b, "%-12s accuracy %s, balanced accuracy %s\n", name, meanText(t.Accuracy), meanText(t.Balanced))
	}
	n := ", one seed: --seeds 3 shows how far seeds differ"
	if seeds := len(r.FineTuned.Seeds); seeds > 1 {
		n = fmt.Sprintf(", mean ± std of %d seeds; the table is of the first", seeds)
	}
	fmt.Fprintf(&b, "\n%s of %s%s:\n", count(r.TestImages, "image"), r.Test, n)
	row("fine-tuned", r.FineTuned)
	if r.Scratch != nil {
		row("from scratch", *r.Scratch)
	}
	return b.String()
}

// meanText returns a percentage, or the mean ± standard deviation of several.
func meanText(percent []float64) string {
	if len(percent) == 1 {
		return fmt.Sprintf("%.1f %%", percent[0])
	}
	mean, std := stat.MeanStdDev(percent, nil)
	return fmt.Sprintf("%.1f ± %.1f %%", mean, std)
}
