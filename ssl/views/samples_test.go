package views

import (
	"bufio"
	"compress/gzip"
	"encoding/binary"
	"encoding/json"
	"io"
	"math"
	"os"
	"slices"
	"testing"
)

// torchvisionSamples reads testdata/samples.bin.gz, written by samples.py: for each name n sorted numbers.
func torchvisionSamples(t *testing.T) (n int, samples map[string][]float64) {
	f, err := os.Open("testdata/samples.bin.gz")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	in := bufio.NewReader(z)
	line, err := in.ReadBytes('\n')
	if err != nil {
		t.Fatal(err)
	}
	var head struct {
		N     int
		Names []string
	}
	if err := json.Unmarshal(line, &head); err != nil {
		t.Fatal(err)
	}
	samples, planes := map[string][]float64{}, make([]byte, 4*head.N)
	for _, name := range head.Names {
		if _, err := io.ReadFull(in, planes); err != nil {
			t.Fatal(err)
		}
		for i := range head.N {
			b := []byte{planes[i], planes[head.N+i], planes[2*head.N+i], planes[3*head.N+i]}
			samples[name] = append(samples[name], float64(math.Float32frombits(binary.LittleEndian.Uint32(b))))
		}
	}
	return head.N, samples
}

// ourSamples draws the same parameters as samples.py: the same specs on the same image sizes.
func ourSamples(n int) map[string][]float64 {
	third := [2]float64{0.75, 4.0 / 3}
	erase := func(p float64) *RandomErasing { return &RandomErasing{p, [2]float64{0.02, 0.33}, [2]float64{0.3, 3.3}} }
	sure := Spec{Size: 224, RandomResizedCrop: &RandomResizedCrop{Scale: [2]float64{0.2, 1}, Ratio: third},
		ColorJitter: &ColorJitter{1, 0.8, 0.4, 0.2, 0.1}, GaussianBlur: &GaussianBlur{P: 1, Sigma: [2]float64{0.1, 2}}, RandomErasing: erase(1)}
	local := Spec{Size: 224, RandomResizedCrop: &RandomResizedCrop{Scale: [2]float64{0.05, 0.14}, Ratio: third}, HorizontalFlip: 0.5, VerticalFlip: 0.25,
		ColorJitter: &ColorJitter{0.8, 0.4, 0, 0, 0}, Grayscale: 0.2, GaussianBlur: &GaussianBlur{P: 0.1, Sigma: [2]float64{0.1, 2}},
		Solarize: &Solarize{0.3, 0.5}, RandomErasing: erase(0.7)}
	window := Spec{Size: 500, RandomCrop: &RandomCrop{Resize: 3000}}
	out := map[string][]float64{}
	add := func(name string, v float32) { out[name] = append(out[name], float64(v)) }
	coin := func(name string, yes bool) {
		out[name] = append(out[name], map[bool]float64{true: 1}[yes])
	}
	box := func(prefix string, r []float32) {
		out[prefix+"area"] = append(out[prefix+"area"], float64(r[CropHeight])*float64(r[CropWidth])/16e6)
		out[prefix+"ratio"] = append(out[prefix+"ratio"], float64(r[CropWidth])/float64(r[CropHeight]))
		add(prefix+"top", r[CropTop])
		add(prefix+"left", r[CropLeft])
	}
	for i := range n {
		r, _ := row(sure, Draw{11, 3, uint32(i), 0}, 4000, 4000)
		box("", r)
		for k, name := range []string{"order", "brightness", "contrast", "saturation", "hue"} {
			add(name, r[JitterOrder+k])
		}
		add("sigma", r[BlurSigma])
		for k, name := range []string{"top", "left", "height", "width"} {
			add("erase "+name, r[EraseTop+k])
		}
		r, _ = row(local, Draw{11, 3, uint32(i), 1}, 4000, 4000)
		box("local ", r)
		coin("horizontal flip", int(r[Orientation])&1 == 1)
		coin("vertical flip", int(r[Orientation])&2 == 2)
		coin("jitter p", r[JitterOrder] != 0)
		coin("gray", r[Gray] == 1)
		coin("blur p", r[BlurSigma] != 0)
		coin("solarize p", r[SolarizeThreshold] != 2)
		coin("erase p", r[EraseHeight] != 0)
		r, _ = row(window, Draw{11, 3, uint32(i), 2}, 3000, 3500)
		add("random crop y", r[OffsetY])
		add("random crop x", r[OffsetX])
	}
	return out
}

// kolmogorov returns the p-value of two sorted samples of n numbers under the hypothesis that they have the same distribution: the
// asymptotic series with Stephens' correction (Press et al., Numerical Recipes, section 14.3). Ties make it larger.
func kolmogorov(x, y []float64) float64 {
	n, i, j, d := float64(len(x)), 0, 0, 0.0
	for i < len(x) && j < len(y) {
		v := min(x[i], y[j])
		for i < len(x) && x[i] == v {
			i++
		}
		for j < len(y) && y[j] == v {
			j++
		}
		d = max(d, math.Abs(float64(i-j))/n)
	}
	root := math.Sqrt(n / 2)
	l, p := (root+0.12+0.11/root)*d, 0.0
	if l < 0.2 {
		return 1
	}
	for k := 1.0; k < 101; k++ {
		p += 2 * math.Pow(-1, k-1) * math.Exp(-2*k*k*l*l)
	}
	return p
}

// counts returns how often each value occurs in both samples, and Σ (a−b)²/(a+b): for samples of equal size, χ² with one degree of
// freedom less than the number of values (Numerical Recipes, section 14.3).
func counts(x, y []float64) (values int, chi float64) {
	a, b := map[float64]float64{}, map[float64]float64{}
	for i := range x {
		a[x[i]]++
		b[y[i]]++
	}
	for v := range b {
		a[v] += 0
	}
	for v := range a {
		chi += (a[v] - b[v]) * (a[v] - b[v]) / (a[v] + b[v])
	}
	return len(a), chi
}

// Every sampled parameter has torchvision's distribution at p ≥ 0.01, n = 10,000 each, seeds fixed on both sides. Parameters with few
// values (flips, orders) are compared by χ², all others by the Kolmogorov-Smirnov test.
func TestParametersHaveTorchvisionsDistributions(t *testing.T) {
	n, want := torchvisionSamples(t)
	if n < 10000 || len(want) != 27 {
		t.Fatalf("%d samples of %d parameters, want 10,000 or more of 27", n, len(want))
	}
	got := ourSamples(n)
	limits := map[int]float64{2: 6.635, 24: 41.638} // χ² at p = 0.01 by number of values
	for name, theirs := range want {
		t.Run(name, func(t *testing.T) {
			ours := got[name]
			if len(ours) != n {
				t.Fatalf("%d draws of ours, want %d", len(ours), n)
			}
			slices.Sort(ours)
			if values, chi := counts(ours, theirs); values <= 24 {
				if limit, ok := limits[values]; !ok || chi > limit {
					t.Errorf("%d values, χ² %.2f, want 2 or 24, at most %.2f", values, chi, limit)
				}
			} else if p := kolmogorov(ours, theirs); p < 0.01 {
				t.Errorf("p %.2g, want 0.01 or more", p)
			}
		})
	}
}
