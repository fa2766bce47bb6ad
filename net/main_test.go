package net_test

import (
	"fmt"
	"os"
	"testing"

	"marr/vk"
)

// device is shared by all tests of the package.
var device *vk.Device

func TestMain(m *testing.M) {
	var err error
	if device, err = vk.Open("", vk.Options{}); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	code := m.Run()
	for _, err := range []error{device.Close(), vk.CheckValidation()} {
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
	}
	os.Exit(code)
}
