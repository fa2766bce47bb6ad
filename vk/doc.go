// Package vk runs compute kernels on a Vulkan device: it chooses and opens the device, allocates buffers, compiles SPIR-V, records
// kernels and copies into segments that can be replayed, and submits them to one queue. It works on bytes, not tensors.
//
//	List, Open -> Device
//	Device.NewBuffer -> Buffer;   Range: bytes of a buffer
//	Device.Pipeline(Kernel), Pipelines -> Pipeline; Options.CacheDir keeps compiled pipelines
//	Device.NewRecorder -> Recorder: Dispatch, Copy, Fill, ... End -> Segment
//	Device.Submit(Segment, ...) -> Ticket.Wait
//	Device.Write, Device.Read: host memory to buffer and back, through staging
//
// Order. Ops give the same results as if each began after the end of all ops recorded or submitted before it. Inside a segment the
// Recorder puts a memory barrier before an op only if its byte ranges conflict with those of an op since the last barrier;
// independent ops may overlap. Each command buffer begins with a barrier against everything submitted earlier. Callers write no
// barriers.
//
// Bindings. A kernel binds byte ranges as storage buffers. It may bind ranges that it only reads as uniform texel buffers
// (Kernel.Texel), which some drivers, Mesa's llvmpipe among them, read several times faster.
//
// Limits. The package needs Vulkan 1.0 entry points only, and 8 storage buffers a shader. Info.Limits and Info.Caps describe the
// device.
//
// Watchdog. A GPU is reset if one submission takes seconds. Therefore the Recorder cuts a recording into command buffers by the Work
// and the bytes of its ops, each at most 50 ms on a slow GPU, and Submit combines those whose measured times are short into
// submissions of at most 300 ms. CPU devices have no watchdog.
//
// Loss. After VK_ERROR_DEVICE_LOST every call fails, until Device.Reopen makes a new VkDevice behind the same Device. Buffers,
// pipelines and segments must then be made again.
//
// Time. Recorder.EnableTiming makes a segment that runs its ops one after the other and measures each (Segment.Times).
//
// Failures are *Error (a Vulkan call and its result; errors.Is(err, ErrDeviceLost)), *OutOfMemoryError, *NoDeviceError, or plain
// errors for misuse. Under MARR_VALIDATION=1 the Khronos layer checks every call and all synchronization; see CheckValidation.
//
// The shim. Handles, memory, buffers, shader modules and fences come from github.com/vulkan-go/vulkan. Its calls with arrays of
// structs keep their arguments in C memory that a garbage collection during the call can free (xlab/c-for-go pull request 91 fixed
// the generator, but the package was never generated again), and it covers Vulkan 1.0 only. Therefore C code (shim.c and its
// neighbors) makes those calls, queries the features and records the ops.
//
// Systems. The loader is opened at run time (loader.go and its neighbors): libvulkan.so.1, vulkan-1.dll, and on macOS libvulkan.1.dylib or
// libMoltenVK.dylib. README.md says what is proven on each system. A build needs no Vulkan header: vulkan_core.h is an excerpt of that of Khronos.
package vk
