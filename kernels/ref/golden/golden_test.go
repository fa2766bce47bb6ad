package golden

import (
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/marr-ssl/marr/kernels/rng"
)

const file = `{"made_by":"hand","seed":1,"cases":[{"op":"o","name":"c","inputs":[{"name":"x","shape":[2,3],"lo":-1,"hi":3}],
"outputs":[{"name":"full","shape":[2],"data":[3,4]},{"name":"zero","shape":[2],"data":[0,0]},{"name":"large","shape":[40],"norm":5,"proj":[1,2,3,4]}]}]}`

func load(t *testing.T, text string) (*File, error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "f.json")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return Load(path)
}

func TestValuesComeFromTheStreamNamedByCaseAndTensor(t *testing.T) {
	f, err := load(t, file)
	if err != nil {
		t.Fatal(err)
	}
	want := make([]float32, 6)
	rng.New(1, 0xf9126d08).Uniform(want, -1, 3) // python3 -c 'import zlib; print(hex(zlib.crc32(b"c/x")))'
	if got := f.Cases[0].Values(f.Cases[0].Inputs[0]); !slices.Equal(got, want) {
		t.Fatalf("values %v, want %v", got, want)
	}
}

func TestDistanceIsRelativeToTheStoredNorm(t *testing.T) {
	f, err := load(t, file)
	if err != nil {
		t.Fatal(err)
	}
	c := f.Cases[0]
	for _, k := range []struct {
		name string
		got  []float64
		want float64
	}{
		{"full", []float64{3, 4}, 0}, {"full", []float64{3, 4.5}, 0.1}, {"zero", []float64{0, 0.25}, 0.25}, {"full", []float64{3}, math.Inf(1)},
	} {
		if d := c.Output(k.name).Distance(k.got); d != k.want {
			t.Errorf("%s %v: distance %g, want %g", k.name, k.got, d, k.want)
		}
	}
	for _, name := range []string{"full", "large"} {
		r := c.Output(name)
		bad := make([]float64, r.Shape[0])
		bad[1] = math.NaN()
		if d := r.Distance(bad); d <= 1e9 {
			t.Errorf("%s with a NaN: distance %g passes a tolerance", name, d)
		}
	}
}

func TestProjectionsDetectADifferenceThatKeepsTheNorm(t *testing.T) {
	r := &Result{Name: "v", Shape: []int{1000}, seed: 1, key: "c/v"}
	v := make([]float64, 1000)
	for i, s := 0, rng.New(5); i < len(v); i++ {
		v[i] = s.Range(-1, 1)
	}
	r.Norm = norm(v)
	for j := range 4 {
		p := 0.0
		for i, s := range r.Signs(j) {
			p += s * v[i]
		}
		r.Proj = append(r.Proj, p)
	}
	if d := r.Distance(v); d > 1e-14 {
		t.Errorf("distance to itself %g", d)
	}
	slices.Reverse(v)
	// The true distance is about √2; four projections estimate it to within a factor of 3 but for a chance of 1e-3.
	if d := r.Distance(v); d < 0.4 || d > 4 {
		t.Errorf("distance of the reversed tensor %g, want about 1.4", d)
	}
}

func TestErrorsOfBrokenFilesNameTheFix(t *testing.T) {
	for _, text := range []string{"", "{", strings.Replace(file, "[3,4]", "[3]", 1)} {
		if _, err := load(t, text); err == nil || !strings.HasPrefix(err.Error(), "golden: ") || !strings.Contains(err.Error(), "tools/golden") {
			t.Errorf("error %v", err)
		}
	}
	if _, err := Load(filepath.Join(t.TempDir(), "none.json")); err == nil || !strings.Contains(err.Error(), "tools/golden") {
		t.Errorf("error %v", err)
	}
}
