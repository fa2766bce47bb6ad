//go:build !darwin && !windows

package vk

const (
	searched         = "LD_LIBRARY_PATH or the folders of ldconfig"
	loaderSource     = "libvulkan1"
	driverSource     = "mesa-vulkan-drivers"
	validationSource = "vulkan-validationlayers"
)

// systemLibraries returns the soname alone: only development packages have libvulkan.so.
func systemLibraries() []string { return []string{"libvulkan.so.1"} }
