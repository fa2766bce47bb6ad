package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"

	"github.com/spf13/pflag"

	"marr/kernels"
	"marr/vk"
)

func devicesCommand(fs *pflag.FlagSet) func(context.Context, []string) error {
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
			fmt.Printf("%d  %s\n   %s, Vulkan %s, %s, %d MiB\n   kernels %s, largest binding %d MiB, %d KiB shared memory, groups of up to %d, subgroup %d\n",
				d.Index, d.Name, d.Type, d.API, d.Driver, d.Limits.DeviceMemory>>20, kernels.FamilyOf(d), d.Limits.StorageRange>>20,
				d.Limits.SharedMemory>>10, d.Limits.WorkGroupInvocations, d.Caps.SubgroupSize)
		}
		return nil
	}
}

func printDevices(all []vk.Info) error {
	type described struct {
		vk.Info
		Kernels string `json:"kernels"`
	}
	out := make([]described, len(all))
	for i, d := range all {
		out[i] = described{d, kernels.FamilyOf(d)}
	}
	enc := json.NewEncoder(os.Stdout)
	enc.SetIndent("", "  ")
	return enc.Encode(out)
}

// openDevice opens the device that --device names, with compiled kernels kept in the user's cache folder (MARR_CACHE).
func openDevice(selector string) (*vk.Device, error) {
	warn := func(text string) { fmt.Fprintln(os.Stderr, "marr: "+text) }
	dir, err := vk.CacheDir()
	if err != nil {
		warn(packages.ReplaceAllString(err.Error(), "$1"))
	}
	return vk.Open(selector, vk.Options{CacheDir: dir, Warn: warn})
}

// deviceFlag declares --device.
func deviceFlag(fs *pflag.FlagSet) *string {
	return fs.String("device", "", "device `N|NAME` as marr devices lists it; default: MARR_DEVICE, else the best")
}
