package vktest

import (
	"testing"

	"github.com/marr-ssl/marr/vk"
)

// Configure changes the settings that programs are built with on dev, until the test ends.
func Configure(t testing.TB, dev *vk.Device, change func(s *vk.Settings)) {
	was := dev.Settings()
	t.Cleanup(func() { dev.Configure(was) })
	s := was
	change(&s)
	dev.Configure(s)
}
