package views

// MinFrames returns the number of frames that a clip must have for this view; 1 for images.
func (s Spec) MinFrames() int {
	if s.ZoomSequence != nil {
		return 1
	}
	if s.FrameOrder != nil {
		return s.FrameOrder.Frames
	}
	return s.Frame + 1
}

// SameImage reports whether two views show the same image of every sample.
func (s Spec) SameImage(other Spec) bool {
	if s.ZoomSequence != nil || other.ZoomSequence != nil {
		return s.ZoomSequence != nil && other.ZoomSequence != nil
	}
	a, b := s.FrameOrder, other.FrameOrder
	return s.Frame == other.Frame && (a == b || a != nil && b != nil && *a == *b)
}

// SampleFrames draws n ≤ length equally spaced frames of a clip: first, first + step, … The step is uniform over those that fit, then
// first is uniform. All views of a sample draw from the stream of view 0, as for FrameOrder.
func (d Draw) SampleFrames(n, length int) (first, step int) {
	src := streams{d.key(), d.Sample, 0}.of(opFrames)
	if n < 2 {
		return src.Intn(length), 0
	}
	step = 1 + src.Intn((length-1)/(n-1))
	return src.Intn(length - (n-1)*step), step
}
