package eval

import (
	"math"
	"slices"
	"testing"

	"marr/ssl/data"
)

// Two RGB images of 1 × 2 pixels against the formula, each channel with its own mean and deviation.
func TestRawPixelsAreNormalisedByChannel(t *testing.T) {
	s := &data.Set{Name: "four pixels", H: 1, W: 2, C: 3, Pixels: []byte{0, 51, 102, 255, 204, 153, 10, 20, 30, 40, 50, 60}, Labels: []int32{1, 0}}
	mean, std := []float64{0.5, 0.2, 0}, []float64{0.5, 1, 0.1}
	f := RawPixels(s, mean, std)
	want := []float32{-1, 0, 4, 1, 0.6, 6}
	if f.Name != s.Name || f.N != 2 || f.D != 6 || len(f.X) != 12 || !slices.Equal(f.Labels, s.Labels) {
		t.Fatalf("%+v", f)
	}
	for i, v := range want {
		if math.Abs(float64(f.X[i]-v)) > 1e-6 { // float32
			t.Errorf("number %d is %v, want %v", i, f.X[i], v)
		}
	}
}

func TestRawPixelsHaveNoMeanAndUnitDeviationOnTheirOwnSet(t *testing.T) {
	s := &data.Set{H: 2, W: 2, C: 1, Pixels: []byte{0, 10, 20, 200, 255, 3, 99, 1}, Labels: []int32{0, 1}}
	mean, std := s.Stats()
	f := RawPixels(s, mean, std)
	var sum, square float64
	for _, v := range f.X {
		sum, square = sum+float64(v), square+float64(v)*float64(v)
	}
	if math.Abs(sum) > 1e-5 || math.Abs(square/8-1) > 1e-5 { // eight float32 numbers
		t.Fatalf("sum %v, mean square %v, want 0 and 1", sum, square/8)
	}
}

func TestRawPixelsRefuseStatisticsOfOtherChannels(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Fatal("a mean of one number was accepted for three channels")
		}
	}()
	RawPixels(&data.Set{H: 1, W: 1, C: 3, Pixels: make([]byte, 3)}, []float64{0}, []float64{1})
}
