package kernels_test

import (
	"fmt"
	"os"
	"testing"

	"github.com/marr-ssl/marr/kernels/optest"
	"github.com/marr-ssl/marr/vk"
)

// device is shared by all tests of the package. bench has it and a device with a small binding limit, on which larger tensors are bound in parts.
var (
	device *vk.Device
	bench  optest.Bench
)

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	code := 1
	for _, d := range []struct {
		at  **vk.Device
		opt vk.Options
	}{{&device, vk.Options{}}, {&bench.Narrow, vk.Options{StorageRange: optest.NarrowRange}}} {
		opened, err := vk.Open("", d.opt)
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return code
		}
		*d.at = opened
	}
	bench.Device = device
	code = m.Run()
	for _, err := range []error{device.Close(), bench.Narrow.Close(), vk.CheckValidation()} {
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
	}
	return code
}
