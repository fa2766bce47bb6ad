package vk

import (
	"fmt"

	"golang.org/x/sys/windows"
)

const (
	searched         = "the folder of the program or System32"
	loaderSource     = "the driver of the graphics card from its maker, which brings the loader"
	driverSource     = "the driver of the graphics card from its maker, in a version with Vulkan"
	validationSource = "the Vulkan SDK"
)

func systemLibraries() []string { return []string{"vulkan-1.dll"} }

// openLibrary returns the address of vkGetInstanceProcAddr in a library. It does not look in the current folder or in PATH, where anyone could have
// put a file of this name.
func openLibrary(name string) (uint64, error) {
	h, err := windows.LoadLibraryEx(name, 0, windows.LOAD_LIBRARY_SEARCH_APPLICATION_DIR|windows.LOAD_LIBRARY_SEARCH_SYSTEM32)
	if err != nil {
		return 0, fmt.Errorf("%s: %w", name, err)
	}
	entry, err := windows.GetProcAddress(h, "vkGetInstanceProcAddr")
	if err != nil {
		return 0, fmt.Errorf("%s: vkGetInstanceProcAddr: %w", name, err)
	}
	return uint64(entry), nil
}
