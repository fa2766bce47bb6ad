package vk

import (
	"errors"
	"fmt"
	"os"
	"sync"

	vulkan "github.com/vulkan-go/vulkan"
)

// newestAPI is the newest Vulkan version that is asked for, 1.3. Nothing is used that only it has.
const newestAPI = 1<<22 | 3<<12

const (
	loaderPackage     = "libvulkan1"
	driverPackage     = "mesa-vulkan-drivers"
	validationPackage = "vulkan-validationlayers"
)

// instance is a VkInstance. There is one for each instanceKey that was asked for; they live as long as the process, since
// vulkan-go keeps its function pointers in globals.
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

// library is the loader's file name; tests name another one.
var library = "libvulkan.so.1"

// getInstance returns the instance for a key, and loads the Vulkan library first.
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
	if len(instances.made) == 0 { // once: the pointers are the loader's trampolines, good for every instance
		if err := vulkan.InitInstance(fromHandle[vulkan.Instance](h)); err != nil {
			return nil, fmt.Errorf("vk: load instance functions: %w", err)
		}
	}
	in := &instance{handle: h, api: api}
	instances.made[key] = in
	return in, nil
}

// load opens the Vulkan loader and hands its entry point to vulkan-go.
func load() error {
	entry := shimLoad(library)
	if entry == nil {
		return &NoDeviceError{Reason: "no Vulkan loader " + library, Package: loaderPackage}
	}
	vulkan.SetGetInstanceProcAddr(entry)
	if err := vulkan.Init(); err != nil {
		return &NoDeviceError{Reason: "the Vulkan loader does not start", Package: loaderPackage, Err: err}
	}
	return nil
}

// physicals lists the physical devices of an instance, at least one.
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
	if r != vulkan.Incomplete { // a device that came between the two calls is left out
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

func validationWanted(opt Options) bool {
	v := os.Getenv("MARR_VALIDATION")
	return opt.Validation || v != "" && v != "0"
}

// List describes every Vulkan device, in the loader's order. It returns a *NoDeviceError when there is no Vulkan loader or no
// device, with the package to install.
func List() ([]Info, error) {
	in, err := getInstance(instanceKey{validationWanted(Options{}), newestAPI})
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

// ValidationMessages returns the validation layer's messages so far, of all devices of the process: errors, synchronization
// hazards and warnings. At most the first 64 are kept.
func ValidationMessages() []string {
	_, kept := shimMessages()
	return kept
}

// CheckValidation returns an error when the validation layer reported anything. A TestMain calls it after m.Run and after closing
// its devices, so that a test run under MARR_VALIDATION=1 fails on every message.
func CheckValidation() error {
	n, kept := shimMessages()
	if n == 0 {
		return nil
	}
	return fmt.Errorf("vk: %d validation messages, the first: %s", n, kept[0])
}
