package vk

/*
#cgo CFLAGS: -std=gnu11 -O2 -Wall
#include <stdlib.h>
#include "shim.h"
*/
import "C"

import (
	"encoding/hex"
	"fmt"
	"strings"
	"unsafe"

	vulkan "github.com/vulkan-go/vulkan"
)

// op mirrors marr_op. Handles are numbers, so a []op holds no pointers and can be passed to C in one call.
type op struct {
	a, b, c          uint64
	aAt, bAt, size   uint64
	kind, barrier    uint32
	pushAt, pushSize uint32
	groups           [3]uint32
	word             uint32
}

const (
	opDispatch = iota
	opCopy
	opFill
)

// bufferRange mirrors marr_range.
type bufferRange struct{ buffer, offset, size, view, half uint64 }

// The sizes must be those of the C structs: a difference of either sign overflows a constant here.
const (
	_ = uint(unsafe.Sizeof(op{}) - C.sizeof_marr_op)
	_ = uint(C.sizeof_marr_op - unsafe.Sizeof(op{}))
	_ = uint(unsafe.Sizeof(bufferRange{}) - C.sizeof_marr_range)
	_ = uint(C.sizeof_marr_range - unsafe.Sizeof(bufferRange{}))
)

// shimDevice is the C part of a Device.
type shimDevice struct{ d *C.marr_device }

// memoryInfo holds the memory types and heaps of a device.
type memoryInfo struct {
	types []memoryType
	heaps []int64
}

type memoryType struct{ flags, heap uint32 }

// shimError turns a marr_result into nil or an *Error.
func shimError(r C.marr_result) error {
	if r.code == 0 {
		return nil
	}
	return &Error{Call: C.GoString(r.call), Result: Result(r.code)}
}

func cBool(x bool) C.int {
	if x {
		return 1
	}
	return 0
}

// shimLoad gives the shim the address of the loader's vkGetInstanceProcAddr, and returns it as a C pointer.
func shimLoad(entry uint64) unsafe.Pointer { return C.marr_load(C.uint64_t(entry)) }

func shimInstance(apiLimit uint32, validation bool) (handle uint64, api uint32, err error) {
	var in C.uint64_t
	var version C.uint32_t
	r := C.marr_instance(C.uint32_t(apiLimit), cBool(validation), &in, &version)
	return uint64(in), uint32(version), shimError(r)
}

// shimQuery returns the description of a physical device; index becomes Info.Index.
func shimQuery(in *instance, p vulkan.PhysicalDevice, index int) *physical {
	x := &physical{handle: handle(p)}
	c := &x.info
	C.marr_query(C.uint64_t(in.handle), C.uint32_t(in.api), C.uint64_t(x.handle), c)
	families := make([]queueFamily, c.family_count)
	for i := range families {
		families[i] = queueFamily{uint32(c.family_flags[i]), uint32(c.family_timestamp_bits[i])}
	}
	x.family = chooseFamily(families)
	c.family = C.int32_t(x.family)
	var timestampBits uint32
	if x.family >= 0 {
		timestampBits = families[x.family].timestampBits
	}
	copy(x.cacheUUID[:], C.GoBytes(unsafe.Pointer(&c.cache_uuid[0]), C.int(len(c.cache_uuid))))
	x.Info = Info{
		Index: index, Name: C.GoString(&c.name[0]), Type: deviceType(uint32(c._type)),
		VendorID: uint32(c.vendor), DeviceID: uint32(c.device), API: version(uint32(c.api)),
		Driver: C.GoString(&c.driver[0]), DriverID: DriverID(c.driver_id), DriverVersion: uint32(c.driver_version),
		UUID: hex.EncodeToString(C.GoBytes(unsafe.Pointer(&c.uuid[0]), C.int(len(c.uuid)))),
		Limits: Limits{
			WorkGroupInvocations: uint32(c.invocations), SharedMemory: uint32(c.shared_memory), StorageRange: uint32(c.storage_range),
			PushConstants: uint32(c.push_constants), StorageBuffersPerStage: min(uint32(c.storage_buffers), uint32(c.set_storage_buffers)),
			StorageAlign: max(int64(c.storage_align), 4), TexelAlign: max(int64(c.texel_align), 1), TexelElements: uint32(c.texel_elements),
			MaxAllocation: int64(min(uint64(c.max_allocation), 1<<62)),
			Allocations:   uint32(c.allocation_count), TimestampPeriod: float32(c.timestamp_period), TimestampBits: timestampBits,
		},
		Caps: Caps{
			SubgroupSize: uint32(c.subgroup_size), SubgroupArithmetic: c.subgroup_arithmetic != 0, TimelineSemaphore: c.timeline != 0,
			BufferDeviceAddress: c.address != 0, Float16: c.float16 != 0, Storage16: c.storage16 != 0, Int8: c.int8 != 0,
			CooperativeMatrix: c.cooperative_matrix != 0, MixedDot: c.mixed_dot != 0, Statistics: c.statistics != 0,
		},
	}
	if c.subgroup_control != 0 {
		x.Info.Caps.LeastSubgroup = uint32(c.least_subgroup)
	}
	for _, m := range c.matrix[:c.matrix_count] {
		x.Info.Caps.Matrices = append(x.Info.Caps.Matrices, MatrixShape{int(m[0]), int(m[1]), int(m[2])})
	}
	for i := range 3 {
		x.Info.Limits.WorkGroupSize[i], x.Info.Limits.WorkGroupCount[i] = uint32(c.size[i]), uint32(c.count[i])
	}
	for i := range int(c.type_count) {
		x.memory.types = append(x.memory.types, memoryType{flags: uint32(c.type_flags[i]), heap: uint32(c.type_heap[i])})
	}
	for i := range int(c.heap_count) {
		size := int64(min(uint64(c.heap_size[i]), 1<<62))
		x.memory.heaps = append(x.memory.heaps, size)
		if c.heap_flags[i]&C.uint32_t(vulkan.MemoryHeapDeviceLocalBit) != 0 {
			x.Info.Limits.DeviceMemory += size
		}
	}
	if x.Info.Limits.MaxAllocation == 0 { // not reported by Vulkan 1.0 without maintenance3: the largest heap bounds it
		for _, h := range x.memory.heaps {
			x.Info.Limits.MaxAllocation = max(x.Info.Limits.MaxAllocation, h)
		}
	}
	return x
}

