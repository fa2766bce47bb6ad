package main

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"github.com/marr-ssl/marr/ssl/data"
	"github.com/marr-ssl/marr/ssl/eval"
	"github.com/marr-ssl/marr/ssl/run"
	"github.com/marr-ssl/marr/vk"
)

// protocols lists the kinds of evaluation, and the flags that each of them takes.
var protocols = map[string][]string{
	"knn":      {"k", "temperature"},
	"linear":   {"probe", "epochs", "per-class", "draws"},
	"finetune": {"per-class", "draws"},
}

// protocol is a kind of evaluation with its settings.
type protocol struct {
	kind        string
	ks          []int
	temperature float64
	probe       string // of linear: one of probes
	epochs      int
	perClass    int
	draws       int // 0: the default of the kind
	notes       []string
}

// probes lists the values of --probe.
var probes = []string{"lbfgs", "sgd"}

// protocolFlags declares the settings of all protocols.
func protocolFlags(fs *pflag.FlagSet) *protocol {
	defer inGroup(fs, evaluationGroup)()
	p := &protocol{}
	fs.IntSliceVar(&p.ks, "k", []int{1, 20}, "knn: numbers of neighbors that vote, separated by commas")
	fs.Float64Var(&p.temperature, "temperature", eval.Temperature, "knn: T of the votes' weights exp(cosine/T); inf: all votes count the same")
	fs.StringVar(&p.probe, "probe", probes[0], "linear: "+strings.Join(probes, ", ")+": L-BFGS on normalized features of the whole images; or SGD on random crops and flips, "+
		"with the best of several learning rates on held-out training images, as in published results")
	choices(fs, "probe", probes)
	fs.IntVar(&p.epochs, "epochs", 100, "linear --probe sgd: passes over the training images")
	fs.IntVar(&p.perClass, "per-class", eval.FewShotPerClass, "linear and finetune: labels per class of the probe on few labels, and of fine-tuning")
	fs.IntVar(&p.draws, "draws", 0, "linear and finetune: draws of these labels, whose mean is the result")
	unsetMeans(fs, fmt.Sprintf("%d of linear, %d of finetune", eval.FewShotDraws, eval.DefaultFinetuneConfig().Draws), "draws")
	return p
}

// targetArgs returns the arguments of marr eval that measure as the source of a target did; nil: eval does not offer that protocol.
func targetArgs(t run.Target) []string {
	switch t.Protocol {
	case "knn":
		temperature := "inf"
		if t.Temperature > 0 {
			temperature = fmt.Sprint(t.Temperature)
		}
		return []string{"knn", "--k", fmt.Sprint(t.K), "--temperature", temperature}
	case "linear":
		args := []string{"linear", "--probe", "sgd"}
		if t.ProbeEpochs > 0 {
			args = append(args, "--epochs", fmt.Sprint(t.ProbeEpochs))
		}
		return args
	}
	return nil
}

// choose sets the kind and checks the settings.
func (p *protocol) choose(fs *pflag.FlagSet, args []string) error {
	kinds := []string{"knn", "linear", "finetune"}
	if len(args) != 1 || !slices.Contains(kinds, args[0]) {
		return usagef("eval: %q: choose one of %s", strings.Join(args, " "), strings.Join(kinds, ", "))
	}
	p.kind = args[0]
	for kind, names := range protocols {
		for _, name := range names {
			if fs.Changed(name) && !slices.Contains(protocols[p.kind], name) {
				return usagef("--%s: not a setting of eval %s, but of eval %s: leave it out", name, p.kind, kind)
			}
		}
	}
	if p.draws == 0 && !fs.Changed("draws") {
		p.draws = eval.FewShotDraws
		if p.kind == "finetune" {
			p.draws = eval.DefaultFinetuneConfig().Draws
		}
	}
	sgd := p.augments()
	for name, wrong := range map[string]bool{"epochs": !sgd, "per-class": sgd, "draws": sgd} {
		if wrong && fs.Changed(name) {
			return usagef("--%s: not a setting of --probe %s: leave it out", name, p.probe)
		}
	}
	switch {
	case p.epochs < 1:
		return usagef("--epochs %d: want at least 1", p.epochs)
	case len(p.ks) == 0 || slices.Min(p.ks) < 1:
		return usagef("--k %v: want numbers of at least 1, such as 1,20", p.ks)
	case !(p.temperature > 0):
		return usagef("--temperature %g: want a number above 0, such as 0.07, or inf", p.temperature)
	case p.perClass < 1 || p.draws < 1:
		return usagef("--per-class %d, --draws %d: want at least 1", p.perClass, p.draws)
	}
	return nil
}

