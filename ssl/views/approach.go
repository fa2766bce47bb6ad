package views

import "math"

// ZoomSequence makes frames of one image: what a camera sees that comes closer at a constant rate while it drifts at a constant speed, both drawn once a
// sample. In an image of short side S the window of frame t = 0 … Frames−1 has
//
//	side_t = S·start / zoom^t,   centre_t = centre_0 + t/(Frames − 1)·(centre_last − centre_0)
//
// with the first window anywhere in the image and the last anywhere in the first: what it comes to was in sight. All windows are in the image, for
// side_t lies below the line from the first side to the last. They are whole pixels, resized to the view. A drift alone would tell no order: played
// backwards it is another drift. Coming closer gives time its direction.
type ZoomSequence struct {
	Frames        int        `json:"frames"`
	Start         [2]float64 `json:"start"` // range of the first window's side, a share of the image's short side, uniform
	Zoom          [2]float64 `json:"zoom"`  // range of how many times smaller a window is than the one before, uniform
	Interpolation string     `json:"interpolation,omitempty"`
}

// approach writes the window of the frame that the view shows. As for a frame order, the stream is that of view 0, for all views of the sample.
func (s Spec) approach(dst []float32, d Draw, h, w int) {
	a, src := s.ZoomSequence, streams{d.key(), d.Sample, 0}.of(opApproach)
	first := float64(min(h, w)) * src.Range(a.Start[0], a.Start[1])
	zoom, side, last, moment := src.Range(a.Zoom[0], a.Zoom[1]), first, first, s.moment(d)
	for t := 1; t < a.Frames; t++ {
		if last /= zoom; t == moment {
			side = last
		}
	}
	share := float64(moment) / float64(a.Frames-1)
	size := min(max(int(math.RoundToEven(side)), 1), h, w)
	place := func(length int) float32 {
		from := first/2 + float64(src.Float64()*(float64(length)-first))
		to := from + float64((src.Float64()-0.5)*(first-last))
		at := from + float64(share*(to-from)) - float64(size)/2
		return float32(min(max(math.RoundToEven(at), 0), float64(length-size)))
	}
	dst[CropTop], dst[CropLeft] = place(h), place(w)
	dst[CropHeight], dst[CropWidth], dst[SourceWidth] = float32(size), float32(size), float32(w)
	dst[ResizedH], dst[ResizedW] = float32(s.Size), float32(s.Size)
}
