// Package vktest opens a device for the tests of a package.
package vktest

import (
	"fmt"
	"os"
	"testing"

	"github.com/marr-ssl/marr/vk"
)

// Main is the TestMain of a package. It opens the default device into *device, runs the tests, closes the device and exits. The exit
// status is 1 if a test fails, no device can be opened, closing fails, or the validation layer reported a message.
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
