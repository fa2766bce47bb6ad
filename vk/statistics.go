package vk

import (
	"fmt"
	"slices"
)

// Statistic is a number that the compiler reports for a pipeline, such as its registers. Names and units are the driver's.
type Statistic struct {
	Executable string // the compiler may make several, one for each subgroup size
	Name       string
	Value      float64
}

// Statistics returns the statistics of a pipeline (VK_KHR_pipeline_executable_properties). It is an error on a device without
// Caps.Statistics.
func (p *Pipeline) Statistics() ([]Statistic, error) {
	switch {
	case !p.d.info.Caps.Statistics:
		return nil, fmt.Errorf("vk: statistics of %s: %q reports none", p.name, p.d.info.Name)
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

// spillNames lists what drivers call registers that do not fit and lie in memory.
var spillNames = []string{"Spilled VGPRs", "Spilled SGPRs", "Scratch size", // AMD: RADV
	"Spill Count", "Fill Count", "Scratch Memory Size", // Intel: ANV
	"STP Count", "LDP Count", // Adreno: turnip
	"Spill Size",        // V3D: v3dv
	"Local Memory Size"} // NVIDIA

// Spills returns the largest of the statistics that count registers in memory: 0 if the compiler found room for all values, or does not say.
func Spills(all []Statistic) (n float64) {
	for _, s := range all {
		if slices.Contains(spillNames, s.Name) {
			n = max(n, s.Value)
		}
	}
	return n
}

// Assembly returns the machine code of a pipeline as text, in the driver's own format, "" if the driver shows none. It is an error if the device was
// opened without Options.Assembly.
func (p *Pipeline) Assembly() (string, error) {
	switch {
	case !p.d.options.Assembly:
		return "", fmt.Errorf("vk: assembly of %s: the device was opened without Options.Assembly", p.name)
	case p.freed:
		return "", fmt.Errorf("vk: assembly of %s: the pipeline was freed", p.name)
	}
	if err := p.d.alive("assembly of " + p.name); err != nil {
		return "", err
	}
	text, err := p.d.shim.assembly(p.handle)
	if err != nil {
		return "", fmt.Errorf("vk: assembly of %s: %w", p.name, err)
	}
	return text, nil
}
