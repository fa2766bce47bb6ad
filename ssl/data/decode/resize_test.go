package decode

import (
	"image"
	"image/color"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/marr-ssl/marr/kernels/ref"
)

func noise(h, w, c int) Image {
	img, r := Image{H: h, W: w, C: c, Pix: make([]byte, h*w*c)}, rand.New(rand.NewPCG(1, uint64(h*w)))
	for i := range img.Pix {
		img.Pix[i] = byte(r.Uint32())
	}
	return img
}

// A result is rounded to 16 bits (1/512), then to 8 (½); about 20 weights are off by less than 2⁻¹⁶ each.
func TestResizeMatchesTheReference(t *testing.T) {
	for _, c := range []struct{ h, w, outH, outW int }{
		{9, 7, 9, 7}, {9, 7, 4, 3}, {9, 7, 8, 5}, {9, 7, 13, 20}, {40, 33, 3, 2}, {1, 1, 5, 5}, {5, 5, 1, 1}, {64, 50, 32, 25}, {20, 21, 15, 14}, {2, 90, 2, 11},
	} {
		for _, channels := range []int{1, 3} {
			img := noise(c.h, c.w, channels)
			x := ref.New(c.h, c.w, channels)
			for i, v := range img.Pix {
				x.Data[i] = float64(v)
			}
			want := ref.ResizedCrop(x, ref.Box{Height: c.h, Width: c.w}, c.outH, c.outW, ref.Bilinear)
			got := Resize(img, c.outH, c.outW)
			for i, v := range got.Pix {
				if d := float64(v) - want.Data[i]; d > 0.51 || d < -0.51 {
					t.Fatalf("%+v, %d channels: element %d: %d, want %.3f", c, channels, i, v, want.Data[i])
				}
			}
		}
	}
}

func TestResizePanicsOnInvalidImages(t *testing.T) {
	for _, c := range []struct {
		img  Image
		h, w int
	}{{Image{H: 2, W: 2, C: 3, Pix: make([]byte, 11)}, 1, 1}, {Image{H: 2, W: 2, C: 2, Pix: make([]byte, 8)}, 1, 1}, {Image{}, 1, 1}, {noise(2, 2, 1), 0, 1}} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("[%d %d %d] to %d×%d: no panic", c.img.H, c.img.W, c.img.C, c.h, c.w)
				}
			}()
			Resize(c.img, c.h, c.w)
		}()
	}
}

func TestConvertedRowsEqualDirectOnes(t *testing.T) {
	for _, side := range []int{1, 2, 3, 150, 299, 300} {
		direct, wide := noise(300, 320, 1), image.NewGray16(image.Rect(0, 0, 320, 300))
		for i, v := range direct.Pix {
			wide.Pix[2*i], wide.Pix[2*i+1] = v, v
		}
		if _, most := difference(t, newPicture(wide).fit(side), pictureOf(direct).fit(side)); most > 0 {
			t.Errorf("side %d differs by %d", side, most)
		}
	}
}

// A chroma sample for 2×2 pixels lies at their center: a ramp of chroma equals the ramp of luma.
func TestChromaIsCentered(t *testing.T) {
	const n = 64
	luma, chroma := Image{H: n, W: n, C: 1, Pix: make([]byte, n*n)}, Image{H: n / 2, W: n / 2, C: 1, Pix: make([]byte, n*n/4)}
	for i := range luma.Pix {
		luma.Pix[i] = byte(3 * (i % n))
	}
	for i := range chroma.Pix {
		chroma.Pix[i] = byte(6*(i%(n/2)) + 1) // the mean of 6i and 6i+3, rounded down
	}
	for _, size := range []int{n, 48, 17} {
		b, dst := box{0, 8, n, n - 16}, [4][]byte{}
		for i := range dst {
			dst[i] = make([]byte, size)
		}
		newScaler(grid{h: n, w: n, dy: 1, dx: 1, k: 1, pix: luma.Pix, stride: n}, b, size, size).two(dst[0], dst[1], 0)
		newScaler(grid{h: n / 2, w: n / 2, dy: 2, dx: 2, k: 1, pix: chroma.Pix, stride: n / 2}, b, size, size).two(dst[2], dst[3], 0)
		for x := 2; x < size-2; x++ {
			if d := int(dst[0][x]) - int(dst[2][x]); d < 0 || d > 1 {
				t.Errorf("%d pixels: luma %d, chroma %d at %d", size, dst[0][x], dst[2][x], x)
			}
		}
	}
}

