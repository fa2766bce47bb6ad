package main

import (
	"cmp"
	"context"
	"fmt"
	"path/filepath"
	"slices"

	"github.com/marr-ssl/marr/ssl/data"
	"github.com/marr-ssl/marr/ssl/eval"
	"github.com/marr-ssl/marr/ssl/report/page"
	"github.com/marr-ssl/marr/ssl/run"
	"github.com/marr-ssl/marr/ssl/train"
	"github.com/marr-ssl/marr/ssl/views"
)

// fullRuns is the number of runs of which a report shows everything. Of photographs, a run takes 1.2 MB and a set of thumbnails 1.3 MB; a page should stay
// under 5 MB.
const fullRuns = 2

// What a report shows of each of fullRuns.
const (
	reportQueries    = 12 // images whose neighbors are shown
	reportNeighbors  = 6
	reportGroups     = 12 // of duplicates
	reportAlike      = 6  // images of a group
	reportOutliers   = 24
	reportViews      = 6    // images on the sheet of views
	reportThreshold  = 0.95 // of duplicates
	maxMapPoints     = 2000
	outlierNeighbors = 10
)

// look is a run with the images to look at.
type look struct {
	*reporter
	run    *page.Run
	config run.Config
	all    *data.Set // the whole set
	set    *data.Set // the images to look at
	number []int     // of these images, in the whole set

	opened []*data.Set // besides all

	nets []lookedNet // first and last network, or the last alone
}

// lookedNet is a network of the run with its features of the images.
type lookedNet struct {
	name string
	subject
	features *eval.Features
}

// most returns how many of n pictures, or points, the report shows of a run: fewer if there are many runs.
func (x *reporter) most(n int) int {
	runs := max(len(x.page.Runs), fullRuns)
	return max(3, n*fullRuns/runs)
}

// lookAt adds the pictures and maps of a run.
func (x *reporter) lookAt(ctx context.Context, r *page.Run) error {
	l := &look{reporter: x, run: r, config: r.Saved.Config}
	name := cmp.Or(x.data, l.config.Data)
	err := checkConfig(r.Name, l.config)
	if err != nil {
		return fmt.Errorf("%w: pictures and map are left out", err)
	}
	if l.all, err = openSet(ctx, name, l.config.Size); err != nil {
		return fmt.Errorf("%w: pictures and map are left out; if the images were moved, give their place with --data", err)
	}
	defer func() {
		l.all.Close()
		for _, set := range l.opened {
			set.Close()
		}
	}()
	if r.Images = l.all.Len(); r.Images == 0 {
		return fmt.Errorf("%s has no images: pictures and map are left out", name)
	}
	if err := l.addViews(); err != nil {
		x.note(r, "The views are left out: "+oneLine(err))
	}
	last, err := runSubject(r.Name, "")
	if err != nil {
		return fmt.Errorf("%w: neighbors and map are left out", err)
	}
	l.all = withChannels(l.all, last.channels)
	l.number = evenlySpaced(l.all.Len(), x.images)
	l.set = l.all.Subset(l.number)
	if l.set.Len() < 3 {
		return fmt.Errorf("%s has %s, and neighbors and a map need at least three: they are left out", name, count(l.set.Len(), "image"))
	}
	if err := l.encode(ctx, last); err != nil {
		return err
	}
	for _, add := range []func(context.Context) error{l.addClassifier, l.addNeighbors, l.addPlaces, l.addDuplicates, l.addOutliers, l.addMaps} {
		if err := add(ctx); err != nil {
			return err
		}
	}
	return nil
}

// encode computes the features of the images by the last network of the run and, if there is one, by the first.
func (l *look) encode(ctx context.Context, last subject) error {
	features, err := last.keptFeatures(ctx, l.dev, l.set)
	if err != nil {
		return err
	}
	first, name, err := l.firstNetwork()
	if err != nil {
		return err
	}
	if first.start != nil {
		f, err := first.features(ctx, l.dev, l.set)
		if err != nil {
			return err
		}
		l.nets = append(l.nets, lookedNet{name, first, f[0]})
	}
	l.nets = append(l.nets, lookedNet{fmt.Sprintf("after epoch %d", l.run.Epoch), last, features})
	return nil
}

// firstNetwork returns the network that the run started from: the untrained one or, if the run started from other weights, its first kept checkpoint. The
// subject is empty if there is none.
func (l *look) firstNetwork() (s subject, name string, err error) {
	if l.config.Init == nil {
		s, err = randomSubject(l.config, l.set)
		return s, "untrained network", err
	}
	kept, err := filepath.Glob(filepath.Join(l.run.Name, "checkpoint-epoch*.ckpt"))
	if err != nil || len(kept) == 0 {
		return s, "", nil // the folder's name is a pattern, or nothing was kept
	}
	slices.Sort(kept)
	s, err = runSubject(kept[0], "")
	return s, "first kept checkpoint, " + filepath.Base(kept[0]), err
}

// last returns the newest network.
func (l *look) last() lookedNet { return l.nets[len(l.nets)-1] }

func (l *look) add(p page.Panel) { l.run.Panels = append(l.run.Panels, p) }

// name returns the file of an image, or its number in the whole set.
func (l *look) name(i int) string { return data.Printable(nameOf(l.all, l.number[i])) }

// about describes the images that are looked at.
func (l *look) about() string {
	if l.set.Len() < l.all.Len() {
		return fmt.Sprintf("Among %d evenly spaced images of %d.", l.set.Len(), l.all.Len())
	}
	return fmt.Sprintf("Among all %d images.", l.set.Len())
}

