// Package golden reads results that PyTorch computed (tools/golden/*.py) and measures the distance of other results from them.
//
// A file holds cases without their inputs and weights, which Python and Go draw from the same stream:
//
//	values = rng.New(seed, crc32("<case>/<tensor>")).Uniform(lo, hi), row-major in the library's layout, without padding
//
// Small results are stored in full. Large ones are stored as their norm and four projections Σ s_i·v_i with signs from the stream
// crc32("proj/<case>/<tensor>/<j>"), j = 0 … 3: s_i = −1 if the top bit of word i is set, else 1.
package golden

import (
	"encoding/json"
	"fmt"
	"hash/crc32"
	"math"
	"os"

	"github.com/marr-ssl/marr/kernels/rng"
)

// File is one golden file.
type File struct {
	MadeBy string  `json:"made_by"` // command and versions
	Seed   uint64  `json:"seed"`    // of every stream
	Cases  []*Case `json:"cases"`
}

// Case is one call of one op, or one training run.
type Case struct {
	Op         string             `json:"op"`
	Name       string             `json:"name"`
	Attrs      map[string]float64 `json:"attrs"`      // numbers; flags are 0 or 1
	Steps      []Step             `json:"steps"`      // views only: the augmentations, in order
	Inputs     []Spec             `json:"inputs"`     // streams
	Ints       []Ints             `json:"ints"`       // integer inputs, stored in full
	Cotangents []Spec             `json:"cotangents"` // streams r of loss = Σ r⊙output; empty: the output is the loss, or there are no gradients
	Outputs    []*Result          `json:"outputs"`
	Grads      []*Result          `json:"grads"` // of the loss, named after their input

	seed uint64
}

// Spec names a stream that fills a tensor with uniform numbers in [Lo, Hi), rounded to float32.
type Spec struct {
	Name  string  `json:"name"`
	Of    string  `json:"of"` // cotangents only: the name of the output
	Shape []int   `json:"shape"`
	Lo    float64 `json:"lo"`
	Hi    float64 `json:"hi"`
}

// Ints is an integer input.
type Ints struct {
	Name string  `json:"name"`
	Data []int32 `json:"data"`
}

// Step is one augmentation of a views case; only the fields of its op are set. tools/golden/views.py documents the ops.
type Step struct {
	Op        string    `json:"op"`
	Top       int       `json:"top"`
	Left      int       `json:"left"`
	Height    int       `json:"height"`
	Width     int       `json:"width"`
	OutHeight int       `json:"out_height"`
	OutWidth  int       `json:"out_width"`
	Bicubic   bool      `json:"bicubic"`
	Side      int       `json:"side"`
	Turns     int       `json:"turns"`
	Factor    float64   `json:"factor"`
	Kernel    int       `json:"kernel"`
	Sigma     float64   `json:"sigma"`
	At        []int     `json:"at"`
	Mean      []float64 `json:"mean"`
	Std       []float64 `json:"std"`
}

// Result is a tensor that PyTorch computed in float64, to nine digits: Data in full, or Norm (2-norm) and Proj.
type Result struct {
	Name  string    `json:"name"`
	Shape []int     `json:"shape"`
	Data  []float64 `json:"data"`
	Norm  float64   `json:"norm"`
	Proj  []float64 `json:"proj"`
	Moved float64   `json:"moved"` // training only: 2-norm of a parameter's change since the start

	// Distance of PyTorch's own float32 result from the float64 one, a basis for tolerances.
	Float32Distance      float64 `json:"float32_distance"`
	MovedFloat32Distance float64 `json:"moved_float32_distance"`

	seed uint64
	key  string
}

// Load reads a golden file. It returns an error if the file is missing or malformed, or if sizes do not match.
func Load(path string) (*File, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("golden: %w: make it with tools/golden", err)
	}
	f := new(File)
	if err := json.Unmarshal(text, f); err != nil {
		return nil, fmt.Errorf("golden: %s: %w: make it anew with tools/golden", path, err)
	}
	for _, c := range f.Cases {
		c.seed = f.Seed
		for _, r := range append(append([]*Result(nil), c.Outputs...), c.Grads...) {
			r.seed, r.key = f.Seed, c.Name+"/"+r.Name
			if len(r.Data) != volume(r.Shape) && len(r.Proj) == 0 {
				return nil, fmt.Errorf("golden: %s: %s: %d values for shape %v: make it anew with tools/golden", path, r.key, len(r.Data), r.Shape)
			}
		}
	}
	return f, nil
}

// Values returns the values of an input or a cotangent of the case.
func (c *Case) Values(s Spec) []float32 {
	dst := make([]float32, volume(s.Shape))
	stream(c.seed, c.Name+"/"+s.Name).Uniform(dst, s.Lo, s.Hi)
	return dst
}

// Output returns the output of this name, or nil.
func (c *Case) Output(name string) *Result { return find(c.Outputs, name) }

// Grad returns the gradient for the input of this name, or nil.
func (c *Case) Grad(name string) *Result { return find(c.Grads, name) }

// Full reports whether all values are stored.
func (r *Result) Full() bool { return r.Data != nil }

// Signs returns projection vector j, of ±1.
func (r *Result) Signs(j int) []float64 {
	words, signs := stream(r.seed, fmt.Sprintf("proj/%s/%d", r.key, j)), make([]float64, volume(r.Shape))
	for i := range signs {
		signs[i] = 1 - 2*float64(words.Uint32()>>31)
	}
	return signs
}

// Distance returns the relative error of got, which has the stored order and no padding. It is ‖got−want‖/‖want‖ if all values are stored. Else it is
// the larger of |‖got‖−‖want‖|/‖want‖ and an estimate of the relative error, the root mean square of the projections' differences ÷ ‖want‖. It is
// absolute if want is zero, +Inf for a wrong length, and NaN if got contains one.
func (r *Result) Distance(got []float64) float64 {
	if len(got) != volume(r.Shape) {
		return math.Inf(1)
	}
	if r.Full() {
		diff := make([]float64, len(got))
		for i, v := range got {
			diff[i] = v - r.Data[i]
		}
		return relative(norm(diff), norm(r.Data))
	}
	sum := 0.0
	for j, want := range r.Proj {
		p := 0.0
		for i, s := range r.Signs(j) {
			p += s * got[i]
		}
		sum += (p - want) * (p - want) / float64(len(r.Proj))
	}
	return max(relative(math.Abs(norm(got)-r.Norm), r.Norm), relative(math.Sqrt(sum), r.Norm))
}

// Distance32 is Distance for float32 values.
func (r *Result) Distance32(got []float32) float64 {
	wide := make([]float64, len(got))
	for i, v := range got {
		wide[i] = float64(v)
	}
	return r.Distance(wide)
}

func stream(seed uint64, key string) *rng.Source {
	return rng.New(seed, crc32.ChecksumIEEE([]byte(key)))
}

func find(rs []*Result, name string) *Result {
	for _, r := range rs {
		if r.Name == name {
			return r
		}
	}
	return nil
}

func relative(distance, norm float64) float64 {
	if norm == 0 {
		return distance
	}
	return distance / norm
}

func norm(v []float64) float64 {
	sum := 0.0
	for _, x := range v {
		sum += x * x
	}
	return math.Sqrt(sum)
}

func volume(shape []int) int {
	n := 1
	for _, d := range shape {
		n *= d
	}
	return n
}