// Every chroma subsampling gives the pixels of 4:4:4: at a quarter of the size, only roundings and block edges differ.
func TestEveryChromaSubsamplingGivesTheSameColors(t *testing.T) {
	for ratio := range steps {
		planes, whole := image.NewYCbCr(image.Rect(0, 0, 37, 30), ratio), image.NewRGBA(image.Rect(0, 0, 37, 30))
		for y := range 30 {
			for x := range 37 {
				planes.Y[planes.YOffset(x, y)] = byte(90 + x)
				planes.Cb[planes.COffset(x, y)], planes.Cr[planes.COffset(x, y)] = byte(90+2*x), byte(100+2*y)
			}
		}
		for y := range 30 {
			for x := range 37 {
				whole.Set(x, y, planes.At(x, y))
			}
		}
		if mean, most := difference(t, newPicture(planes).fit(7), newPicture(whole).fit(7)); mean > 1 || most > 5 {
			t.Errorf("%v differs by %.2f in the mean, at most %d", ratio, mean, most)
		}
	}
}

func TestWeightsSumToOneAndStayInTheBox(t *testing.T) {
	for _, c := range []struct{ lo, length, out, step, size int }{
		{0, 10, 3, 1, 10}, {3, 5, 20, 1, 10}, {1, 9, 4, 2, 5}, {7, 1, 1, 4, 2}, {0, 1 << 26, 1, 1, 1 << 26}, {0, 1, 1 << 20, 1, 1}, {5, 90, 40, 8, 12},
	} {
		a := newAxis(c.lo, c.length, c.out, c.step, c.size)
		for i, first := range a.first {
			sum := uint32(0)
			for t, w := range a.weight[i*a.taps:][:a.taps] {
				sum += w
				if at := (int(first) + t + 1) * c.step; w > 1<<16 || w > 0 && at <= c.lo {
					sum = 0
				}
			}
			if last := (int(first) + a.taps - 1) * c.step; sum != 1<<16 || first < 0 || last >= c.lo+c.length || int(first)+a.taps > c.size {
				t.Fatalf("%+v: output %d: samples %d … of %d, sum %d", c, i, first, a.taps, sum)
			}
		}
	}
}

func TestColorsMatchJFIF(t *testing.T) {
	var dst [3]byte
	for i := range 1 << 24 {
		if i%7 != 0 {
			continue
		}
		y, cb, cr := byte(i), byte(i>>8), byte(i>>16)
		full.toRGB(dst[:], []byte{y}, []byte{cb}, []byte{cr})
		r, g, b := color.YCbCrToRGB(y, cb, cr)
		if abs(int(dst[0])-int(r)) > 1 || abs(int(dst[1])-int(g)) > 1 || abs(int(dst[2])-int(b)) > 1 {
			t.Fatalf("%d %d %d: %v, want %d %d %d", y, cb, cr, dst, r, g, b)
		}
	}
	studio.toRGB(dst[:], []byte{235}, []byte{128}, []byte{128})
	if dst != [3]byte{255, 255, 255} {
		t.Errorf("white of 16 … 235 is %v", dst)
	}
}

func TestSemaphoreHoldsItsLimitAndAdmitsLargeWeights(t *testing.T) {
	s, wg := newSemaphore(10), sync.WaitGroup{}
	var now atomic.Int64
	for i := range 200 {
		weight := 1 + i%10
		wg.Go(func() {
			s.acquire(weight)
			if v := now.Add(int64(weight)); v > 10 {
				t.Errorf("weight %d is held", v)
			}
			time.Sleep(50 * time.Microsecond)
			now.Add(-int64(weight))
			s.release(weight)
		})
	}
	wg.Wait()
	if s.used != 0 {
		t.Errorf("weight %d is still held", s.used)
	}
}
