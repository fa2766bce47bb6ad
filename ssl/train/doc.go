// Package train runs the steps of a method on a device.
//
//	New(store, config, job) builds the backbone, records the program of a step and returns a Trainer
//	Trainer.Train(to) replays the program: the host draws views and gathers images, the device paints, computes and updates
//	Painter paints views alone, for pictures of them and for features
//
// A step is the segments clear, micro (once for each part of a batch) and update; a gradient cache adds embed and contrast. Up to two steps are in flight.
package train
