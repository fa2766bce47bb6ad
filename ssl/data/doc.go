// Package data opens image data sets as resident arrays of bytes. A set is one of
//
//	builtin:fashion, builtin:fashion-placed    made from one embedded file; with ":test" behind it, the test part
//	train-images-idx3-ubyte[.gz]               an IDX file; labels from the labels-idx1 file beside it, where there is one
//	a folder                                   .png, .jpg and .jpeg files at any depth, class folders optional
//
// and Open tells them apart by name alone. Data flow: a source decodes to pixels [N H W C] of uint8 and labels [N], both in one Set;
// samplers gather images of it by index, checkpoints keep its Fingerprint. Nothing here depends on the number of processors:
// images are decoded side by side, each into its own place.
//
// The embedded images come from Fashion-MNIST (H. Xiao, K. Rasul, R. Vollgraf 2017, arXiv:1708.07747), copyright 2017 Zalando SE,
// MIT licence: see LICENSE.fashion-mnist, which is also embedded (FashionLicence). tools/mkdata makes the file.
package data
