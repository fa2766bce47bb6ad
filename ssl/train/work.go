package train

// Work returns the floating point operations of the convolutions and matrix products in an epoch of training, and in the features of one image.
// Both follow from the program alone, so that decisions based on them are the same in a resumed run.
//
// The features of a view count as half of what a view of that size costs in training. By operations they are a third, the backward pass being two
// thirds; but the view is painted too, and the rest of a step is small: with the demo's network on lavapipe features took 0.42 of the time.
func (t *Trainer) Work() (epoch, feature float64) {
	for _, p := range t.passes { // with a gradient cache there are more segments than micro
		epoch += t.prog.Segment(p.segment).Work() * float64(p.runs*t.PerEpoch())
	}
	views := 0. // of a micro-batch, in images of the run's size
	for _, v := range t.step.Views {
		views += float64(v.Dim(0)*v.Dim(1)*v.Dim(2)) / float64(t.Config.Size*t.Config.Size)
	}
	return epoch, t.prog.Segment("micro").Work() / views / 2
}
