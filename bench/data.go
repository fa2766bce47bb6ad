package bench

import (
	"bytes"
	"context"
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

	"github.com/marr-ssl/marr/kernels"
	"github.com/marr-ssl/marr/kernels/rng"
	"github.com/marr-ssl/marr/ssl/data"
	"github.com/marr-ssl/marr/ssl/data/decode"
	"github.com/marr-ssl/marr/ssl/train"
	"github.com/marr-ssl/marr/ssl/views"
	"github.com/marr-ssl/marr/vk"
)

// DataResults is the speed of the data pipeline, from image files to views on the device.
type DataResults struct {
	Decoder string      `json:"decoder"`
	Ingest  []Ingest    `json:"ingest"`
	Views   []ViewRate  `json:"feeds"`
	Shares  []ViewShare `json:"shares"`
	Peers   []ViewPeer  `json:"peers,omitempty"` // comparisons with the first of Views
}

// Ingest is the speed at which JPEG files of 500 × 375 pixels are decoded, resized and written to a cache.
type Ingest struct {
	Side          int     `json:"side"` // short side after resizing, pixels
	Images        int     `json:"images"`
	FileBytes     int     `json:"file_bytes"`       // mean
	ImagesPerS    float64 `json:"images_per_s"`     // in wall time, on all processors
	ImagesPerCPUS float64 `json:"images_per_cpu_s"` // per second of processor time, that is per core
}

// ViewRate is the speed of painting two views of each image of a set in memory. The host samples the augmentations and gathers the
// images, the device paints.
type ViewRate struct {
	Recipe     string  `json:"recipe"`
	Size       int     `json:"size"`   // side of a view, pixels
	Source     [2]int  `json:"source"` // height and width of an image, pixels
	Batch      int     `json:"batch"`
	GatherPerS float64 `json:"gather_images_per_s"` // host alone: images gathered, augmentations of two views sampled for each
	ViewsPerS  float64 `json:"views_per_s"`         // host and device, the host one batch ahead
	Micros     float64 `json:"us_per_view"`
}

// ViewShare is the share of painting views in the device time of a training step.
type ViewShare struct {
	StepOptions
	Views float64 `json:"views_ms"`
	Step  float64 `json:"step_ms"`
	Share float64 `json:"share"`
}

// ViewPeer is the speed of torchvision in as many DataLoader workers as there are processors.
type ViewPeer struct {
	peerOutput
	Rounds []Round `json:"rounds"`
	Ratio  float64 `json:"ratio"` // marr/torchvision in views/s, median of the rounds
}

const (
	photoH, photoW = 375, 500
	ingestImages   = 512
	distinctFiles  = 16              // of ingestImages, the others are copies
	viewTime       = 2 * time.Second // of each measurement
)

// MeasureData measures decoding, view painting, and the share of views in these steps. peers are Pythons with torchvision.
func MeasureData(ctx context.Context, dev *vk.Device, steps []StepOptions, peers []PeerCommand) (*DataResults, error) {
	d := &DataResults{Decoder: decode.Version}
	for _, px := range []int{32, 224} {
		in, err := ingest(ctx, train.StoredSide(px))
		if err != nil {
			return nil, err
		}
		d.Ingest = append(d.Ingest, in)
	}
	for _, v := range []ViewRate{
		{Recipe: "simclr", Size: 32, Source: [2]int{32, 32}, Batch: 256}, {Recipe: "simclr", Size: 32, Source: [2]int{40, 53}, Batch: 256},
		{Recipe: "simclr", Size: 96, Source: [2]int{120, 160}, Batch: 64}, {Recipe: "byol", Size: 224, Source: [2]int{280, 373}, Batch: 16},
	} {
		v, err := v.measure(ctx, dev)
		if err != nil {
			return nil, err
		}
		d.Views = append(d.Views, v)
	}
	if err := d.comparePeers(ctx, dev, peers); err != nil {
		return nil, err
	}
	for _, o := range steps {
		s, err := measureShare(ctx, dev, o)
		if err != nil {
			return nil, err
		}
		d.Shares = append(d.Shares, s)
	}
	return d, nil
}

// photos returns n color images that resemble photographs in smoothness and noise.
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
			noise := s.Range(-6, 6)
			for c := range 3 {
				v := 128 + 90*math.Sin(wave[2*c]*float64(x)+float64(c))*math.Cos(wave[2*c+1]*float64(y)) + noise
				pix = append(pix, byte(min(max(v, 0), 255)))
			}
		}
	}
	return pix
}

