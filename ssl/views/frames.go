package views

// MinFrames returns how many frames of a clip the view's samples are made of, at least: 1 for images.
func (s Spec) MinFrames() int {
	if s.ZoomSequence != nil {
		return 1
	}
	if s.FrameOrder != nil {
		return s.FrameOrder.Frames
	}
	return s.Frame + 1
}

// SameImage says whether the view shows the same image of each sample as another.
func (s Spec) SameImage(other Spec) bool {
	if s.ZoomSequence != nil || other.ZoomSequence != nil {
		return s.ZoomSequence != nil && other.ZoomSequence != nil
	}
	a, b := s.FrameOrder, other.FrameOrder
	return s.Frame == other.Frame && (a == b || a != nil && b != nil && *a == *b)
}

// SampleFrames draws n frames of a clip of `length`, n ≤ length, at equal distances: first, first + step, … Steps that fit are equally likely, then
// places for them. As for a frame order, the stream is that of view 0, for all views of the sample.
func (d Draw) SampleFrames(n, length int) (first, step int) {
	src := streams{d.key(), d.Sample, 0}.of(opFrames)
	if n < 2 {
		return src.Intn(length), 0
	}
	step = 1 + src.Intn((length-1)/(n-1))
	return src.Intn(length - (n-1)*step), step
}
