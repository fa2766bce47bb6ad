package vk

import (
	"errors"
	"fmt"
)

// ErrDeviceLost matches (errors.Is) every error of a lost device (VK_ERROR_DEVICE_LOST). The Device is unusable from then on, even
// for reading memory back, until Device.Reopen.
var ErrDeviceLost = errors.New("vk: the device was lost")

// Result is a VkResult.
type Result int32

const (
	resultOutOfHostMemory    Result = -1
	resultOutOfDeviceMemory  Result = -2
	resultDeviceLost         Result = -4
	resultLayerNotPresent    Result = -6
	resultIncompatibleDriver Result = -9
)

var resultNames = map[Result]string{
	0: "VK_SUCCESS", 1: "VK_NOT_READY", 2: "VK_TIMEOUT", 3: "VK_EVENT_SET", 4: "VK_EVENT_RESET", 5: "VK_INCOMPLETE",
	-1: "VK_ERROR_OUT_OF_HOST_MEMORY", -2: "VK_ERROR_OUT_OF_DEVICE_MEMORY", -3: "VK_ERROR_INITIALIZATION_FAILED",
	-4: "VK_ERROR_DEVICE_LOST", -5: "VK_ERROR_MEMORY_MAP_FAILED", -6: "VK_ERROR_LAYER_NOT_PRESENT",
	-7: "VK_ERROR_EXTENSION_NOT_PRESENT", -8: "VK_ERROR_FEATURE_NOT_PRESENT", -9: "VK_ERROR_INCOMPATIBLE_DRIVER",
	-10: "VK_ERROR_TOO_MANY_OBJECTS", -11: "VK_ERROR_FORMAT_NOT_SUPPORTED", -12: "VK_ERROR_FRAGMENTED_POOL", -13: "VK_ERROR_UNKNOWN",
	-1000069000: "VK_ERROR_OUT_OF_POOL_MEMORY", -1000072003: "VK_ERROR_INVALID_EXTERNAL_HANDLE", -1000161000: "VK_ERROR_FRAGMENTATION",
	-1000012000: "VK_ERROR_INVALID_SHADER_NV",
}

// String returns the name from the Vulkan specification, or the number.
func (r Result) String() string {
	if s, ok := resultNames[r]; ok {
		return s
	}
	return fmt.Sprintf("VkResult(%d)", int32(r))
}

// Error is a failed Vulkan call.
type Error struct {
	Call   string // the Vulkan function, "vkQueueSubmit"
	Result Result
}

func (e *Error) Error() string {
	s := fmt.Sprintf("vk: %s: %v", e.Call, e.Result)
	if e.Result == resultDeviceLost {
		s += ": the driver has reset the device, or lost it: update the driver if this happens again"
	}
	return s
}

// Is makes errors.Is(err, ErrDeviceLost) true for VK_ERROR_DEVICE_LOST.
func (e *Error) Is(target error) bool { return target == ErrDeviceLost && e.Result == resultDeviceLost }

// NoDeviceError reports that the machine has no Vulkan loader, driver or device.
type NoDeviceError struct {
	Reason  string // what is missing
	Install string // what to install: on Linux a Debian package
	Err     error  // the underlying error, or nil
}

func (e *NoDeviceError) Error() string {
	why := ""
	if e.Err != nil {
		why = fmt.Sprintf(" (%v)", e.Err)
	}
	return fmt.Sprintf("vk: no Vulkan device: %s%s: install %s", e.Reason, why, e.Install)
}

func (e *NoDeviceError) Unwrap() error { return e.Err }

// OutOfMemoryError is an allocation that failed for lack of device memory. Sizes are in bytes.
type OutOfMemoryError struct {
	Purpose   string // the buffer's purpose, as given to NewBuffer
	Requested int64
	InUse     int64 // allocated by this Device from the same heap
	Heap      int64 // size of the heap
	Limit     int64 // the largest single allocation; below Requested if that is the reason
}

func (e *OutOfMemoryError) Error() string {
	s := fmt.Sprintf("vk: out of device memory: %s needs %s; %s of a heap of %s in use", e.Purpose, mib(e.Requested), mib(e.InUse), mib(e.Heap))
	if e.Limit > 0 && e.Requested > e.Limit {
		s += fmt.Sprintf(", and one allocation may have at most %s", mib(e.Limit))
	}
	return s + ": use a smaller batch or image, or another device"
}

func mib(n int64) string {
	if n < 1<<20 {
		return fmt.Sprintf("%d bytes", n)
	}
	return fmt.Sprintf("%.1f MiB", float64(n)/(1<<20))
}

// check returns nil if a vulkan-go call succeeded, else an *Error.
func check[R ~int32](r R, call string) error {
	if r == 0 {
		return nil
	}
	return &Error{Call: call, Result: Result(r)}
}
