// Package bench measures the engine: kernels, whole training steps and a short training, against the device's own peak.
//
//	MeasurePeak ──▶ Kernels (every op at the shapes of ResNet-18 and -50) ─┐
//	                Step (SimCLR, split by timestamps; PyTorch beside it) ──┼──▶ Report (JSON) ──▶ tables, ratios against another Report
//	                Train (loss and images/s of a short run) ───────────────┤
//	                Methods (what each method learns; PyTorch beside it) ───┘
//
// Times of kernels are differences of the device's timestamps around each dispatch; the first run is thrown away, the median and the
// range of the others are given. A share is a rate over the best rate that the device reached in the same call. Devices shared with others
// are noisy: compare within one report, or many.
package bench
