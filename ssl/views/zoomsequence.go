package views

import "math"

// ZoomSequence makes a sequence of frames from one image: the crops of a camera that zooms in at a constant rate and drifts at a
// constant speed, both drawn once per sample. In an image of short side S the crop of frame t = 0 … Frames−1 has
//
//	side_t = S·start / zoom^t,   center_t = center_0 + t/(Frames − 1)·(center_last − center_0)
//
// with the first crop anywhere in the image and the last anywhere in the first. All crops lie in the image, because side_t is convex in
// t. They have whole pixels and are resized to the view. The zoom gives time a direction: a drift played backwards is another drift.
type ZoomSequence struct {
	Frames        int        `json:"frames"`
	Start         [2]float64 `json:"start"` // range of the first crop's side as a fraction of the image's short side, uniform
	Zoom          [2]float64 `json:"zoom"`  // range of the zoom factor from one crop to the next, uniform
	Interpolation string     `json:"interpolation,omitempty"`
}

// zoomCrop writes the crop of the view's frame. All views of a sample draw from the stream of view 0, as for FrameOrder.
func (s Spec) zoomCrop(dst []float32, d Draw, h, w int) {
	a, src := s.ZoomSequence, streams{d.key(), d.Sample, 0}.of(opZoomSequence)
	first := float64(min(h, w)) * src.Range(a.Start[0], a.Start[1])
	zoom, side, last, frame := src.Range(a.Zoom[0], a.Zoom[1]), first, first, s.frameOf(d)
	for t := 1; t < a.Frames; t++ {
		if last /= zoom; t == frame {
			side = last
		}
	}
	fraction := float64(frame) / float64(a.Frames-1)
	size := min(max(int(math.RoundToEven(side)), 1), h, w)
	place := func(length int) float32 {
		from := float64(first/2) + float64(src.Float64()*(float64(length)-first))
		to := from + float64((src.Float64()-0.5)*(first-last))
		at := from + float64(fraction*(to-from)) - float64(float64(size)/2)
		return float32(min(max(math.RoundToEven(at), 0), float64(length-size)))
	}
	dst[CropTop], dst[CropLeft] = place(h), place(w)
	dst[CropHeight], dst[CropWidth], dst[SourceWidth] = float32(size), float32(size), float32(w)
	dst[ResizedH], dst[ResizedW] = float32(s.Size), float32(s.Size)
}
