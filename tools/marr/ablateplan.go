package main

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"github.com/marr-ssl/marr/ssl/ablate"
)

// plan opens the images, chooses what the flags leave open, or takes it from the ablation that is continued, and prints the runs and what they cost.
func (a *ablation) plan(ctx context.Context) error {
	continued := a.file.Chosen != nil
	for name, value := range a.file.Chosen {
		if err := a.fs.Set(name, value); err != nil {
			return fmt.Errorf("%s: --%s %s: %w", ablationJSON, name, value, err)
		}
	}
	whole := a.limit
	o := *a.pretrainOptions
	o.dryRun = true // the folder is not that of a run
	a.base = &planner{settings: newSettings(a.fs), pretrainOptions: &o, config: &a.config, why: map[string]string{}, dev: a.dev, tuner: a.tuner}
	if err := a.prepare(); err != nil {
		return err
	}
	if whole == 0 {
		if whole = gpuLimit; isCPU(a.dev) {
			whole = cpuLimit
		}
	}
	if continued {
		if err := a.base.fix(ctx, nil); err != nil {
			return err
		}
		if sum := a.images().Fingerprint(); sum != a.file.Images {
			return fmt.Errorf("%s: the images of %s are not those of the ablation: use the same images, or choose another folder", a.out, a.config.Data)
		}
	} else {
		o.limit = whole / time.Duration(a.guess()*a.seeds) // of one run
		if err := a.base.choose(ctx); err != nil {
			return err
		}
	}
	if err := a.addCells(continued); err != nil {
		return err
	}
	if err := a.addJudge(ctx); err != nil {
		return err
	}
	if !continued {
		if err := a.chooseLength(ctx, whole); err != nil {
			return err
		}
		a.file.Chosen, a.file.Images, a.file.Device = a.chosen(), a.images().Fingerprint(), a.dev.Info().Name
	}
	if err := a.checkCells(ctx); err != nil {
		return err
	}
	a.describePlan()
	a.print(whole)
	return nil
}

// describePlan writes into the file, in words, what the runs are.
func (a *ablation) describePlan() {
	f, c := a.file, a.config
	f.Command, f.Judge = commandLine(), a.judge.describe()
	f.Data = fmt.Sprintf("%s of %s", count(a.images().Len(), "image"), c.Data)
	f.Plan = fmt.Sprintf("%s, %s, views of %d px", c.Method, networkName(c), c.Size)
}

// prepare is planner.prepare without --time, which is that of all runs.
func (a *ablation) prepare() error {
	if a.fs.Changed("time") && a.limit < time.Second {
		return usagef("--time %s: want at least a second, such as 90m or 12h", a.limit)
	}
	return a.base.prepare()
}

// fix opens the images, unless they are given, for a plan whose open settings are chosen.
func (p *planner) fix(ctx context.Context, opened *planner) error {
	if opened != nil {
		p.opened = opened.opened
	}
	if err := p.open(ctx, p.config.Size); err != nil {
		return err
	}
	p.images = p.set.Len()
	if opened != nil {
		p.features = opened.features
	} else if err := p.openTeacher(ctx); err != nil {
		return err
	}
	return p.setMethod()
}

// guess returns about how many runs there are of each seed, before the method is known.
func (a *ablation) guess() int {
	if a.by == byAugmentations {
		n := 8
		if a.ops == "recipe" {
			n = 4
		} else if a.ops != "all" {
			n = strings.Count(a.ops, ",") + 1
		}
		return 1 + n*(n+1)/2
	}
	n := 5
	if axes, err := readAxes(a.by, a.fs); err == nil {
		n = 1
		for _, x := range axes {
			n *= len(x.Values)
		}
	}
	return n
}

// addCells sets the axes and the seeds of the study.
func (a *ablation) addCells(continued bool) error {
	axes, err := a.axes()
	if err != nil {
		return err
	}
	s := &a.file.Study
	if continued && !slices.EqualFunc(axes, s.Axes, func(x, y ablate.Axis) bool { return x.Name == y.Name && slices.Equal(x.Values, y.Values) }) {
		return fmt.Errorf("%s: it holds an ablation of other values: choose another folder", a.out)
	}
	s.Augmentations, s.Axes = a.by == byAugmentations, axes
	for i := len(s.Seeds); i < a.seeds; i++ {
		s.Seeds = append(s.Seeds, a.config.Seed+uint64(i))
	}
	return a.addViews()
}

// chooseLength sets the number of epochs, the same for all runs, so that they fit into the time.
func (a *ablation) chooseLength(ctx context.Context, whole time.Duration) error {
	p := a.base
	if p.cost.step == 0 {
		if err := p.measure(ctx); err != nil {
			return err
		}
	}
	if p.fixed("epochs") && !a.fs.Changed("time") {
		return nil
	}
	each := whole/time.Duration(len(a.file.Cells())) - a.cost
	a.config.Epochs = max(1, int(each/max(p.epoch(), 1)))
	return nil
}