// addViews adds the sheet of the recipe's views.
func (l *look) addViews() error {
	m, err := viewedMethod(l.fs, l.config)
	if err != nil || m == nil { // marr finetune has no views of a method
		return err
	}
	specs, err := views.Decode(l.config.Views, train.ViewInput(l.config.Size, l.all), nil)
	if err != nil {
		return err
	}
	sheet, about, err := paintedSheet(l.dev, l.run.Name, l.config, m, l.all, specs, l.most(reportViews))
	if err != nil {
		return err
	}
	l.add(page.Panel{Title: "Views", About: "What the network is trained on: " + about + ".",
		Strips: []page.Strip{{Rows: []page.Row{{Pictures: []page.Picture{{JPEG: jpegOf(sheet), Alt: "sheet of views: " + about, Wide: true}}}}}}})
	return nil
}

// addNeighbors adds the nearest neighbors of some images by the first and the last network.
func (l *look) addNeighbors(ctx context.Context) error {
	p := page.Panel{Title: "Nearest neighbors", About: l.about() + " Most similar first, with the cosine similarity of features. A solid frame marks images of the same class."}
	for _, query := range evenlySpaced(l.set.Len(), l.most(reportQueries)) {
		s := page.Strip{Rows: []page.Row{{Pictures: []page.Picture{l.picture(newSimilar(l.set, query, 1), false, false)}}}}
		for _, n := range l.nets {
			f := n.features
			found, err := eval.NearestTo(ctx, f, f.X[query*f.D:][:f.D], reportNeighbors, query)
			if err != nil {
				return err
			}
			row := page.Row{Title: n.name}
			same := 0
			for _, x := range found {
				isSame := classOf(l.set, query) != "" && classOf(l.set, x.Image) == classOf(l.set, query)
				if isSame {
					same++
				}
				row.Pictures = append(row.Pictures, l.picture(newSimilar(l.set, x.Image, x.Similarity), true, isSame))
			}
			if classOf(l.set, query) != "" {
				row.Title += fmt.Sprintf(": %d of %d of the same class", same, len(found))
			}
			s.Rows = append(s.Rows, row)
		}
		p.Strips = append(p.Strips, s)
	}
	l.add(p)
	return nil
}

// addDuplicates adds groups of images that are alike to the last network.
func (l *look) addDuplicates(ctx context.Context) error {
	e := &embedder{subject: l.last().subject, set: l.set, dev: l.dev}
	d, err := e.duplicatesIn(ctx, l.last().features, reportThreshold)
	if err != nil {
		return err
	}
	if images, _ := d.numImages(); 2*images > d.Images {
		if higher := d.higherThreshold(); higher < 1 { // most images are similar to this network
			if d, err = e.duplicatesIn(ctx, l.last().features, higher); err != nil {
				return err
			}
		}
	}
	p := page.Panel{Title: "Near-duplicates", About: l.about() + " By the last network: " + d.summary() + "."}
	groups := min(len(d.Groups), l.most(reportGroups))
	if len(d.Groups) > groups {
		p.About += fmt.Sprintf(" The %d groups with the most similar images are shown.", groups)
	}
	for i, g := range d.Groups[:groups] {
		row := page.Row{}
		for _, x := range g.Images[:min(len(g.Images), reportAlike)] {
			row.Pictures = append(row.Pictures, l.picture(x.similar, true, false))
		}
		title := g.title(i)
		if len(g.Images) > reportAlike {
			title += fmt.Sprintf(", the first %d", reportAlike)
		}
		p.Strips = append(p.Strips, page.Strip{Title: title, Rows: []page.Row{row}})
	}
	l.add(p)
	return nil
}

// addOutliers adds the images that are least similar to others.
func (l *look) addOutliers(ctx context.Context) error {
	k := min(outlierNeighbors, l.set.Len()-1)
	found, err := eval.Outliers(ctx, l.last().features, k)
	if err != nil {
		return err
	}
	row := page.Row{}
	for _, x := range found[:min(len(found), l.most(reportOutliers))] {
		row.Pictures = append(row.Pictures, l.picture(newSimilar(l.set, x.Image, x.Similarity), true, false))
	}
	l.add(page.Panel{Title: "Outliers", About: l.about() + fmt.Sprintf(" The images that are least similar to their %d nearest neighbors, by the last network, with the mean similarity.", k),
		Strips: []page.Strip{{Rows: []page.Row{row}}}})
	return nil
}

// addMaps adds a map for each network.
func (l *look) addMaps(context.Context) error {
	shown := evenlySpaced(l.set.Len(), l.most(maxMapPoints))
	names := make([]string, len(shown))
	for i, k := range shown {
		names[i] = l.name(k)
	}
	sprite := l.sprite(l.set.Subset(shown), names)
	for i := range l.nets {
		n := l.nets[len(l.nets)-1-i] // the last one first
		x := make([]float32, 0, len(shown)*n.features.D)
		for _, k := range shown {
			x = append(x, n.features.X[k*n.features.D:][:n.features.D]...)
		}
		points, err := page.NewPoints(x, len(shown), n.features.D)
		if err != nil {
			return fmt.Errorf("map: %w", err)
		}
		l.run.Maps = append(l.run.Maps, page.Map{Title: n.name, Sprite: sprite, Points: points})
	}
	return nil
}