// physical is a physical device and its description, in Go and in C.
type physical struct {
	Info
	handle uint64
	info   C.marr_info
	family int // queue family, -1: none has compute
	memory memoryInfo

	cacheUUID [16]byte // pipelineCacheUUID
}

func shimDeviceCreate(in *instance, p *physical, assembly bool) (shimDevice, vulkan.Device, error) {
	var d *C.marr_device
	if err := shimError(C.marr_device_create(C.uint64_t(in.handle), C.uint64_t(p.handle), &p.info, cBool(assembly), &d)); err != nil {
		return shimDevice{}, nil, err
	}
	return shimDevice{d}, fromHandle[vulkan.Device](uint64(C.marr_device_handle(d))), nil
}

func (s shimDevice) destroy() { C.marr_device_destroy(s.d) }

func (s shimDevice) waitIdle() error { return shimError(C.marr_wait_idle(s.d)) }

func (s shimDevice) setLayout(bindings int, texel uint32) (uint64, error) {
	var out C.uint64_t
	err := shimError(C.marr_set_layout(s.d, C.uint32_t(bindings), C.uint32_t(texel), &out))
	return uint64(out), err
}

func (s shimDevice) pipelineLayout(setLayout uint64, pushBytes int) (uint64, error) {
	var out C.uint64_t
	err := shimError(C.marr_pipeline_layout(s.d, C.uint64_t(setLayout), C.uint32_t(pushBytes), &out))
	return uint64(out), err
}

// cache makes a pipeline cache of data, which may be empty.
func (s shimDevice) cache(data []byte) (uint64, error) {
	var out C.uint64_t
	err := shimError(C.marr_cache(s.d, (*C.uint8_t)(unsafe.Pointer(unsafe.SliceData(data))), C.uint64_t(len(data)), &out))
	return uint64(out), err
}

func (s shimDevice) pipeline(cache, module, layout uint64, spec []uint32, subgroup uint32) (uint64, error) {
	var out C.uint64_t
	err := shimError(C.marr_pipeline(s.d, C.uint64_t(cache), C.uint64_t(module), C.uint64_t(layout), C.uint32_t(len(spec)),
		(*C.uint32_t)(unsafe.Pointer(unsafe.SliceData(spec))), C.uint32_t(subgroup), &out))
	return uint64(out), err
}

