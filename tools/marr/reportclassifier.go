package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"image"
	"path/filepath"
	"slices"

	"github.com/marr-ssl/marr/kernels"
	"github.com/marr-ssl/marr/ssl"
	"github.com/marr-ssl/marr/ssl/data"
	"github.com/marr-ssl/marr/ssl/eval"
	"github.com/marr-ssl/marr/ssl/report/page"
	"github.com/marr-ssl/marr/ssl/saliency"
	"github.com/marr-ssl/marr/ssl/train"
)

const (
	reportMistakes  = 24
	reportClassMaps = 12
)

// judged is an image with what a classifier says about it.
type judged struct {
	image            int // of the test images
	class, predicted int
	probability      float32 // of the predicted class
}

// judgement is what a classifier says about test images.
type judgement struct {
	*classifier
	whole  *data.Set
	number []int // of the images, in the whole set
	set    *data.Set
	about  string // which images these are
	images []judged
}

// addClassifier adds the places that speak for the predicted classes, and the worst mistakes, of a fine-tuned run.
func (l *look) addClassifier(ctx context.Context) error {
	if l.config.Method != ssl.FinetuneName {
		return nil
	}
	j, err := l.judge(ctx)
	if err != nil {
		if ctx.Err() == nil {
			l.note(l.run, "Class maps and mistakes of the classifier are left out: "+oneLine(err))
		}
		return ctx.Err()
	}
	if len(j.images) == 0 {
		return nil
	}
	var few []judged
	for _, i := range evenlySpaced(len(j.images), l.most(reportClassMaps)) {
		few = append(few, j.images[i])
	}
	wrong := slices.DeleteFunc(slices.Clone(j.images), func(x judged) bool { return x.predicted == x.class })
	slices.SortStableFunc(wrong, func(a, b judged) int { return cmp.Compare(b.probability, a.probability) })
	worst := wrong[:min(len(wrong), l.most(reportMistakes))]
	strips, mapped, err := l.classStrips(ctx, j, slices.Concat(few, worst))
	if err != nil {
		return err
	}
	if mapped {
		l.add(page.Panel{Title: "What speaks for the predicted class", Compact: true, Strips: strips[:len(few)],
			About: "Class activation maps (Grad-CAM): the places of the last feature map that raise the predicted class are bright, the strongest of an image is white. " + j.about})
	}
	about := fmt.Sprintf("%d of %s are classified wrongly.", len(wrong), count(len(j.images), "image"))
	if len(wrong) > 0 {
		about += " Those with the most probable wrong class first"
		if mapped {
			about += ", with the places that speak for it"
		}
		about += "."
	}
	l.add(page.Panel{Title: "Worst mistakes", About: about + " " + j.about, Compact: true, Strips: strips[len(few):]})
	return nil
}

// judge classifies the test images of a fine-tuned run.
func (l *look) judge(ctx context.Context) (*judgement, error) {
	path := filepath.Join(l.run.Name, classifierFile)
	c, err := openClassifier(path)
	if err != nil {
		return nil, fmt.Errorf("%w (marr finetune writes it when the first of its runs is trained)", err)
	}
	if c.runtime != nil {
		c.close()
		return nil, fmt.Errorf("%s: it is not the file that marr finetune wrote", path)
	}
	j := &judgement{classifier: c}
	if err := l.openTest(ctx, j); err != nil {
		return nil, err
	}
	outputs, err := c.onDevice(ctx, l.dev, j.set)
	if err != nil {
		return nil, err
	}
	y := outputs[0]
	for i := range j.set.Len() {
		x := judged{image: i, class: slices.Index(c.classes, classOf(j.set, i)), predicted: train.ArgMax(y.X[i*y.D:][:y.D])}
		x.probability = y.X[i*y.D+x.predicted]
		if x.class >= 0 {
			j.images = append(j.images, x)
		}
	}
	return j, nil
}

// openTest chooses the images that marr finetune tested on, at most as many as the report looks at.
func (l *look) openTest(ctx context.Context, j *judgement) error {
	all, test := withLabels(l.all), l.run.Saved.Flags["test"]
	switch {
	case l.all.Labels == nil:
		return errors.New("the images have no labels")
	case test == "none" && l.data == "":
		return errors.New("the run was not tested (--test none); --data D names labeled images")
	case l.data != "":
		j.whole = all
	case test == "":
		_, others := eval.Split(all.Labels, heldOut, heldOutSeed)
		j.whole = all.Subset(others)
		j.about = "Of the images that were held out for testing"
	default:
		set, err := openSet(ctx, test, l.config.Size)
		if err != nil {
			return err
		}
		l.opened = append(l.opened, set)
		if set.Labels == nil {
			return fmt.Errorf("%s has no labels", test)
		}
		j.whole = withLabels(withChannels(set, j.channels))
	}
	if j.about == "" {
		j.about = "Of the images of " + j.whole.Name
	}
	j.number = evenlySpaced(j.whole.Len(), l.images)
	if j.set = j.whole.Subset(j.number); j.set.Len() < j.whole.Len() {
		j.about += fmt.Sprintf(", %d of %d, evenly spaced", j.set.Len(), j.whole.Len())
	}
	j.about += "."
	return nil
}

// classStrips returns a strip for each image: the image and, if the feature map has places, those that speak for the predicted class.
func (l *look) classStrips(ctx context.Context, j *judgement, of []judged) (strips []page.Strip, mapped bool, err error) {
	var images, predicted []int
	for _, x := range of {
		images, predicted = append(images, x.image), append(predicted, x.predicted)
	}
	set := j.set.Subset(images)
	seen, err := l.last().prepared(ctx, l.dev, set)
	if err != nil {
		return nil, false, err
	}
	heat, err := l.classMaps(ctx, j, set, predicted)
	if err != nil {
		return nil, false, err
	}
	for i, x := range of {
		class, said := data.Printable(j.classes[x.class]), data.Printable(j.classes[x.predicted])
		title := fmt.Sprintf("%s, %.1f %%", class, 100*x.probability)
		if x.predicted != x.class {
			title = fmt.Sprintf("%s, taken for %s, %.1f %%", class, said, 100*x.probability)
		}
		row := page.Row{Pictures: []page.Picture{original(seen[i], classOf(set, i), data.Printable(nameOf(j.whole, j.number[x.image])))}}
		if heat != nil {
			row.Pictures = append(row.Pictures, smooth(heat[i], "for "+said))
		}
		strips = append(strips, page.Strip{Title: title, Rows: []page.Row{row}})
	}
	return strips, heat != nil, nil
}

// classMaps returns pictures of the places that speak for classes, nil if the classifier's features have no places.
func (l *look) classMaps(ctx context.Context, j *judgement, set *data.Set, classes []int) (out []image.Image, err error) {
	st := kernels.NewStore(l.dev)
	defer st.Free()
	network, _, err := j.weights.Classifier(st)
	if err != nil {
		return nil, err
	}
	g, err := eval.NewClassGradients(ctx, st, network, j.inputs, set, classes)
	if err != nil {
		return nil, err
	}
	if len(g.Shape) != 3 || g.Shape[0]*g.Shape[1] < 2 {
		return nil, nil
	}
	w, d := g.Shape[1], g.Shape[2]
	size := g.Shape[0] * w * d
	for i := range set.Len() {
		out = append(out, saliency.Heat(saliency.ClassMap(g.Map[i*size:][:size], g.Gradient[i*size:][:size], d), w))
	}
	return out, nil
}
