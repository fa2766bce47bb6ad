// Package eval measures how good features are: nearest neighbours, a linear probe, and a linear probe on few labels.
//
// It works on cached features and knows neither networks nor devices: whoever has features, from a run, an ONNX file or raw pixels,
// puts them into a Features and calls
//
//	KNN            nearest neighbours by cosine, k = 1 and weighted k = 20
//	Linear         multinomial logistic regression on all labels
//	LinearFewShot  the same on a few labels a class, mean and spread over draws
//	Sample         one such draw, so that fine-tuning uses the same images
//	FeatureStd     an alarm for collapse that needs no labels
//
// None of them changes the features it gets: each works on its own L2-normalised copy. Results have the same bits on every run of
// one binary on one kind of processor, with any number of cores: work is cut by the size of the data alone, every sum has a fixed
// order, and randomness comes from a seed and a draw.
package eval
