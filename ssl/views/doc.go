// Package views holds augmentation recipes as data and draws the random parameters of every view on the host.
//
//	Preset("byol", in), or a TOML file through Decode → []Spec, one per view
//	Spec.Row(Draw{seed, epoch, sample, view}, h, w) → one row of the parameter table (24 floats and more) and the view's target
//	table + uint8 images → kernels.Views → [N H W C], normalized
//
// A row depends only on its arguments: any view of any epoch can be drawn without the views before it, with the same bytes on every
// device and processor. The shaders only apply the row. The distributions are torchvision's (transforms/transforms.py, v0.14): a row
// draws what get_params draws, in the same order, from a different random number generator. README.md describes the TOML format.
package views