// chosen returns what the plan chose beside the flags, as flags.
func (a *ablation) chosen() map[string]string {
	c := a.config
	values := map[string]string{"epochs": strconv.Itoa(c.Epochs), "size": strconv.Itoa(c.Size)}
	if a.base.recipe == nil {
		values["method"], values["arch"], values["batch"] = c.Method, c.Arch, strconv.Itoa(c.Batch)
		if w, ok := c.Backbone["width"]; ok {
			values["width"] = fmt.Sprint(w)
		}
	}
	for name := range values {
		if a.fs.Changed(name) {
			delete(values, name)
		}
	}
	return values
}

// notPassed lists the flags of ablate that its runs do not get.
var notPassed = append([]string{"seed", "epochs"}, notCompared...)

// planner returns the plan of a run.
func (a *ablation) planner(ctx context.Context, c ablate.Cell) (*planner, error) {
	fs := pflag.NewFlagSet("ablate", pflag.ContinueOnError)
	one := newAblation(fs)
	set := func(name, value string) error {
		if err := fs.Set(name, value); err != nil {
			return usagef("--%s %s: want %s", name, quoted(value), wantedValue(fs.Lookup(name)))
		}
		return nil
	}
	values := map[string]string{"data": a.config.Data}
	a.fs.Visit(func(f *pflag.Flag) {
		if !slices.Contains(notPassed, f.Name) {
			values[f.Name] = f.Value.String()
		}
	})
	for name, value := range a.file.Chosen {
		values[name] = value
	}
	values["seed"], values["epochs"] = strconv.FormatUint(c.Seed, 10), strconv.Itoa(a.config.Epochs)
	if a.by != byAugmentations {
		for k, i := range c.At {
			if x := a.file.Axes[k]; x.Name != byCrop {
				values[x.Name] = x.Values[i]
			}
		}
	}
	for _, name := range sortedKeys(values) {
		if err := set(name, values[name]); err != nil {
			return nil, err
		}
	}
	if err := checkFlags(fs); err != nil {
		return nil, err
	}
	one.dryRun = true
	p := &planner{settings: newSettings(fs), pretrainOptions: one.pretrainOptions, config: &one.config, why: map[string]string{}, dev: a.dev, tuner: a.tuner}
	if err := p.prepare(); err != nil {
		return nil, err
	}
	if text, ok := a.texts[c.Name]; ok {
		p.viewsFile, p.text = viewsOf(a.out, c), text
	}
	return p, p.fix(ctx, a.base)
}

// checkCells returns an error if a run cannot work, before the first one starts.
func (a *ablation) checkCells(ctx context.Context) error {
	seen := map[string]bool{}
	for _, c := range a.file.Cells() {
		if seen[c.Name] {
			continue
		}
		seen[c.Name] = true
		p, err := a.planner(ctx, c)
		if err == nil {
			p.config.Resolve(p.set)
			err = p.config.Check(p.set)
		}
		if err == nil {
			err = p.config.SetViews(p.text, p.method, p.set)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", c.Name, err)
		}
	}
	return nil
}

// print prints the runs and what they cost.
func (a *ablation) print(whole time.Duration) {
	s, c, steps := a.file, a.config, a.config.Epochs*a.base.perEpoch()
	cells := len(s.Cells())
	todo := cells - len(s.Results)
	printLine(os.Stdout, "ablation by %s on %s: %s", a.byName(), s.Data, s.Plan)
	runs := count(cells, "run")
	if n := len(s.Seeds); n > 1 {
		runs += fmt.Sprintf(", %d of each of %d seeds", cells/n, n)
	}
	fmt.Printf("%s: %s\n", runs, a.order())
	fmt.Printf("each trains %s of %s", count(c.Epochs, "epoch"), count(a.base.perEpoch(), "step"))
	if step := a.base.cost.step; step > 0 {
		all := time.Duration(todo) * (time.Duration(steps)*step + a.cost)
		fmt.Printf(", %d steps of %.3g s, and is judged in %.3g s: %s in all", steps, step.Seconds(), a.cost.Seconds(), formatDuration(all))
		if all > whole && !a.fs.Changed("epochs") {
			fmt.Printf(", more than --time %s: one epoch is the least; --images, --ops or a smaller --arch take less", roundTime(whole))
		}
	}
	fmt.Println()
	printLine(os.Stdout, "judged %s", s.Judge)
	if n := len(s.Results); n > 0 {
		fmt.Printf("%d of %d runs are done\n", n, cells)
	}
}

// byName says in words what differs between the runs.
func (a *ablation) byName() string {
	var names []string
	for _, x := range a.file.Axes {
		if !slices.Contains(names, x.Name) {
			names = append(names, x.Name)
		}
	}
	return strings.Join(names, " and ")
}

// order describes the cells in words.
func (a *ablation) order() string {
	s := a.file
	if !s.Augmentations {
		var lists []string
		for _, x := range s.Axes {
			lists = append(lists, x.Name+" "+strings.Join(x.Values, ", "))
		}
		return strings.Join(lists, "; ")
	}
	return "the method's own views, then alone " + strings.Join(s.Axes[0].Values, ", ") + ", then pairs; a view applies them in this order, so a pair has no other order"
}
