// Package bench measures kernels, whole training steps and the data pipeline, and states each rate as a share of the device's measured peak.
//
//	MeasurePeak ─────▶ MeasureKernels (every op at the shapes of ResNet-18 and ResNet-50) ─┐
//	MeasureData (JPEG decoding, view painting; torchvision's DataLoader for comparison) ───┼──▶ Results (JSON) ──▶ tables, speed-ups over older Results
//	MeasureStep (SimCLR, split by timestamps; the same step in PyTorch for comparison) ────┤
//	MeasureTraining (loss and images/s of a short run) ────────────────────────────────────┘
//
// A kernel's time is the difference of the device timestamps around its dispatch. The first run is a warm-up and is discarded; the
// median and the range of the others are reported. Rates vary on a machine that other processes use: compare rows of one Results, or
// collect several. Package bench/methods compares the accuracy of the pre-training methods, bench/check finds
// out whether a device computes correctly.
package bench
