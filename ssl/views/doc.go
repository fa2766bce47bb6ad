// Package views holds augmentation recipes as data, and the host's half of making views: it draws every random number.
//
//	Preset("byol", in), or a TOML file through Decode → []Spec, one for each view
//	Spec.Row(Draw{seed, epoch, sample, view}, h, w) → 24 numbers and more, one row of the parameter table, and the view's target
//	table + uint8 images → kernels.Views → [N H W C], normalised
//
// A row depends on its arguments alone, so any view of any epoch can be made again without those before it, and its bytes are the
// same on every device and processor; the shaders only apply it. The distributions are torchvision's (transforms/transforms.py,
// v0.14), and a row draws what get_params there draws, in the same order; the random numbers are our own.
package views
