// Package data opens image data sets of any size. A set is one of
//
//	builtin:fashion, -placed, -tinted          made from one embedded file; with ":test" behind it, the test part
//	a folder                                   images at any depth, class folders optional
//	frames: and a folder                       a folder of frames for each clip
//	NAME.txt, .tsv, .lst, .list                a path a line, behind a tab a label
//	NAME.tar, .tar.gz, .tgz, .zip              images, class folders optional
//	data_batch_1.bin, train.bin, their folder  CIFAR-10 and CIFAR-100, binary version
//	unlabeled_X.bin, train_X.bin, test_X.bin   STL-10, labels from the _y.bin file beside it
//	train-images-idx3-ubyte[.gz]               an IDX file; labels from the labels-idx1 file beside it, where there is one
//
// and Open tells them apart by name. Data flow:
//
//	source (folder.go, tar.go, …) → decode, in parallel (work.go) → one file of uint8 images (store, cache.go) → mapped: Set
//
// The file is made once, under a key of names, sizes and times of what it was made from: a set that was moved finds it again, one that
// changed gets another. A build that was stopped or killed goes on where it ended; two runs at once build it once. Samplers gather images
// of a Set by index, checkpoints keep its Fingerprint. Nothing here depends on the number of processors.
//
// The embedded images come from Fashion-MNIST (H. Xiao, K. Rasul, R. Vollgraf 2017, arXiv:1708.07747), copyright 2017 Zalando SE,
// MIT license: see LICENSE.fashion-mnist, which is also embedded (FashionLicense). tools/mkdata makes the file.
package data
