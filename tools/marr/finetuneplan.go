package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/marr-ssl/marr/net/registry"
	"github.com/marr-ssl/marr/ssl/data"
	"github.com/marr-ssl/marr/vk"
)

// The length of fine-tuning.
const (
	finetuneSteps     = 1000 // that few images are shown for
	minFinetuneEpochs = 10
	maxFinetuneEpochs = 200
	finetuneBatch     = 64

	cpuFinetuneLimit = 10 * time.Minute // that all runs of a command take by default
	gpuFinetuneLimit = time.Hour
)

// finetuneBatchOf returns the batch for a number of images.
func finetuneBatchOf(images int) int {
	if images < 2*finetuneBatch {
		return min(minBatch, images)
	}
	return finetuneBatch
}

// finetuneEpochs returns the usual number of epochs: few images get more.
func finetuneEpochs(perEpoch int) int {
	return min(max((finetuneSteps+perEpoch-1)/perEpoch, minFinetuneEpochs), maxFinetuneEpochs)
}

// finetuneCost is the time that all runs of a command take.
type finetuneCost struct {
	epoch, tests time.Duration // an epoch of each run, and the tests at their ends
}

// total returns the time of a number of epochs.
func (c finetuneCost) total(epochs int) time.Duration {
	return c.tests + time.Duration(epochs)*c.epoch
}

// fit returns the number of epochs that end within a limit, at least 1.
func (c finetuneCost) fit(limit time.Duration) int {
	return max(1, int((limit-c.tests)/max(c.epoch, 1)))
}

// plan chooses batch and epochs where they were left open, and prints what the runs take.
func (f *finetuning) plan(ctx context.Context) error {
	few, err := f.draw(0)
	if err != nil || f.resumed {
		return err
	}
	if f.config.Batch == 0 {
		f.config.Batch, f.origin["batch"] = finetuneBatchOf(few.Len()), "automatic"
	}
	if f.given("epochs") && f.config.Epochs*f.perEpoch(few) <= shortRun {
		return nil
	}
	var cost finetuneCost
	err = fitBatch(f.config.Batch, f.given("batch"), func(batch int) (err error) {
		f.config.Batch = batch
		cost, err = f.measure(ctx, few)
		return err
	})
	if err != nil {
		return err
	}
	perEpoch := f.perEpoch(few)
	usual := finetuneEpochs(perEpoch)
	limit := f.limit
	if limit == 0 {
		if limit = gpuFinetuneLimit; f.dev.Info().Type == vk.CPU {
			limit = cpuFinetuneLimit
		}
	}
	if !f.given("epochs") {
		if f.config.Epochs = cost.fit(limit); !f.given("time") {
			f.config.Epochs = min(f.config.Epochs, usual)
		}
		f.origin["epochs"] = "automatic"
	}
	f.printPlan(cost, perEpoch, usual)
	return nil
}

// printPlan prints the length of the runs and how to change it.
func (f *finetuning) printPlan(cost finetuneCost, perEpoch, usual int) {
	epochs, runs := f.config.Epochs, ""
	if n := f.runs(); n > 1 {
		runs = " of all " + count(n, "run")
	}
	total := cost.total(epochs)
	printLine(os.Stdout, "plan on %s: %s of %s, %s per epoch%s; %s in all, with %s of testing", f.dev.Info().Name, count(epochs, "epoch"), count(perEpoch, "step"),
		formatDuration(cost.epoch), runs, formatDuration(total), formatDuration(cost.tests))
	printLine(os.Stdout, "%s", f.advice(cost, usual))
}

// advice returns what changes the time of the runs.
func (f *finetuning) advice(cost finetuneCost, usual int) string {
	epochs, faster := f.config.Epochs, "a smaller --size"
	if !f.method.Freeze {
		faster += ", or --freeze,"
	}
	faster += " makes an epoch faster"
	switch {
	case epochs < usual && !f.given("epochs") && !f.given("time"):
		return fmt.Sprintf("%d epochs are usual and take %s: --epochs or --time changes the length; %s", usual, roundTime(cost.total(usual)), faster)
	case epochs > 1:
		return fmt.Sprintf("half the time: --epochs %d", epochs/2)
	}
	return faster
}

// runs returns the number of runs of the command.
func (f *finetuning) runs() int {
	if f.baseline {
		return 2 * f.seeds
	}
	return f.seeds
}

// finetuneOverhead is the time that checkpoints, the export and the starts of the runs take, as a share of that of the steps.
const finetuneOverhead = 0.05

// backwardShare is the share of a step that its backward pass and the optimizer take.
const backwardShare = 2. / 3

// perEpoch returns the number of steps per epoch of a run on these images.
func (f *finetuning) perEpoch(set *data.Set) int { return max(set.Len()/max(f.config.Batch, 1), 1) }

// measure returns what the runs cost.
func (f *finetuning) measure(ctx context.Context, set *data.Set) (total finetuneCost, err error) {
	m, testSteps := registry.Copy(f.method), 0
	if f.test != nil {
		testSteps = (f.test.Len() + f.config.Batch - 1) / f.config.Batch
	}
	for range f.runs() / f.seeds {
		c := f.config
		c.Options = registry.Values(m)
		x, err := measureStep(ctx, f.dev, f.tuner, c, m, f.text, set)
		if err != nil {
			return total, err
		}
		forward := x.step
		if !m.Freeze {
			forward = time.Duration(float64(x.step) * (1 - backwardShare))
		}
		total.epoch += time.Duration(float64(f.seeds*f.perEpoch(set)) * float64(x.step) * (1 + finetuneOverhead))
		total.tests += time.Duration(f.seeds*testSteps) * forward
		m.Freeze, m.BackboneLR = false, 1 // the baseline
	}
	return total, nil
}
