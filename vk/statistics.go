package vk

import "fmt"

// Statistic is a number that the compiler tells of a pipeline, such as how many registers it takes. Names and units are the driver's.
type Statistic struct {
	Executable string // a pipeline may be compiled to several, one for each subgroup size
	Name       string
	Value      float64
}

// Statistics returns what the compiler tells of a pipeline (VK_KHR_pipeline_executable_properties). It is an error on a device
// opened without Options.Statistics.
func (p *Pipeline) Statistics() ([]Statistic, error) {
	if !p.d.tells {
		return nil, fmt.Errorf("vk: statistics of %s: the device was opened without Options.Statistics", p.name)
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
