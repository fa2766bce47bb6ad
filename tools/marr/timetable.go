package main

import (
	"sort"

	"marr/vk"
)

// timetable says when a run is measured, and on how many images. It follows from counts of work alone: a clock would measure other epochs of a run that
// was resumed.
type timetable struct {
	every  int     // epochs between measurements, of which the last epoch always has one; 0: none
	images int     // that each of them looks at
	share  float64 // of the training's work that all of them are
}

// due says whether an epoch, from 1 to epochs, is measured.
func (p timetable) due(epoch, epochs int) bool {
	return p.every > 0 && (epoch%p.every == 0 || epoch == epochs)
}

// planned takes the shortest interval, a multiple of `every`, that lets measurements of `least` images fit into the share, then as many images as fit,
// up to `most`. Where not even one measurement fits there is one, in the end, and its share is above what was asked for. epoch is the work of one of
// training, cost that of a measurement.
func planned(epochs, every, least, most int, share, epoch float64, cost func(images int) float64) timetable {
	lowest, all := cost(least), epoch*float64(epochs)
	for n := every; ; n += every {
		n = min(n, epochs)
		times := float64((epochs + n - 1) / n)
		room := share * all / times
		if lowest > room && n < epochs {
			continue
		}
		images := least + sort.Search(most-least, func(i int) bool { return cost(least+i+1) > room })
		return timetable{n, images, cost(images) * times / all}
	}
}

// perHost is how many operations of training a device does, at most, while the host does one of a measurement. Measured on lavapipe: training at
// 9 GFLOP/s a second of the processors' time, neighbours and probe at 6. For GPUs it is assumed: none has been measured.
func perHost(t vk.DeviceType) float64 {
	switch t {
	case vk.Discrete:
		return 500
	case vk.Integrated, vk.Virtual:
		return 100
	}
	return 2
}
