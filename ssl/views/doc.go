// Package views holds augmentation recipes as data, and the host's half of making views: it draws every random number.
//
//	recipe (SimCLR, Finetune, …) → []Spec, one for each view
//	Spec.Row(seed, epoch, image, view) → 16 numbers, one row of the parameter table
//	table + uint8 images → shaders/views_crop, views_gray, views_finish → [N H W C], normalised
//
// A row depends on its arguments alone, so any view of any epoch can be made again without those before it, and it is the same
// on every device; the shaders only apply it. The distributions are torchvision's (transforms/transforms.py, v0.14:
// RandomResizedCrop.get_params, RandomHorizontalFlip, ColorJitter within RandomApply), the draws are our own.
package views
