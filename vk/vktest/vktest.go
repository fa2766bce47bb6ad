// Package vktest opens the device that the tests of a package share.
package vktest

import (
	"fmt"
	"os"
	"testing"

	"marr/vk"
)

// Main is a package's TestMain: it opens the best device into *device, runs the tests, closes it, and exits with a failure also when
// there is no device, when closing fails, or when the validation layer had something to say.
func Main(m *testing.M, device **vk.Device) {
	d, err := vk.Open("", vk.Options{})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	*device = d
	code := m.Run()
	for _, err := range []error{d.Close(), vk.CheckValidation()} {
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
	}
	os.Exit(code)
}
