package ssl

// Work counts floating point operations of convolutions and matrix products: those of an epoch of training, and those of the features of one image.
// Both follow from the program alone, so that what is decided by them is the same in a run that was resumed.
//
// A pass that only looks is taken for half of what a view of that size costs in training. By operations it is a third, the backward pass being two;
// but it is painted too, and the rest of a step is lean: of the demo's network on lavapipe it took 0.42 of the time.
func (t *Trainer) Work() (epoch, feature float64) {
	for _, p := range t.passes { // with a gradient cache there are more than micro
		epoch += t.prog.Segment(p.segment).Work() * float64(p.runs*t.PerEpoch())
	}
	views := 0. // of a micro-batch, in images of the run's size
	for _, v := range t.loss.Views {
		views += float64(v.Dim(0)*v.Dim(1)*v.Dim(2)) / float64(t.Config.Size*t.Config.Size)
	}
	return epoch, t.prog.Segment("micro").Work() / views / 2
}