// augments reports whether the protocol augments the training images, for which it needs a device.
func (p *protocol) augments() bool { return p.kind == "linear" && p.probe == "sgd" }

// fit adapts the protocol to the training images before anything is computed, and notes what it changed. An evaluation that is impossible is an error.
func (p *protocol) fit(train *data.Set) error {
	if p.kind == "knn" {
		ks := slices.Clone(p.ks)
		for i, k := range ks {
			ks[i] = min(k, train.Len())
			if k > train.Len() {
				p.note("k = %d is more than the %d training images: k = %d", k, train.Len(), ks[i])
			}
		}
		slices.Sort(ks)
		p.ks = slices.Compact(ks)
		return nil
	}
	if p.augments() {
		return nil
	}
	label, images := eval.Scarcest(train.Labels)
	if images >= p.perClass {
		return nil
	}
	why := fmt.Sprintf("class %q of %s has %s, fewer than %d labels per class", train.Classes[label], train.Name, count(images, "image"), p.perClass)
	if p.kind == "finetune" {
		return fmt.Errorf("%s: give --per-class %d, or more images", why, images)
	}
	p.note("%s: the probe on few labels is left out; --per-class %d measures it", why, images)
	p.perClass = 0
	return nil
}

func (p *protocol) note(format string, args ...any) {
	p.notes = append(p.notes, fmt.Sprintf(format, args...))
}

// measure runs the protocol. It adds its numbers to result and returns them as text.
func (p *protocol) measure(ctx context.Context, dev *vk.Device, s subject, train, test *data.Set, result map[string]any) (string, error) {
	if p.kind == "finetune" {
		return p.finetune(ctx, dev, s, train, test, result)
	}
	if p.augments() {
		return p.sgd(ctx, dev, s, train, test, result)
	}
	features, err := s.features(ctx, dev, train, test)
	if err != nil {
		return "", err
	}
	if p.kind == "knn" {
		return p.knn(ctx, features[0], features[1], result)
	}
	return p.linear(ctx, features[0], features[1], result)
}

func (p *protocol) knn(ctx context.Context, train, test *eval.Features, result map[string]any) (string, error) {
	accuracies, err := eval.KNN(ctx, train, test, p.ks, p.temperature)
	if err != nil {
		return "", err
	}
	votes := fmt.Sprintf("weighted with T = %g", p.temperature)
	result["temperature"] = p.temperature
	if math.IsInf(p.temperature, 1) { // which JSON cannot hold
		votes, result["temperature"] = "unweighted", "inf"
	}
	var parts []string
	for i, k := range p.ks {
		result[fmt.Sprintf("knn%d", k)] = round(accuracies[i])
		how := ""
		if k > 1 {
			how = " " + votes
		}
		parts = append(parts, fmt.Sprintf("k=%d%s %.2f %%", k, how, accuracies[i]))
	}
	return "kNN by cosine: " + strings.Join(parts, ", "), nil
}

