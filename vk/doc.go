// Package vk runs compute kernels on a Vulkan device: it chooses and opens the device, allocates buffers, compiles SPIR-V, records
// kernels and copies into segments that can be replayed, and submits them to one queue. It knows bytes, not tensors.
//
//	List, Open -> Device
//	Device.NewBuffer -> Buffer;   Range: bytes of a buffer
//	Device.Pipeline(Kernel) -> Pipeline; Options.CacheDir keeps what was compiled
//	Device.NewRecorder -> Recorder: Dispatch, Copy, Fill, ... End -> Segment
//	Device.Submit(Segment, ...) -> Ticket.Wait
//	Device.Write, Device.Read: host memory to buffer and back, through staging
//
// Order. Work runs as if each op began when all ops recorded or submitted before it had ended. Inside a segment the Recorder puts a
// memory barrier before an op only where its byte ranges conflict with those of an op since the last barrier; independent ops may
// overlap. Each command buffer begins with a barrier against everything submitted earlier. Nobody writes barriers by hand.
//
// Bindings. A kernel binds byte ranges as storage buffers, or what it only reads as uniform texel buffers (Kernel.Texel), which some
// drivers load from several times faster, Mesa's llvmpipe among them.
//
// Limits. Only Vulkan 1.0 entry points are needed, with 8 storage buffers a shader; Info.Limits and Info.Caps say what the device
// has beyond. A recording is cut into several submissions by the Work of its ops, so that none holds a GPU longer than its watchdog
// allows.
//
// Time. Recorder.Time makes a segment whose Times tell how long each op took; it runs one op after the other.
//
// Failures are *Error (a Vulkan call and its result; errors.Is(err, ErrDeviceLost)), *OutOfMemoryError, *NoDeviceError, or plain
// errors for misuse. Under MARR_VALIDATION=1 the Khronos layer checks every call and all synchronization; see CheckValidation.
//
// Two halves. Handles, memory, buffers, shader modules and fences come from github.com/vulkan-go/vulkan. Its calls with arrays of
// structs keep their arguments in C memory that a garbage collection during the call can free (the cause was mended in its
// generator, xlab/c-for-go pull request 91, but the package was never generated again), and it ends at Vulkan 1.0; so those
// calls, the feature queries and the recording of ops stand in shim.c. The loader libvulkan.so.1 is opened at run time. Linux
// only; to build, the header of libvulkan-dev is needed.
package vk
