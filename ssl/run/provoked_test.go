package run

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/marr-ssl/marr/kernels"
	"github.com/marr-ssl/marr/kernels/rng"
	"github.com/marr-ssl/marr/net"
	"github.com/marr-ssl/marr/ssl"
	"github.com/marr-ssl/marr/ssl/data"
	"github.com/marr-ssl/marr/ssl/data/datatest"
	"github.com/marr-ssl/marr/ssl/train"
	"github.com/marr-ssl/marr/ssl/views"
	"github.com/marr-ssl/marr/ssl/watch"
)

// twins pulls the embeddings of two views together, with or without the parts that keep BYOL and SimSiam from collapse.
type twins struct{ predictor, stopGrad, norm bool }

func (twins) Views(in views.Input) ([]views.Spec, error) { return views.Preset("simsiam", in) }

func (m twins) Loss(s *ssl.Step) *kernels.Tensor {
	var projector net.Module = s.Heads.NormMLP("projector", net.PlainNorm, s.Backbone.Dim(), s.Backbone.Dim(), s.Backbone.Dim(), 64)
	if !m.norm {
		projector = s.Heads.MLP("projector", s.Backbone.Dim(), s.Backbone.Dim(), 64)
	}
	predictor := s.Heads.Projector("predictor", 64, 16, 64)
	var z, p [2]*kernels.Tensor
	for i, v := range s.Views {
		z[i] = projector.Forward(s.Backbone.Forward(v, net.Train), net.Train)
		if p[i] = z[i]; m.predictor {
			p[i] = predictor.Forward(z[i], net.Train)
		}
	}
	s.Observe(z[0], nil)
	if !m.stopGrad {
		return kernels.Add(kernels.NegativeCosine(p[0], z[1]), kernels.NegativeCosine(p[1], z[0]))
	}
	a, b := kernels.NegativeCosine(p[0], kernels.StopGrad(z[1])), kernels.NegativeCosine(p[1], kernels.StopGrad(z[0]))
	return kernels.Scale(kernels.Add(a, b), 0.5)
}

// Each case removes a part that prevents collapse, except for two complete methods.
func TestProvokedCollapseIsNamedWithItsRemedy(t *testing.T) {
	long(t)
	dino := func(sharp, center float64) ssl.Method {
		return &ssl.DINO{Prototypes: 64, Bottleneck: 16, StudentTemp: 0.1, TeacherTemp: sharp, Momentum: 0.97, CenterMomentum: center}
	}
	for _, c := range []struct {
		name   string
		method ssl.Method
		lr     float64
		want   []watch.Kind // either; none: no alarm
		remedy string
	}{
		{"dino", dino(0.04, 0.9), 5e-3, nil, ""},
		{"dino without center", dino(0.04, 1), 1e-2, []watch.Kind{watch.Dominated}, "check that the center is subtracted and updated"},
		{"dino without sharpening", dino(1, 0.9), 1e-2, []watch.Kind{watch.Uniform}, "lower the teacher's temperature"},
		{"twins", twins{true, true, true}, 2e-2, nil, ""},
		{"twins without predictor", twins{false, true, true}, 2e-2, []watch.Kind{watch.LowRank}, "keep predictor"},
		{"twins without stop-gradient", twins{true, false, true}, 2e-2, []watch.Kind{watch.LowRank}, "lower the learning rate"},
		{"twins without predictor and batch norm", twins{false, true, false}, 5e-3, []watch.Kind{watch.Constant, watch.LowRank}, "keep predictor and "},
	} {
		t.Run(c.name, func(t *testing.T) {
			x := smallConfig()
			x.Batch, x.Epochs, x.LR = 32, 30, c.lr
			r := &Run{Dir: t.TempDir(), Config: x, Method: c.method, Set: datatest.Noise(64, 16, 1), Views: `from = "simsiam"`, StopOnCollapse: true}
			trained, err := r.Pretrain(t.Context(), device)
			if trained != nil {
				trained.Free()
			}
			var collapse *CollapseError
			switch named := errors.As(err, &collapse); {
			case len(c.want) == 0 && err == nil:
			case !named || !slices.Contains(c.want, collapse.Kind):
				t.Errorf("%v, want %v", err, c.want)
			case !strings.Contains(err.Error(), c.remedy):
				t.Errorf("%v, want %q in it", err, c.remedy)
			}
		})
	}
}

