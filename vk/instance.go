package vk

import (
	"errors"
	"fmt"
	"sync"

	vulkan "github.com/vulkan-go/vulkan"
)

// newestAPI is the newest Vulkan version that is requested, 1.3. The package uses nothing that is new in it.
const newestAPI = 1<<22 | 3<<12

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
		return nil, fmt.Errorf("vk: validation: %w: install %s", err, validationSource)
	case errors.As(err, &e) && e.Result == resultIncompatibleDriver:
		return nil, &NoDeviceError{Reason: "the loader found no driver", Install: driverSource, Err: err}
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

// physicals returns the physical devices of an instance, at least one.
func (in *instance) physicals() ([]*physical, error) {
	var n uint32
	if err := check(vulkan.EnumeratePhysicalDevices(fromHandle[vulkan.Instance](in.handle), &n, nil), "vkEnumeratePhysicalDevices"); err != nil {
		return nil, err
	}
	if n == 0 {
		return nil, &NoDeviceError{Reason: "the drivers report no device", Install: driverSource}
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
// *NoDeviceError, which says what to install.
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