// ingest measures data.Open on a new folder.
func ingest(ctx context.Context, side int) (Ingest, error) {
	dir, err := os.MkdirTemp("", "marr-bench-")
	if err != nil {
		return Ingest{}, err
	}
	defer os.RemoveAll(dir)
	in := Ingest{Side: side, Images: ingestImages}
	for i := range distinctFiles {
		file, err := photoFile(uint32(i))
		if err != nil {
			return in, err
		}
		in.FileBytes += len(file) / distinctFiles
		for k := i; k < ingestImages; k += distinctFiles {
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

// photoFile encodes a photo as JPEG, 4:2:0, quality 85.
func photoFile(seed uint32) ([]byte, error) {
	img := image.NewRGBA(image.Rect(0, 0, photoW, photoH))
	for k, p := 0, photo(seed, photoH, photoW); k < len(p); k += 3 {
		img.SetRGBA(k/3%photoW, k/3/photoW, color.RGBA{p[k], p[k+1], p[k+2], 255})
	}
	var file bytes.Buffer
	err := jpeg.Encode(&file, img, &jpeg.Options{Quality: 85})
	return file.Bytes(), err
}

// measure measures the host alone, then host and device together, the host one batch ahead.
func (v ViewRate) measure(ctx context.Context, dev *vk.Device) (ViewRate, error) {
	specs, err := views.Preset(v.Recipe, views.Input{Size: v.Size, Channels: 3, Frames: 1})
	if err != nil {
		return v, err
	}
	specs = specs[:2]
	st, set := kernels.NewStore(dev), photos(2*v.Batch, v.Source[0], v.Source[1])
	defer st.Free()
	mean, std := set.Stats()
	p, err := train.NewPainter(st, train.ViewConfig{Set: set, Mean: mean, Std: std, Specs: specs, N: v.Batch, Seed: 1}, func(*kernels.Graph, []*kernels.Tensor) {})
	if err != nil {
		return v, err
	}
	defer p.Free()
	samples := make([]int, 2*v.Batch)
	for i := range samples {
		samples[i] = i
	}
	fill := func(n int) (*kernels.Run, error) { return p.Fill(set, samples[n%2*v.Batch:][:v.Batch], uint32(n)) }
	gather, err := meanTime(ctx, func(n int) error {
		_, err := fill(n)
		return err
	})
	if err != nil {
		return v, err
	}
	v.GatherPerS = float64(v.Batch) / gather.Seconds()
	both, err := meanTime(ctx, func(n int) error {
		r, err := fill(n)
		if err == nil {
			err = r.Submit()
		}
		return err
	})
	if err != nil {
		return v, err
	}
	v.ViewsPerS = float64(len(specs)*v.Batch) / both.Seconds()
	v.Micros = 1e6 / v.ViewsPerS
	return v, nil
}

// meanTime calls f(0), f(1), … for viewTime after three warm-up calls and returns the mean time of a call. If calls leave work that
// completes during later calls, the work of all calls but the last two is counted.
func meanTime(ctx context.Context, f func(n int) error) (time.Duration, error) {
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
		if n > 6 && time.Since(start) > viewTime {
			return time.Since(start) / time.Duration(n-2), nil
		}
	}
}

// comparePeers measures the first of Views alternating with each peer.
func (d *DataResults) comparePeers(ctx context.Context, dev *vk.Device, peers []PeerCommand) error {
	for _, c := range peers {
		p := ViewPeer{}
		for range peerRounds {
			v, err := d.Views[0].measure(ctx, dev)
			if err != nil {
				return err
			}
			p.peerOutput = peerOutput{}
			args := []string{"--size", strconv.Itoa(v.Size), "--workers", strconv.Itoa(runtime.NumCPU())}
			if err := c.runScript(ctx, "torch_views.py", args, &p.peerOutput); err != nil {
				return fmt.Errorf("bench: %w", err)
			}
			p.Rounds = append(p.Rounds, Round{Marr: v.ViewsPerS, PyTorch: p.ViewsPerS})
		}
		p.Ratio = medianOf(p.Rounds, func(r Round) float64 { return r.Marr / r.PyTorch })
		p.ViewsPerS = medianOf(p.Rounds, func(r Round) float64 { return r.PyTorch })
		d.Peers = append(d.Peers, p)
	}
	return nil
}

// measureShare profiles SimCLR training steps on color images of the size that the cache keeps for these views.
func measureShare(ctx context.Context, dev *vk.Device, o StepOptions) (ViewShare, error) {
	side := train.StoredSide(o.Size)
	s := Step{StepOptions: o}
	if err := s.profile(ctx, dev, photos(2*o.Batch, side, side*4/3)); err != nil {
		return ViewShare{}, err
	}
	p := s.Parts
	whole := p.Views + p.Forward + p.Backward + p.Update
	return ViewShare{o, p.Views, whole, p.Views / whole}, nil
}
