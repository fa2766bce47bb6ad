package vk

import (
	"os"
	"path/filepath"
)

const (
	searched         = "VULKAN_SDK, the folder of the program, dyld's folders, /opt/homebrew/lib or /usr/local/lib"
	loaderSource     = "MoltenVK: brew install molten-vk vulkan-loader, or the Vulkan SDK"
	driverSource     = "MoltenVK: brew install molten-vk, or the Vulkan SDK"
	validationSource = "the Vulkan SDK, or brew install vulkan-validationlayers"
)

// systemLibraries returns the paths of the loader, then those of MoltenVK, which is a driver that works without a loader.
func systemLibraries() []string {
	var folders []string
	if sdk := os.Getenv("VULKAN_SDK"); sdk != "" {
		folders = append(folders, filepath.Join(sdk, "lib"))
	}
	if program, err := os.Executable(); err == nil {
		folders = append(folders, filepath.Dir(program))
	}
	folders = append(folders, "", "/opt/homebrew/lib", "/usr/local/lib") // "": where dyld looks for a plain name
	var paths []string
	for _, name := range []string{"libvulkan.1.dylib", "libMoltenVK.dylib"} {
		for _, f := range folders {
			paths = append(paths, filepath.Join(f, name))
		}
	}
	return paths
}
