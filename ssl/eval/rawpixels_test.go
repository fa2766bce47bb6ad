package eval

import (
	"math"
	"slices"
	"testing"

	"github.com/marr-ssl/marr/ssl/data"
)

// Two images of 2 × 2 pixels, color and gray, against the formula. Gray is repeated in three channels.
func TestRawPixelsAreNormalizedByChannel(t *testing.T) {
	s := data.FromImages("two images", []data.Image{
		{H: 2, W: 2, C: 3, Pix: []byte{0, 51, 102, 255, 204, 153, 0, 51, 102, 255, 204, 153}},
		{H: 2, W: 2, C: 1, Pix: []byte{51, 0, 255, 102}},
	}, []int32{1, 0})
	f, err := RawPixels(t.Context(), s, 2, []float64{0.5, 0.2, 0}, []float64{0.5, 1, 0.1})
	if err != nil {
		t.Fatal(err)
	}
	want := []float32{-1, 0, 4, 1, 0.6, 6, -1, 0, 4, 1, 0.6, 6, -0.6, 0, 2, -1, -0.2, 0, 1, 0.8, 10, -0.2, 0.2, 4}
	if f.Name != s.Name || f.N != 2 || f.D != 12 || len(f.X) != 24 || !slices.Equal(f.Labels, s.Labels) {
		t.Fatalf("%+v", f)
	}
	for i, v := range want {
		if math.Abs(float64(f.X[i]-v)) > 1e-6 { // float32
			t.Errorf("number %d is %v, want %v", i, f.X[i], v)
		}
	}
}

// A constant image keeps its value at any size.
func TestRawPixelsUseTheCenterCrop(t *testing.T) {
	s := data.FromImages("shapes", []data.Image{
		{H: 1, W: 4, C: 1, Pix: []byte{1, 2, 3, 4}}, {H: 5, W: 1, C: 1, Pix: []byte{1, 2, 3, 4, 5}}, {H: 3, W: 3, C: 1, Pix: slices.Repeat([]byte{7}, 9)},
	}, nil)
	f, err := RawPixels(t.Context(), s, 1, []float64{0}, []float64{1})
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []float32{2, 3, 7} {
		if math.Abs(float64(f.X[i]-want/255)) > 1e-6 {
			t.Errorf("image %d became %v, want %v", i, f.X[i]*255, want)
		}
	}
}

func TestRawPixelsHaveZeroMeanAndUnitDeviationOnTheirSet(t *testing.T) {
	s := data.FromImages("two", []data.Image{{H: 2, W: 2, C: 1, Pix: []byte{0, 10, 20, 200}}, {H: 2, W: 2, C: 1, Pix: []byte{255, 3, 99, 1}}}, []int32{0, 1})
	mean, std := s.Stats()
	f, err := RawPixels(t.Context(), s, 2, mean, std)
	if err != nil {
		t.Fatal(err)
	}
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
	RawPixels(t.Context(), data.FromImages("one", []data.Image{{H: 1, W: 1, C: 3, Pix: make([]byte, 3)}}, nil), 1, []float64{0}, []float64{1})
}
