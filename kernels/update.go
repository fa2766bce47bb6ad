package kernels

// update is what the parts of a step agree on: the batch norms, the clipping, CheckFinite and the optimizer's Update.
type update struct {
	micro    int     // runs of the segment with the forward pass in a step
	folds    []fold  // batch norm calls whose statistics Fold takes
	fewest   int     // see Population
	cleared  []*step // fills of all gradients, whose size is known at the end
	flatSize int64   // of the flat sets when flat was called; 0: never
	averaged int     // parameters with a moving average when Update was called; −1: never
	clip     float64 // largest norm of all gradients together; 0: any
	clipEach float64 // largest norm of each; 0: any
	checked  bool    // CheckFinite is recorded
}

// Micro says that a step runs the segments to come k times each before Fold, until it says another number: each run keeps its batch statistics in
// the slot that scalar `micro` names. Call it before the segment's first op.
func (g *Graph) Micro(k int) { g.update.micro = k }

// Population is the fewest samples that a batch norm recorded so far normalises by their own statistics at once; 0: none does.
func (g *Graph) Population() int { return g.update.fewest }

// Clip says that optimizers multiply all gradients by min(1, most/(‖gradients‖ + 1e-6)), as torch.nn.utils.clip_grad_norm_; 0 says that they do
// not. Call it before CheckFinite.
func (g *Graph) Clip(most float64) {
	if g.update.checked {
		misuse("Clip", "%g stands behind CheckFinite, which says by how much: put it before", most)
	}
	g.update.clip = most
}

// ClipEach says that optimizers multiply every parameter's gradient by min(1, most/(‖gradient‖ + 1e-6)), its own 2-norm, as DINO's clip_gradients
// (facebookresearch/dino, utils.py); 0 says that they do not. Clip, where both are asked for, comes first. Call it before Update.
func (g *Graph) ClipEach(most float64) {
	if g.update.averaged >= 0 {
		misuse("ClipEach", "%g stands behind Update, which is to clip: put it before", most)
	}
	g.update.clipEach = most
}

// flat returns a whole flat set as a tensor [elements]. From then on no parameter may be declared.
func (g *Graph) flat(set int) *Tensor {
	if g.store.size == 0 {
		misuse("parameters", "the store has none: declare them before CheckFinite and Update")
	}
	g.update.flatSize = g.store.size
	return g.fixed([]string{"values", "gradients", "moment0", "moment1", "averages"}[set], []int{int(g.store.size / 4)}, set, 0, g.store.size)
}

// complete checks and finishes, at the end of recording, what depends on the size of the flat sets.
func (u *update) complete(s *Store) {
	if u.flatSize > 0 && u.flatSize != s.size {
		last := s.params[len(s.params)-1]
		misuse("Param", "%s was declared behind CheckFinite or Update, which would pass it by: declare all parameters before them", last.Name)
	}
	if u.averaged >= 0 && u.averaged != s.averaged() {
		misuse("Average", "a parameter's was asked for behind Update, which would pass it by: ask for all before it")
	}
	for _, f := range u.cleared {
		f.binds[0].size = max(s.size, align)
	}
}
