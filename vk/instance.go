package vk

import (
	"errors"
	"fmt"
	"sync"

	vulkan "github.com/vulkan-go/vulkan"
)

// newestAPI is the newest Vulkan version that is requested, 1.3. The package uses nothing that is new in it.
const newestAPI = 1<<22 | 3<<12

const (
	loaderPackage     = "libvulkan1"
	driverPackage     = "mesa-vulkan-drivers"
	validationPackage = "vulkan-validationlayers"
)

// instance is a VkInstance. There is one for each instanceKey in use. They live as long as the process, since vulkan-go keeps its
// function pointers in globals.
type instance struct {
	handle uint64
	api    uint32 // the API version it was made for
}

type instanceKey struct {
	validation bool
	apiLimit   uint32
}

var instances struct {
	sync.Mutex
	loaded bool
	made   map[instanceKey]*instance
}

// library is the file name of the loader. Tests change it.
var library = "libvulkan.so.1"

// getInstance returns the instance for a key. The first call loads the Vulkan library.
func getInstance(key instanceKey) (*instance, error) {
	instances.Lock()
	defer instances.Unlock()
	if in := instances.made[key]; in != nil {
		return in, nil
	}
	if !instances.loaded {
		if err := load(); err != nil {
			return nil, err
		}
		instances.loaded, instances.made = true, map[instanceKey]*instance{}
	}
	h, api, err := shimInstance(key.apiLimit, key.validation)
	var e *Error
	switch {
	case err == nil:
	case errors.As(err, &e) && e.Result == resultLayerNotPresent:
		return nil, fmt.Errorf("vk: validation: %w: install %s", err, validationPackage)
	case errors.As(err, &e) && e.Result == resultIncompatibleDriver:
		return nil, &NoDeviceError{Reason: "the loader found no driver", Package: driverPackage, Err: err}
	default:
		return nil, err
	}
	if len(instances.made) == 0 { // once: the pointers are the loader's trampolines, valid for every instance
		if err := vulkan.InitInstance(fromHandle[vulkan.Instance](h)); err != nil {
			return nil, fmt.Errorf("vk: load instance functions: %w", err)
		}
	}
	in := &instance{handle: h, api: api}
	instances.made[key] = in
	return in, nil
}

// load opens the Vulkan loader and passes its entry point to vulkan-go.
func load() error {
	entry := shimLoad(library)
	if entry == nil {
		return &NoDeviceError{Reason: "no Vulkan loader " + library, Package: loaderPackage}
	}
	vulkan.SetGetInstanceProcAddr(entry)
	if err := vulkan.Init(); err != nil {
		return &NoDeviceError{Reason: "the Vulkan loader could not be initialized", Package: loaderPackage, Err: err}
	}
	return nil
}

// physicals returns the physical devices of an instance, at least one.
func (in *instance) physicals() ([]*physical, error) {
	var n uint32
	if err := check(vulkan.EnumeratePhysicalDevices(fromHandle[vulkan.Instance](in.handle), &n, nil), "vkEnumeratePhysicalDevices"); err != nil {
		return nil, err
	}
	if n == 0 {
		return nil, &NoDeviceError{Reason: "the drivers report no device", Package: driverPackage}
	}
	handles := make([]vulkan.PhysicalDevice, n)
	r := vulkan.EnumeratePhysicalDevices(fromHandle[vulkan.Instance](in.handle), &n, handles)
	if r != vulkan.Incomplete { // skip a device that appeared between the two calls
		if err := check(r, "vkEnumeratePhysicalDevices"); err != nil {
			return nil, err
		}
	}
	out := make([]*physical, n)
	for i, h := range handles[:n] {
		out[i] = shimQuery(in, h, i)
	}
	return out, nil
}

// List returns a description of every Vulkan device, in the order of the loader. Without a loader or a device the error is a
// *NoDeviceError, which names the package to install.
func List() ([]Info, error) {
	in, err := getInstance(instanceKey{ReadSettings().Validation, newestAPI})
	if err != nil {
		return nil, err
	}
	all, err := in.physicals()
	if err != nil {
		return nil, err
	}
	infos := make([]Info, len(all))
	for i, p := range all {
		infos[i] = p.Info
	}
	return infos, nil
}

// ValidationMessages returns the messages of the validation layer so far, for all devices of the process: errors, synchronization
// hazards and warnings, at most the first 64.
func ValidationMessages() []string {
	_, kept := shimMessages()
	return kept
}

// CheckValidation returns an error if the validation layer has reported a message. A TestMain calls it after m.Run and after
// closing its devices, so that tests under MARR_VALIDATION=1 fail on every message.
func CheckValidation() error {
	n, kept := shimMessages()
	if n == 0 {
		return nil
	}
	return fmt.Errorf("vk: %d validation messages, the first: %s", n, kept[0])
}