// Images that are copies of one leave SimCLR nothing to learn, and so does a rate that breaks the network. Neither is blamed on batch norm.
func TestLossThatStandsStillIsNamed(t *testing.T) {
	long(t)
	copies := datatest.Noise(1, 16, 1).Subset(make([]int, 64))
	black := data.FromImages("black", slices.Repeat([]data.Image{{H: 16, W: 16, C: 1, Pix: make([]byte, 256)}}, 64), nil)
	for _, c := range []struct {
		name string
		set  *data.Set
		lr   float64
		want []string // alarms
	}{
		{"images that differ", stripes(66, 16).Limit(64), 2e-3, nil},
		{"copies", copies, 2e-3, []string{"nothing is learned: the loss stays at 4.", "the images are alike: the 64 images that were compared are the same"}},
		{"black images", black, 2e-3, []string{"constant: ", "the images are alike: the 64 images that were compared have a single color each"}},
		{"rate of 1e6", stripes(66, 16).Limit(64), 1e6, []string{"nothing is learned: ", "and random guessing among 63 embeddings has ln 63 = 4.143: lower the learning rate"}},
	} {
		m, err := ssl.New("simclr")
		if err != nil {
			t.Fatal(err)
		}
		notices, err := watched(t, &Run{Method: m, Set: c.set, Config: Config{Config: train.Config{LR: c.lr}}})
		if err != nil || min(1, len(c.want)) != len(notices) {
			t.Errorf("%s: alarms %q, %v", c.name, notices, err)
			continue
		}
		for _, want := range c.want {
			if !strings.Contains(notices[0], want) || strings.Contains(notices[0], "batch norm") {
				t.Errorf("%s: alarm %q, want %q", c.name, notices[0], want)
			}
		}
	}
}

func TestAlikeImagesAreNamedAtTheStart(t *testing.T) {
	noise, gray := datatest.Noise(600, 8, 3), func(level int) data.Image {
		return data.Image{H: 8, W: 8, C: 1, Pix: slices.Repeat([]byte{byte(level)}, 64)}
	}
	var levels, mixed []data.Image
	for i := range 20 {
		levels = append(levels, gray(10*i))
		if mixed = append(mixed, gray(i)); i%3 == 0 {
			mixed[i] = noise.Image(i)
		}
	}
	few := make([]int, 600)
	for i := range few {
		few[i] = i % 7
	}
	for name, c := range map[string]struct {
		set  *data.Set
		want string
	}{
		"noise":         {noise, ""},
		"some copies":   {noise.Subset(slices.Concat(few[:100], []int{8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40})), ""},
		"one":           {noise.Subset(few[:1]), ""},
		"copies of one": {noise.Subset(make([]int, 600)), "the 256 images that were compared are the same"},
		"copies of 7":   {noise.Subset(few), "the 256 images that were compared are copies of 7"},
		"single colors": {data.FromImages("x", levels, nil), "the 20 images that were compared have a single color each"},
		"mostly":        {data.FromImages("x", mixed, nil), "13 of the 20 images that were compared have a single color each"},
	} {
		if got := alike(c.set); (got == "") != (c.want == "") || !strings.Contains(got, c.want) {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

// stripes returns n images in clips of train.ClipFrames. Each clip shows moving stripes with its own direction, width and brightness.
func stripes(n, px int) *data.Set {
	src := rng.New(3)
	var images []data.Image
	var labels []int32
	var clips []data.Clip
	for range n / train.ClipFrames {
		label := src.Intn(3)
		sin, cos := math.Sincos(float64(label))
		width, low := src.Range(1, 5), src.Range(0, 90)
		clips = append(clips, data.Clip{Name: fmt.Sprint(len(clips)), First: len(images), N: train.ClipFrames})
		for frame := range train.ClipFrames {
			pix := make([]byte, px*px)
			for k := range pix {
				pix[k] = byte(low + 80*(1+math.Sin((float64(k%px)*cos+float64(k/px)*sin)/width+float64(frame))))
			}
			images, labels = append(images, data.Image{H: px, W: px, C: 1, Pix: pix}), append(labels, int32(label))
		}
	}
	set := data.FromImages("stripes", images, labels)
	set.Clips = clips
	return set
}

func TestHealthyRunsOfEveryMethodRaiseNoAlarm(t *testing.T) {
	long(t)
	for _, method := range ssl.Methods() {
		t.Run(method, func(t *testing.T) {
			m, err := ssl.New(method)
			if err != nil {
				t.Fatal(err)
			}
			c := smallConfig()
			c.Method, c.Epochs, c.LR = method, 14, 5e-4 // 84 steps; with so few images, DINO's teacher becomes uniform at 2e-3
			setNetwork(&c, m)
			if method == "nnclr" {
				c.LR = 5e-3 // it stays at chance for longer
			}
			r := &Run{Dir: t.TempDir(), Config: c, Method: m, Set: stripes(48*train.ClipFrames, 32)}
			if method != "order" {
				r.Set = r.Set.Limit(48)
			}
			r.Method = taught(m, r.Set)
			r.Notice = func(format string, args ...any) {
				if strings.HasPrefix(format, "step ") { // an alarm
					t.Errorf(format, args...)
				}
			}
			trained, err := r.Pretrain(t.Context(), device)
			if err != nil {
				t.Fatal(err)
			}
			trained.Free()
		})
	}
}
