package bench

import (
	"bytes"
	"context"
	_ "embed"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"time"

	"marr/kernels"
	"marr/kernels/rng"
	"marr/ssl"
	"marr/ssl/data"
	"marr/ssl/data/decode"
	"marr/ssl/views"
	"marr/vk"
)

//go:embed peers/torch_views.py
var torchViews string

// Feeding is what it takes to bring images before a network.
type Feeding struct {
	Decoder string     `json:"decoder"`
	Ingest  []Ingest   `json:"ingest"`
	Feeds   []Feed     `json:"feeds"`
	Shares  []Share    `json:"shares"`
	Peers   []FeedPeer `json:"peers,omitempty"` // of the first of Feeds, in turn with it
}

// Ingest is a folder of JPEG files of 500 × 375 pixels decoded, resized and written to a cache.
type Ingest struct {
	Side          int     `json:"side"` // short side that is kept
	Images        int     `json:"images"`
	FileBytes     int     `json:"file_bytes"`       // mean
	ImagesPerS    float64 `json:"images_per_s"`     // by the wall's clock, with every processor
	ImagesPerCPUS float64 `json:"images_per_cpu_s"` // by processor time: a core
}

// Feed is two views of each image of a set in memory: drawn and gathered by the host, painted by the device.
type Feed struct {
	Recipe     string  `json:"recipe"`
	Size       int     `json:"size"`   // of a view
	Source     [2]int  `json:"source"` // height, width
	Batch      int     `json:"batch"`
	GatherPerS float64 `json:"gather_images_per_s"` // host alone: images gathered, with the draws of two views each
	ViewsPerS  float64 `json:"views_per_s"`         // both together, the host a batch ahead
	Micros     float64 `json:"us_per_view"`
}

// Share is the part that views have in a training step.
type Share struct {
	StepOptions
	Views float64 `json:"views_ms"`
	Step  float64 `json:"step_ms"`
	Share float64 `json:"share"`
}

// FeedPeer is what torchvision did with as many workers as processors.
type FeedPeer struct {
	answer
	Rounds []Round `json:"rounds"` // views/s of ours, of theirs
	Ratio  float64 `json:"ratio"`  // ours/theirs, median
}

const (
	photoH, photoW = 375, 500
	ingestImages   = 512
	ingestKinds    = 16 // of files, repeated
	feedTime       = 2 * time.Second
)

// MeasureFeeding measures everything: the share of views in these steps; peers are pythons with torchvision.
func MeasureFeeding(ctx context.Context, dev *vk.Device, steps []StepOptions, peers []PeerCommand) (*Feeding, error) {
	f := &Feeding{Decoder: decode.Version}
	for _, px := range []int{32, 224} {
		in, err := ingest(ctx, ssl.StoredSide(px))
		if err != nil {
			return nil, err
		}
		f.Ingest = append(f.Ingest, in)
	}
	for _, c := range []Feed{
		{Recipe: "simclr", Size: 32, Source: [2]int{32, 32}, Batch: 256}, {Recipe: "simclr", Size: 32, Source: [2]int{40, 53}, Batch: 256},
		{Recipe: "simclr", Size: 96, Source: [2]int{120, 160}, Batch: 64}, {Recipe: "byol", Size: 224, Source: [2]int{280, 373}, Batch: 16},
	} {
		c, err := measureFeed(ctx, dev, c)
		if err != nil {
			return nil, err
		}
		f.Feeds = append(f.Feeds, c)
	}
	if err := f.against(ctx, dev, peers); err != nil {
		return nil, err
	}
	for _, o := range steps {
		s, err := measureShare(ctx, dev, o)
		if err != nil {
			return nil, err
		}
		f.Shares = append(f.Shares, s)
	}
	return f, nil
}

// photos are n colour images like photographs in what matters here: smooth, with some noise.
func photos(n, h, w int) *data.Set {
	images := make([]data.Image, n)
	for i := range images {
		images[i] = data.Image{H: h, W: w, C: 3, Pix: photo(uint32(i), h, w)}
	}
	return data.FromImages("photos", images, nil)
}

func photo(seed uint32, h, w int) []byte {
	s := rng.New(5, seed)
	pix, wave := make([]byte, 0, 3*h*w), [6]float64{}
	for i := range wave {
		wave[i] = s.Range(0.02, 0.2)
	}
	for y := range h {
		for x := range w {
			grain := s.Range(-6, 6)
			for c := range 3 {
				v := 128 + 90*math.Sin(wave[2*c]*float64(x)+float64(c))*math.Cos(wave[2*c+1]*float64(y)) + grain
				pix = append(pix, byte(min(max(v, 0), 255)))
			}
		}
	}
	return pix
}

