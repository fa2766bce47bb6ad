package vk

import "fmt"

// Statistic is a number that the compiler reports for a pipeline, such as its registers. Names and units are the driver's.
type Statistic struct {
	Executable string // the compiler may make several, one for each subgroup size
	Name       string
	Value      float64
}

// Statistics returns the statistics of a pipeline (VK_KHR_pipeline_executable_properties). It is an error if the device was opened
// without Options.Statistics.
func (p *Pipeline) Statistics() ([]Statistic, error) {
	switch {
	case !p.d.options.Statistics:
		return nil, fmt.Errorf("vk: statistics of %s: the device was opened without Options.Statistics", p.name)
	case p.freed:
		return nil, fmt.Errorf("vk: statistics of %s: the pipeline was freed", p.name)
	}
	if err := p.d.alive("statistics of " + p.name); err != nil {
		return nil, err
	}
	out, err := p.d.shim.statistics(p.handle)
	if err != nil {
		return nil, fmt.Errorf("vk: statistics of %s: %w", p.name, err)
	}
	return out, nil
}
