package net_test

import (
	"testing"

	"marr/vk"
	"marr/vk/vktest"
)

// device is shared by all tests of the package.
var device *vk.Device

func TestMain(m *testing.M) { vktest.Main(m, &device) }
