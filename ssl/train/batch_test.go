package train

import (
	"slices"
	"strings"
	"testing"

	"github.com/marr-ssl/marr/kernels"
	"github.com/marr-ssl/marr/ssl"
	"github.com/marr-ssl/marr/ssl/data"
	"github.com/marr-ssl/marr/ssl/data/datatest"
	"github.com/marr-ssl/marr/ssl/views"
)

func TestUploadRepeatsGrayAndPadsColorToFourBytes(t *testing.T) {
	for _, c := range []struct {
		name     string
		img      data.Image
		channels int
		want     []byte
	}{
		{"gray", data.Image{H: 1, W: 3, C: 1, Pix: []byte{1, 2, 3}}, 1, []byte{1, 2, 3, 9, 9, 9, 9, 9}},
		{"gray among colours", data.Image{H: 1, W: 2, C: 1, Pix: []byte{1, 2}}, 3, []byte{1, 1, 1, 9, 2, 2, 2, 9}},
		{"color", data.Image{H: 2, W: 1, C: 3, Pix: []byte{1, 2, 3, 4, 5, 6}}, 3, []byte{1, 2, 3, 9, 4, 5, 6, 9}},
	} {
		dst := slices.Repeat([]byte{9}, 8)
		if upload(dst, c.img, c.channels); !slices.Equal(dst, c.want) {
			t.Errorf("%s: %v, want %v", c.name, dst, c.want)
		}
	}
}

// clips returns a set whose image i is one pixel of value i. Clip 0 is images 0 … 4, clip 1 is images 5 … 11.
func clips() *data.Set {
	var images []data.Image
	for i := range 12 {
		images = append(images, data.Image{H: 1, W: 1, C: 1, Pix: []byte{byte(i)}})
	}
	s := data.FromImages("clips", images, nil)
	s.Clips = []data.Clip{{Name: "a", First: 0, N: 5}, {Name: "b", First: 5, N: 7}}
	return s
}

// The value of a pixel is the number of its image. In the order that the target gives, three frames rise by one step within their clip. All
// views of a sample have the same target.
func TestFramesOfASampleAreOfOneClipInTheOrderOfItsTarget(t *testing.T) {
	order := views.FrameOrder{Frames: 3, Permutations: 6}
	var specs []views.Spec
	for f := range 3 {
		specs = append(specs, views.Spec{Size: 1, Frame: f, FrameOrder: &order})
	}
	set := clips()
	st := kernels.NewStore(device)
	defer st.Free()
	mean, std := set.Stats()
	p, err := NewPainter(st, ViewConfig{Set: set, Mean: mean, Std: std, Specs: specs, N: 2, Seed: 4}, OutputViews)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Free()
	if p.batch.samples() != 2 {
		t.Fatalf("%d samples, want the 2 clips", p.batch.samples())
	}
	orders := map[[3]int]bool{}
	for epoch := range uint32(40) {
		r, err := p.Fill(set, []int{0, 1}, epoch)
		if err != nil {
			t.Fatal(err)
		}
		target := slices.Clone(r.Ints(targetName(0)))
		for v := range 3 {
			if !slices.Equal(r.Ints(targetName(v)), target) {
				t.Fatalf("view %d has targets %v, view 0 %v", v, r.Ints(targetName(v)), target)
			}
		}
		finish(t, r)
		for sample, c := range set.Clips {
			var shown [3]int
			for v := range shown {
				shown[v] = int(255*(float64(r.Output(ViewOutput(v))[4*sample])*std[0]+mean[0]) + 0.5)
			}
			sorted := shown[:]
			sorted = slices.Sorted(slices.Values(sorted))
			if sorted[0] < c.First || sorted[2] >= c.First+c.N || sorted[1]-sorted[0] != sorted[2]-sorted[1] || sorted[1] == sorted[0] {
				t.Fatalf("epoch %d, clip %s: images %v are not three frames of the clip at equal distances", epoch, c.Name, shown)
			}
			step := sorted[1] - sorted[0]
			orders[[3]int{(shown[0] - sorted[0]) / step, (shown[1] - sorted[0]) / step, (shown[2] - sorted[0]) / step}] = true
		}
	}
	if len(orders) != 6 {
		t.Errorf("80 samples have %d of the 6 orders", len(orders))
	}
}

// Every image is a sample, also in a set of clips.
func TestFramesMadeOfOneImageShareItsUpload(t *testing.T) {
	m, err := ssl.New("order")
	if err != nil {
		t.Fatal(err)
	}
	specs, err := m.Views(views.Input{Size: 8, Channels: 1, Frames: 1})
	if err != nil {
		t.Fatal(err)
	}
	for _, set := range []*data.Set{datatest.Noise(5, 8, 1), clips()} {
		b, err := newBatch(ViewConfig{Set: set, Mean: []float64{0}, Std: []float64{1}, Specs: specs, N: 2, Seed: 1})
		if err != nil {
			t.Fatal(err)
		}
		if len(b.sources) != 1 || len(b.sources[0].views) != 3 || b.samples() != set.Len() || b.image(views.Draw{Sample: 4}, specs[2]) != 4 {
			t.Errorf("%s: %d uploads, %d samples of %d images", set.Name, len(b.sources), b.samples(), set.Len())
		}
	}
}

func TestViewsOfSeveralFramesNeedClips(t *testing.T) {
	two := []views.Spec{{Size: 8}, {Size: 8, Frame: 1}}
	_, err := newBatch(ViewConfig{Set: datatest.Noise(4, 8, 1), Mean: []float64{0}, Std: []float64{1}, Specs: two, N: 2, Seed: 1})
	if err == nil || !strings.Contains(err.Error(), "frames:DIR") {
		t.Errorf("views of two frames accepted single images: %v", err)
	}
	short := clips()
	short.Clips[0].N = 1
	if b, err := newBatch(ViewConfig{Set: short, Mean: []float64{0}, Std: []float64{1}, Specs: two, N: 2, Seed: 1}); err != nil || b.samples() != 1 || b.clips[0].Name != "b" {
		t.Errorf("views of two frames accepted a clip of one: %+v, %v", b, err)
	}
	short.Clips[1].N = 1
	_, err = newBatch(ViewConfig{Set: short, Mean: []float64{0}, Std: []float64{1}, Specs: two, N: 2, Seed: 1})
	if err == nil || !strings.Contains(err.Error(), "none of the 2 clips") {
		t.Errorf("views of two frames accepted clips of one: %v", err)
	}
}

// Views of another frame have their own upload.
func TestViewsOfOneImageShareItsUpload(t *testing.T) {
	specs := []views.Spec{{Size: 8}, {Size: 4}, {Size: 8, Frame: 1}, {Size: 8, HorizontalFlip: 0.5}}
	b, err := newBatch(ViewConfig{Set: clips(), Mean: []float64{0}, Std: []float64{1}, Specs: specs, N: 2, Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	if len(b.sources) != 2 || !slices.Equal(b.sources[0].views, []int{0, 1, 3}) || !slices.Equal(b.sources[1].views, []int{2}) {
		t.Errorf("sources %+v", b.sources)
	}
}
