// Package eval measures backbones: nearest neighbors, linear probes on all or few labels, and fine-tuning.
//
//	Encoder         computes the features of images on a device
//	RawPixels       returns pixels as features, the baseline without a network
//	EvaluateFrozen  runs the protocol of this project's numbers on features: KNN, Linear and LinearFewShot
//	KNN             nearest neighbors by cosine, k = 1 and weighted k = 20
//	Linear          multinomial logistic regression on all labels
//	LinearSGD       linear classifier by SGD on augmented images, the protocol of published results
//	LinearFewShot   Linear on a few labels per class, mean and standard deviation over draws
//	Finetune        supervised training of a whole network on a few labels per class
//	Sample          draws these labels, the same for both
//	NearestTo       the images that are most similar to one
//	Duplicates      groups of images that are alike
//	Outliers        images that are least similar to their nearest neighbors
//	Nearest, NeighborStability
//	                nearest neighbors without labels, and how many of them stay the same while a network trains
//
// Only Encoder, LinearSGD, Finetune and Duplicates use a device. The other functions take Features of any origin and do not change them: each works on its own
// L2-normalized copy. Their results have the same bits on every run of one binary on one kind of processor, with any number of cores: the work is divided
// by the size of the data alone, every sum has a fixed order, and randomness comes from a seed and the number of a draw. Labels may have gaps.
package eval
