package main

import (
	"context"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/pflag"

	"github.com/marr-ssl/marr/kernels"
	"github.com/marr-ssl/marr/vk"
)

func devicesCommand(fs *pflag.FlagSet) func(context.Context, []string) error {
	check := fs.Bool("check", false, "check one device: every op against a float64 reference, a training twice for equal bits, peak rates; a minute on a GPU, about two on a CPU")
	filter := fs.String("filter", "", "--check: only the ops whose names match this `REGEXP`, without training and rates")
	device := deviceFlag(fs)
	defer inGroup(fs, outputGroup)()
	var out jsonOutput
	fs.Var(&out, "json", "print limits and capabilities, or with --check the whole report, as JSON; --json FILE writes it to a file")
	fs.Lookup("json").NoOptDefVal = "true"
	return func(ctx context.Context, args []string) error {
		if err := out.takeFile(args); err != nil {
			return err
		}
		if *check {
			return checkDevice(ctx, *device, *filter, out)
		}
		for _, name := range []string{"device", "filter"} {
			if fs.Changed(name) {
				return usagef("--%s is a flag of --check: add --check, or omit --%s", name, name)
			}
		}
		all, err := vk.List()
		if err != nil {
			return err
		}
		if out.on {
			return out.write(describe(all))
		}
		for _, d := range all {
			fmt.Printf("%d  %s\n   %s, Vulkan %s, %s, %d MiB\n   %s kernels (%s; inputs read %s), largest binding %d MiB, %d KiB shared memory, groups of up to %d, subgroup %d%s\n",
				d.Index, d.Name, d.Type, d.API, d.Driver, d.Limits.DeviceMemory>>20, kernels.FamilyOf(d), tiles(kernels.TilesOf(d)), kernels.InputAccessOf(d, vk.ReadSettings()), d.Limits.StorageRange>>20,
				d.Limits.SharedMemory>>10, d.Limits.WorkGroupInvocations, d.Caps.SubgroupSize, halves(d))
		}
		return nil
	}
}

// halves describes what a device multiplies halves with, and the tiles of mixed precision that use it: cooperative matrices or dot products. It returns "" if
// there is neither.
func halves(d vk.Info) string {
	if len(d.Caps.Matrices) == 0 {
		if tiles := kernels.PackedTiles(d); len(tiles) > 0 {
			return fmt.Sprintf(", dot products of halves (tiles %s)", strings.Join(tiles, " "))
		}
		return ""
	}
	names := make([]string, len(d.Caps.Matrices))
	for i, s := range d.Caps.Matrices {
		names[i] = s.String()
	}
	tiles := strings.Join(kernels.MatrixTiles(d), " ")
	if tiles == "" {
		tiles = "not used"
	}
	return fmt.Sprintf(", matrices of halves %s (tiles %s)", strings.Join(names, " "), tiles)
}

// description is a device as marr devices --json prints it.
type description struct {
	vk.Info
	Kernels string   `json:"kernels"` // family of convolutions and matrix products without a tuner
	Tiles   []string `json:"tiles"`
	Reads   string   `json:"reads"`
}

func describe(all []vk.Info) []description {
	out := make([]description, len(all))
	for i, d := range all {
		out[i] = description{d, kernels.FamilyOf(d), kernels.TilesOf(d), kernels.InputAccessOf(d, vk.ReadSettings())}
	}
	return out
}

// openDevice opens the device that --device names. Compiled kernels are stored in the user's cache folder (MARR_CACHE).
func openDevice(selector string) (*vk.Device, error) {
	dir, err := vk.CacheDir()
	if err != nil {
		warn(packages.ReplaceAllString(err.Error(), "$1"))
	}
	dev, err := vk.Open(selector, vk.Options{CacheDir: dir, Warn: warn, Compiling: compileProgress()})
	if err == nil {
		opened(dev)
	}
	return dev, err
}

// compileProgress returns a function that prints the progress of compilation: on a terminal after a second, elsewhere after ten.
func compileProgress() func(done, total int) {
	var p *workProgress
	return func(done, total int) {
		switch done {
		case total:
			if p != nil {
				p.clear()
			}
		case 0:
			p = newWorkProgress()
			p.printed = p.start
		default:
			p.update(done, total, func(float64) string { return fmt.Sprintf("compiling %d kernels: %d done", total, done) })
		}
	}
}

// opened receives each device that openDevice opens. Tests replace it.
var opened = func(*vk.Device) {}

// tuneFlag declares --tune.
func tuneFlag(fs *pflag.FlagSet) *string {
	defer inGroup(fs, deviceGroup)()
	mode := fs.String("tune", "", "`off|quick|full`: choose kernels by rule, by timing a few of them once per device, or by timing all; default: quick, on a CPU device off")
	choices(fs, "tune", []string{kernels.TuneOff.String(), kernels.TuneQuick.String(), kernels.TuneFull.String()})
	return mode
}

// newTuner returns the tuner of a --tune mode. Its results are stored in the user's cache folder.
func newTuner(dev *vk.Device, mode string) (*kernels.Tuner, error) {
	tuning, err := kernels.ParseTuning(mode, dev.Info())
	if err != nil {
		return nil, usageError{err}
	}
	dir, err := vk.CacheDir()
	if err != nil {
		dir = "" // openDevice printed the error
	}
	return kernels.NewTuner(dev, tuning, dir, warn), nil
}

func warn(text string) { fmt.Fprintln(os.Stderr, "marr: "+text) }

// deviceFlag declares --device.
func deviceFlag(fs *pflag.FlagSet) *string {
	defer inGroup(fs, deviceGroup)()
	return fs.String("device", "", "`N|NAME`: number or name of a device, as marr devices lists them; default: MARR_DEVICE, else the best")
}

// tiles lists the tiles that a device can run.
func tiles(names []string) string {
	if len(names) == 0 {
		return "no tiles"
	}
	return "tiles " + strings.Join(names, " ")
}
