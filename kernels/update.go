package kernels

// update holds the state that batch norms, clipping, CheckFinite and the optimizer's Update share while they are recorded.
type update struct {
	micro        int // runs of the segment with the forward pass in a step
	gathered     []partTensor
	folds        []fold  // batch norm calls that UpdateRunningStats handles
	minBatchNorm int     // see MinBatchNormSize
	cleared      []*step // fills of all gradients; complete sets their size
	flatSize     int64   // of the flat sets when flat was called; 0: never
	averaged     int     // parameters with a moving average when Update was called; −1: never
	clip         float64 // largest norm of all gradients together; 0: no clipping
	clipEach     float64 // largest norm of each gradient; 0: no clipping
	checked      bool    // CheckFinite is recorded
	verdict      int     // segment with CheckFinite
	scaled       bool    // see ScaleLoss
}

// Micro declares that a step runs each of the following segments k times before UpdateRunningStats, until the next call of Micro. The scalar `micro` is
// the index of the run, under which it keeps its batch statistics. Call Micro before the segment's first op.
func (g *Graph) Micro(k int) { g.update.micro = k }

// MinBatchNormSize returns the smallest batch that a batch norm recorded so far normalizes by its own statistics; 0 if none does.
func (g *Graph) MinBatchNormSize() int { return g.update.minBatchNorm }

// hasFactor reports whether CheckFinite computes a factor of the gradients, in halt.
func (u *update) hasFactor() bool { return u.clip > 0 || u.scaled }

// Clip makes optimizers multiply all gradients by min(1, most/(‖gradients‖ + 1e-6)), as torch.nn.utils.clip_grad_norm_; 0 disables it.
// Call it before CheckFinite.
func (g *Graph) Clip(most float64) {
	if g.update.checked {
		misuse("Clip", "%g comes after CheckFinite, which computes the factor: call Clip before it", most)
	}
	g.update.clip = most
}

// ClipEach makes optimizers multiply every parameter's gradient by min(1, most/(‖gradient‖ + 1e-6)), its own 2-norm, as DINO's clip_gradients
// (facebookresearch/dino, utils.py); 0 disables it. If both are set, Clip comes first. Call ClipEach
// before Update.
func (g *Graph) ClipEach(most float64) {
	if g.update.averaged >= 0 {
		misuse("ClipEach", "%g comes after Update, which clips: call ClipEach before it", most)
	}
	g.update.clipEach = most
}

// flat returns a whole flat set as a tensor [elements]. No parameter may be declared after it.
func (g *Graph) flat(set int) *Tensor {
	if g.store.size == 0 {
		misuse("parameters", "the store has none: declare them before CheckFinite and Update")
	}
	g.update.flatSize = g.store.size
	return g.fixed([]string{"values", "gradients", "moment0", "moment1", "averages", "sums"}[set], []int{int(g.store.size / 4)}, set, 0, g.store.size)
}

// complete checks and sets, at the end of recording, the values that depend on the size of the flat sets.
func (u *update) complete(s *Store) {
	if u.flatSize > 0 && u.flatSize != s.size {
		last := s.params[len(s.params)-1]
		misuse("Param", "%s was declared after CheckFinite or Update, which would skip it: declare all parameters before them", last.Name)
	}
	if u.averaged >= 0 && u.averaged != s.numAveraged() {
		misuse("Average", "a parameter's moving average was requested after Update, which would skip it: request all before it")
	}
	for _, f := range u.cleared {
		f.binds[0].size = max(s.size, align)
	}
}