// statistics returns those of a pipeline, at most 256; a compiler reports a few dozen.
func (s shimDevice) statistics(pipeline uint64) ([]Statistic, error) {
	var n C.uint32_t
	raw := make([]C.marr_statistic, 256)
	if err := shimError(C.marr_statistics(s.d, C.uint64_t(pipeline), C.uint32_t(len(raw)), &raw[0], &n)); err != nil {
		return nil, err
	}
	out := make([]Statistic, n)
	for i := range out {
		out[i] = Statistic{C.GoString(&raw[i].executable[0]), C.GoString(&raw[i].name[0]), float64(raw[i].value)}
	}
	return out, nil
}

// assembly returns that of a pipeline, "" if the driver shows none.
func (s shimDevice) assembly(pipeline uint64) (string, error) {
	var n C.uint64_t
	if err := shimError(C.marr_assembly(s.d, C.uint64_t(pipeline), 0, nil, &n)); err != nil || n == 0 {
		return "", err
	}
	text := make([]byte, n)
	err := shimError(C.marr_assembly(s.d, C.uint64_t(pipeline), n, (*C.char)(unsafe.Pointer(&text[0])), &n))
	return strings.TrimRight(string(text), "\x00"), err
}

// views makes a view of each range and stores it there. After an error some views exist.
func (s shimDevice) views(ranges []bufferRange) error {
	return shimError(C.marr_views(s.d, C.uint32_t(len(ranges)), (*C.marr_range)(unsafe.Pointer(unsafe.SliceData(ranges)))))
}

func (s shimDevice) destroyViews(ranges []bufferRange) {
	C.marr_views_destroy(s.d, C.uint32_t(len(ranges)), (*C.marr_range)(unsafe.Pointer(unsafe.SliceData(ranges))))
}

// sets fills out with descriptor sets and returns their new pool. bindings[i] is the number of ranges of set i.
func (s shimDevice) sets(layouts []uint64, bindings []uint32, ranges []bufferRange, out []uint64) (pool uint64, err error) {
	var p C.uint64_t
	err = shimError(C.marr_sets(s.d, C.uint32_t(len(layouts)), (*C.uint64_t)(unsafe.Pointer(unsafe.SliceData(layouts))),
		(*C.uint32_t)(unsafe.Pointer(unsafe.SliceData(bindings))), (*C.marr_range)(unsafe.Pointer(unsafe.SliceData(ranges))),
		&p, (*C.uint64_t)(unsafe.Pointer(unsafe.SliceData(out)))))
	return uint64(p), err
}

// record records ops into a command buffer. timer is a query pool, or 0; query is the index of its first timestamp. eachOp asks for a
// timestamp after each op, not only after the last.
func (s shimDevice) record(commandBuffer uint64, ops []op, push []byte, toHost bool, timer uint64, query int, eachOp bool) error {
	return shimError(C.marr_record(s.d, C.uint64_t(commandBuffer), C.uint32_t(len(ops)), (*C.marr_op)(unsafe.Pointer(unsafe.SliceData(ops))),
		(*C.uint8_t)(unsafe.Pointer(unsafe.SliceData(push))), cBool(toHost), C.uint64_t(timer), C.uint32_t(query), cBool(eachOp)))
}

// submit submits command buffers in order; counts is the number of them in each submission.
func (s shimDevice) submit(commandBuffers []uint64, counts []uint32, fence uint64) error {
	return shimError(C.marr_submit(s.d, C.uint32_t(len(counts)), (*C.uint32_t)(unsafe.Pointer(unsafe.SliceData(counts))),
		(*C.uint64_t)(unsafe.Pointer(unsafe.SliceData(commandBuffers))), C.uint64_t(fence)))
}

// handle converts a Vulkan handle of vulkan-go to a number, and fromHandle converts it back. Handles are pointers to memory of the
// driver or, for non-dispatchable handles on 32-bit systems, 64-bit numbers. The garbage collector manages neither.
func handle[T any](h T) uint64 {
	if unsafe.Sizeof(h) == 4 {
		return uint64(*(*uint32)(unsafe.Pointer(&h)))
	}
	return *(*uint64)(unsafe.Pointer(&h))
}

func fromHandle[T any](x uint64) (h T) {
	if unsafe.Sizeof(h) == 4 {
		*(*uint32)(unsafe.Pointer(&h)) = uint32(x)
	} else {
		*(*uint64)(unsafe.Pointer(&h)) = x
	}
	return h
}

// version formats a Vulkan API version number.
func version(v uint32) string { return fmt.Sprintf("%d.%d.%d", v>>22&0x7f, v>>12&0x3ff, v&0xfff) }
