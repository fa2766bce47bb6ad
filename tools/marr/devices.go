package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/pflag"

	"marr/kernels"
	"marr/vk"
)

func devicesCommand(fs *pflag.FlagSet) func(context.Context, []string) error {
	defer inGroup(fs, outputGroup)()
	asJSON := fs.Bool("json", false, "print limits and capabilities as JSON")
	return func(_ context.Context, args []string) error {
		if err := noArgs(args); err != nil {
			return err
		}
		all, err := vk.List()
		if err != nil {
			return err
		}
		if *asJSON {
			return printDevices(all)
		}
		for _, d := range all {
			fmt.Printf("%d  %s\n   %s, Vulkan %s, %s, %d MiB\n   %s kernels (tiles %s; inputs read %s), largest binding %d MiB, %d KiB shared memory, groups of up to %d, subgroup %d\n",
				d.Index, d.Name, d.Type, d.API, d.Driver, d.Limits.DeviceMemory>>20, kernels.FamilyOf(d), strings.Join(kernels.TilesOf(d), " "), kernels.InputAccessOf(d, vk.ReadSettings()), d.Limits.StorageRange>>20,
				d.Limits.SharedMemory>>10, d.Limits.WorkGroupInvocations, d.Caps.SubgroupSize)
		}
		return nil
	}
}

func printDevices(all []vk.Info) error {
	type description struct {
		vk.Info
		Kernels string   `json:"kernels"` // family of convolutions and matrix products without a tuner
		Tiles   []string `json:"tiles"`
		Reads   string   `json:"reads"`
	}
	out := make([]description, len(all))
	for i, d := range all {
		out[i] = description{d, kernels.FamilyOf(d), kernels.TilesOf(d), kernels.InputAccessOf(d, vk.ReadSettings())}
	}
	enc := json.NewEncoder(os.Stdout)
	enc.SetIndent("", "  ")
	return enc.Encode(out)
}

// openDevice opens the device that --device names. Compiled kernels are stored in the user's cache folder (MARR_CACHE).
func openDevice(selector string) (*vk.Device, error) {
	dir, err := vk.CacheDir()
	if err != nil {
		warn(packages.ReplaceAllString(err.Error(), "$1"))
	}
	return vk.Open(selector, vk.Options{CacheDir: dir, Warn: warn})
}

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
