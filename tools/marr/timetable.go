package main

import (
	"sort"

	"github.com/marr-ssl/marr/vk"
)

// measurementPlan is the interval and size of a run's measurements. It depends only on counts of operations: with a clock, a resumed run would measure other
// epochs.
type measurementPlan struct {
	every  int     // epochs between measurements, with one after the last epoch; 0: no measurements
	images int     // of a measurement
	share  float64 // work of all measurements ÷ work of the training
}

// due reports whether an epoch, from 1 to epochs, is measured.
func (p measurementPlan) due(epoch, epochs int) bool {
	return p.every > 0 && (epoch%p.every == 0 || epoch == epochs)
}

// planMeasurements returns the shortest interval, a multiple of `every`, at which measurements of minImages fit into the share of the training's work,
// with as many images as fit, up to maxImages. If not even one measurement fits, the plan has one at the end, and its share exceeds the requested one.
// epochWork is the work of an epoch of training, cost the work of a measurement.
func planMeasurements(epochs, every, minImages, maxImages int, share, epochWork float64, cost func(images int) float64) measurementPlan {
	minCost, trainingWork := cost(minImages), epochWork*float64(epochs)
	for n := every; ; n += every {
		n = min(n, epochs)
		measurements := float64((epochs + n - 1) / n)
		budget := share * trainingWork / measurements // of one measurement
		if minCost > budget && n < epochs {
			continue
		}
		images := minImages + sort.Search(maxImages-minImages, func(i int) bool { return cost(minImages+i+1) > budget })
		return measurementPlan{n, images, cost(images) * measurements / trainingWork}
	}
}

// deviceOpsPerHostOp returns an upper bound of the number of training operations that a device performs while the host performs one operation of a
// measurement. On lavapipe, training was measured at 9 GFLOP per second of processor time, neighbors and probe at 6. The bounds for GPUs are assumptions.
func deviceOpsPerHostOp(t vk.DeviceType) float64 {
	switch t {
	case vk.Discrete:
		return 500
	case vk.Integrated, vk.Virtual:
		return 100
	}
	return 2
}