// ingest measures data.Open on a fresh folder.
func ingest(ctx context.Context, side int) (Ingest, error) {
	dir, err := os.MkdirTemp("", "marr-bench-")
	if err != nil {
		return Ingest{}, err
	}
	defer os.RemoveAll(dir)
	in := Ingest{Side: side, Images: ingestImages}
	for i := range ingestKinds {
		file, err := photoFile(uint32(i))
		if err != nil {
			return in, err
		}
		in.FileBytes += len(file) / ingestKinds
		for k := i; k < ingestImages; k += ingestKinds {
			if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("%04d.jpg", k)), file, 0o666); err != nil {
				return in, err
			}
		}
	}
	start, cpu := time.Now(), processTime()
	set, err := data.Open(ctx, dir, data.Options{Side: side, CacheDir: filepath.Join(dir, ".cache")})
	if err != nil {
		return Ingest{}, err
	}
	defer set.Close()
	in.ImagesPerS, in.ImagesPerCPUS = ingestImages/time.Since(start).Seconds(), ingestImages/(processTime()-cpu).Seconds()
	return in, nil
}

// photoFile is a photo as JPEG, 4:2:0, quality 85.
func photoFile(seed uint32) ([]byte, error) {
	img := image.NewRGBA(image.Rect(0, 0, photoW, photoH))
	for k, p := 0, photo(seed, photoH, photoW); k < len(p); k += 3 {
		img.SetRGBA(k/3%photoW, k/3/photoW, color.RGBA{p[k], p[k+1], p[k+2], 255})
	}
	var file bytes.Buffer
	err := jpeg.Encode(&file, img, &jpeg.Options{Quality: 85})
	return file.Bytes(), err
}

// measureFeed times the host's part alone, then host and device together, the host a batch ahead.
func measureFeed(ctx context.Context, dev *vk.Device, f Feed) (Feed, error) {
	specs, err := views.Preset(f.Recipe, views.Input{Size: f.Size, Channels: 3, Frames: 1})
	if err != nil {
		return f, err
	}
	specs = specs[:2]
	p, err := ssl.NewPainter(dev, photos(2*f.Batch, f.Source[0], f.Source[1]), specs, f.Batch, 1, false)
	if err != nil {
		return f, err
	}
	defer p.Free()
	samples := make([]int, 2*f.Batch)
	for i := range samples {
		samples[i] = i
	}
	fill := func(n int) (*kernels.Run, error) { return p.Fill(samples[n%2*f.Batch:][:f.Batch], uint32(n)) }
	gather, err := timed(ctx, func(n int) error {
		_, err := fill(n)
		return err
	})
	if err != nil {
		return f, err
	}
	f.GatherPerS = float64(f.Batch) / gather.Seconds()
	both, err := timed(ctx, func(n int) error {
		r, err := fill(n)
		if err == nil {
			err = r.Submit()
		}
		return err
	})
	if err != nil {
		return f, err
	}
	f.ViewsPerS = float64(len(specs)*f.Batch) / both.Seconds()
	f.Micros = 1e6 / f.ViewsPerS
	return f, nil
}

// timed calls f(0), f(1), … for feedTime after three calls that do not count, and returns the mean time of one: calls that go on behind one another's
// back are counted whole but for the last two.
func timed(ctx context.Context, f func(n int) error) (time.Duration, error) {
	var start time.Time
	for n := 0; ; n++ {
		if n == 3 {
			start = time.Now()
		}
		if err := f(n); err != nil {
			return 0, err
		}
		if err := ctx.Err(); err != nil {
			return 0, err
		}
		if n > 6 && time.Since(start) > feedTime {
			return time.Since(start) / time.Duration(n-2), nil
		}
	}
}

// against runs each peer in turn with the first of the feeds.
func (f *Feeding) against(ctx context.Context, dev *vk.Device, peers []PeerCommand) error {
	for _, c := range peers {
		p := FeedPeer{}
		for range pairs {
			ours, err := measureFeed(ctx, dev, f.Feeds[0])
			if err != nil {
				return err
			}
			a, err := ask(ctx, c.Python, torchViews, []string{"-", "--size", strconv.Itoa(ours.Size), "--workers", strconv.Itoa(runtime.NumCPU())})
			if err != nil {
				return err
			}
			p.answer = a
			p.Rounds = append(p.Rounds, Round{Ours: ours.ViewsPerS, Theirs: a.ViewsPerS})
		}
		var ratios, theirs []float64
		for _, r := range p.Rounds {
			ratios, theirs = append(ratios, r.Ours/r.Theirs), append(theirs, r.Theirs)
		}
		p.Ratio, p.ViewsPerS = median(ratios), median(theirs)
		f.Peers = append(f.Peers, p)
	}
	return nil
}

// measureShare times the parts of training steps of SimCLR, on colour images as the cache keeps them for views of this size.
func measureShare(ctx context.Context, dev *vk.Device, o StepOptions) (Share, error) {
	side := ssl.StoredSide(o.Size)
	s := Step{StepOptions: o}
	if err := s.split(ctx, dev, photos(2*o.Batch, side, side*4/3)); err != nil {
		return Share{}, err
	}
	p := s.Parts
	whole := p.Views + p.Forward + p.Backward + p.Update
	return Share{o, p.Views, whole, p.Views / whole}, nil
}
