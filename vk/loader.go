package vk

import (
	"fmt"
	"strings"

	vulkan "github.com/vulkan-go/vulkan"
)

// libraries are the file names of the Vulkan loader on this system, in the order in which they are tried. Tests change them.
var libraries = systemLibraries()

// load opens the Vulkan loader and passes its entry point to the shim and to vulkan-go.
func load() error {
	var first error
	for _, name := range libraries {
		entry, err := openLibrary(name)
		if err != nil {
			if first == nil {
				first = err
			}
			continue
		}
		vulkan.SetGetInstanceProcAddr(shimLoad(entry))
		if err := vulkan.Init(); err != nil {
			return &NoDeviceError{Reason: fmt.Sprintf("the Vulkan loader %s could not be initialized", name), Install: loaderSource, Err: err}
		}
		return nil
	}
	return &NoDeviceError{
		Reason:  fmt.Sprintf("no Vulkan loader: no %s in %s", strings.Join(libraries, " or "), searched),
		Install: loaderSource, Err: first,
	}
}