func (p *protocol) linear(ctx context.Context, train, test *eval.Features, result map[string]any) (string, error) {
	line := newWorkProgress()
	all, err := eval.Linear(ctx, train, test, eval.LinearOptions{Progress: func(step, steps int) {
		line.update(step, steps, func(float64) string { return fmt.Sprintf("linear probe: step %d of at most %d", step, steps) })
	}})
	line.end()
	if err != nil {
		return "", err
	}
	result["linear"], result["probe"] = round(all), p.probe
	text := fmt.Sprintf("linear probe (L-BFGS) on normalized features: all labels %.2f %%", all)
	if p.perClass == 0 {
		return text, nil
	}
	mean, std, err := eval.LinearFewShot(ctx, train, test, p.perClass, p.draws, eval.FewShotSeed)
	if err != nil {
		return "", err
	}
	key := fmt.Sprintf("linear%d", p.perClass)
	result[key], result[key+"_std"], result[key+"_n"] = round(mean), round(std), p.draws
	return text + fmt.Sprintf(", %s per class %.2f ± %.2f %% (mean ± std of %s)", count(p.perClass, "label"), mean, std, count(p.draws, "draw")), nil
}

func (p *protocol) sgd(ctx context.Context, dev *vk.Device, s subject, train, test *data.Set, result map[string]any) (string, error) {
	f, err := s.frozen(dev)
	if err != nil {
		return "", err
	}
	defer f.Store.Free()
	line := newWorkProgress()
	o := eval.SGDOptions{Epochs: p.epochs, Seed: eval.FewShotSeed, Progress: func(epoch, step, steps int) {
		line.update(epoch*steps+step, p.epochs*steps, func(float64) string {
			return fmt.Sprintf("linear probe: epoch %d/%d  step %d/%d", epoch+1, p.epochs, step, steps)
		})
	}}
	r, err := eval.LinearSGD(ctx, f, train, test, o)
	line.end()
	if err != nil {
		return "", err
	}
	first, last := r.Rates[0].Rate, r.Rates[len(r.Rates)-1].Rate
	var rates []map[string]any
	for _, x := range r.Rates {
		row := map[string]any{"rate": x.Rate, "held_out_accuracy": nil} // null: it diverged
		if !math.IsNaN(x.Percent) {
			row["held_out_accuracy"] = round(x.Percent)
		}
		rates = append(rates, row)
	}
	result["linear"], result["probe"], result["epochs"], result["rate"], result["held_out"], result["rates"] = round(r.Percent), p.probe, p.epochs, r.Rate, r.HeldOut, rates
	return fmt.Sprintf("linear probe (SGD with momentum 0.9, no weight decay, batches of %d, random resized crops and flips, cosine over %s): %.2f %%"+
		" with the learning rate %g, the best of %d from %g to %g on %s held out", min(256, train.Len()), count(p.epochs, "epoch"), r.Percent, r.Rate, len(r.Rates), first, last, count(r.HeldOut, "training image")), nil
}

func (p *protocol) finetune(ctx context.Context, dev *vk.Device, s subject, train, test *data.Set, result map[string]any) (string, error) {
	f := eval.DefaultFinetuneConfig()
	f.PerClass, f.Draws = p.perClass, p.draws
	line := finetuneProgress(&f)
	percent, err := eval.Finetune(ctx, dev, eval.Network{Config: s.config.Config, Inputs: s.inputs, Start: s.start}, train, test, f)
	line.end()
	if err != nil {
		return "", err
	}
	key := fmt.Sprintf("finetune%d", f.PerClass)
	result[key], result[key+"_n"] = round(percent), f.Draws
	return fmt.Sprintf("whole network fine-tuned for %d steps on %s per class, mean of %s: %.2f %%", f.Steps, count(f.PerClass, "label"), count(f.Draws, "draw"), percent), nil
}

// finetuneProgress makes fine-tuning print its progress.
func finetuneProgress(f *eval.FinetuneConfig) *workProgress {
	line, draws := newWorkProgress(), f.Draws
	f.Progress = func(draw, step, steps int) {
		line.update(draw*steps+step, draws*steps, func(float64) string {
			return fmt.Sprintf("fine-tuning: draw %d/%d  step %d/%d", draw+1, draws, step, steps)
		})
	}
	return line
}

// round rounds a percentage to three decimals.
func round(percent float64) float64 { return math.Round(percent*1000) / 1000 }
