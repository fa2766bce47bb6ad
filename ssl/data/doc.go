// Package data opens image data sets of any size. A set is one of
//
//	builtin:fashion, -placed, -tinted          made from an embedded file; the suffix :test selects the test part
//	a folder                                   images at any depth, class folders optional; or archives of images
//	frames:DIR                                 a folder of frames per clip
//	NAME.txt, .tsv, .csv, .lst, .list          one path per line, optionally a tab and a label
//	NAME.tar, .tar.gz, .tar.bz2, .zip          images, class folders optional
//	data_batch_1.bin, train.bin, their folder  CIFAR-10 and CIFAR-100, binary version
//	unlabeled_X.bin, train_X.bin, test_X.bin   STL-10, labels from the _y.bin file in the same folder
//	train-images-idx3-ubyte[.gz], its folder   an IDX file, labels from the labels-idx1 file in the same folder, if any
//
// Open chooses by name. Data flow:
//
//	source (folder.go, walk.go, tar.go, …) → decode, in parallel (work.go) → one file of uint8 images (store, cache.go) → mapped: Set
//
// The file is built once, under a key of the names, sizes and times of its sources: a set that was moved finds its file again, a set
// that changed gets a new one. A build that was stopped or killed resumes where it ended; of two runs at once, one builds. Samplers
// gather images of a Set by index; checkpoints store its Fingerprint. Results do not depend on the number of processors.
//
// The embedded images are from Fashion-MNIST (H. Xiao, K. Rasul, R. Vollgraf 2017, arXiv:1708.07747), copyright 2017 Zalando SE,
// MIT license: LICENSE.fashion-mnist, also embedded (FashionLicense). tools/mkdata writes the file. README.md describes the formats.
package data
