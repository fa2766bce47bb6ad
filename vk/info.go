package vk

import "fmt"

// DeviceType is the kind of a physical device.
type DeviceType int

// The kinds of devices, in the order in which Open prefers them.
const (
	Discrete DeviceType = iota
	Integrated
	Virtual
	CPU
	Other
)

var typeNames = [...]string{"discrete", "integrated", "virtual", "cpu", "other"}

// String returns the kind in lower case: "discrete", "integrated", "virtual", "cpu" or "other".
func (t DeviceType) String() string {
	if t < 0 || int(t) >= len(typeNames) {
		return fmt.Sprintf("DeviceType(%d)", int(t))
	}
	return typeNames[t]
}

// MarshalText returns the kind as String does.
func (t DeviceType) MarshalText() ([]byte, error) { return []byte(t.String()), nil }

// UnmarshalText is the inverse of MarshalText.
func (t *DeviceType) UnmarshalText(text []byte) error {
	for i, name := range typeNames {
		if name == string(text) {
			*t = DeviceType(i)
			return nil
		}
	}
	return fmt.Errorf("vk: device type %q: not one of %v", text, typeNames)
}

// deviceType translates VkPhysicalDeviceType.
func deviceType(t uint32) DeviceType {
	switch t {
	case 1:
		return Integrated
	case 2:
		return Discrete
	case 3:
		return Virtual
	case 4:
		return CPU
	}
	return Other
}

// Info describes a physical device.
type Info struct {
	Index         int        `json:"index"` // position in the order of the loader; Open takes it as a selector
	Name          string     `json:"name"`
	Type          DeviceType `json:"type"`
	VendorID      uint32     `json:"vendor_id"` // PCI vendor, or a Khronos number
	DeviceID      uint32     `json:"device_id"`
	API           string     `json:"api"`    // the driver's Vulkan version, "1.3.230"; nothing beyond 1.3 is used
	Driver        string     `json:"driver"` // driverName and driverInfo; empty if an older driver does not report them
	DriverID      DriverID   `json:"driver_id"`
	DriverVersion uint32     `json:"driver_version"` // in the vendor's own encoding
	UUID          string     `json:"uuid"`           // deviceUUID, or pipelineCacheUUID with Vulkan 1.0; hexadecimal
	Limits        Limits     `json:"limits"`
	Caps          Caps       `json:"caps"`
}

// Limits are the limits of a device. Sizes are in bytes by default.
type Limits struct {
	WorkGroupInvocations   uint32    `json:"work_group_invocations"` // threads in one group
	WorkGroupSize          [3]uint32 `json:"work_group_size"`        // threads along each dimension
	WorkGroupCount         [3]uint32 `json:"work_group_count"`       // groups along each dimension
	SharedMemory           uint32    `json:"shared_memory"`
	StorageRange           uint32    `json:"storage_range"`  // the largest binding; Options.StorageRange lowers it
	StorageAlign           int64     `json:"storage_align"`  // of a storage buffer binding's offset
	TexelElements          uint32    `json:"texel_elements"` // the largest texel buffer binding, in elements of 16 bytes; Options.StorageRange lowers it too
	TexelAlign             int64     `json:"texel_align"`    // of a texel buffer binding's offset
	PushConstants          uint32    `json:"push_constants"`
	StorageBuffersPerStage uint32    `json:"storage_buffers_per_stage"` // storage buffer bindings of one kernel
	MaxAllocation          int64     `json:"max_allocation"`            // the largest buffer
	Allocations            uint32    `json:"allocations"`               // the number of buffers alive at once
	DeviceMemory           int64     `json:"device_memory"`             // sum of the device-local heaps
	TimestampPeriod        float32   `json:"timestamp_period"`          // nanoseconds per tick
	TimestampBits          uint32    `json:"timestamp_bits"`            // valid bits of a timestamp; 0: the queue has no timestamps
}

// Caps are capabilities beyond Vulkan 1.0. Kernels may use only those that are true. Open enables Float16, Storage16, Int8,
// LeastSubgroup, CooperativeMatrix and MixedDot on devices that have them.
type Caps struct {
	SubgroupSize        uint32 `json:"subgroup_size"`       // 0: no subgroup operations in compute shaders
	SubgroupArithmetic  bool   `json:"subgroup_arithmetic"` // subgroupAdd and the other arithmetic operations
	TimelineSemaphore   bool   `json:"timeline_semaphore"`
	BufferDeviceAddress bool   `json:"buffer_device_address"`
	Float16             bool   `json:"float16"`            // half arithmetic in shaders
	Storage16           bool   `json:"storage16"`          // 16-bit elements in storage buffers
	Int8                bool   `json:"int8"`               // 8-bit integers in shaders
	CooperativeMatrix   bool   `json:"cooperative_matrix"` // VK_KHR_cooperative_matrix
	MixedDot            bool   `json:"mixed_dot"`          // VK_VALVE_shader_mixed_float_dot_product: a·b + c for two halves each and a float
	// Matrices are the shapes in which a subgroup multiplies cooperative matrices of halves and sums in floats.
	Matrices []MatrixShape `json:"matrices"`
	// LeastSubgroup is the smallest subgroup size that a kernel can require (Kernel.Subgroup); 0: it can require none.
	LeastSubgroup uint32 `json:"least_subgroup"`
	Statistics    bool   `json:"statistics"` // VK_KHR_pipeline_executable_properties, see Pipeline.Statistics
}

// MatrixShape is the shape of a product of cooperative matrices, [M K]·[K N].
type MatrixShape struct{ M, N, K int }

// String returns the shape as "16x16x16": M, N, K.
func (m MatrixShape) String() string { return fmt.Sprintf("%dx%dx%d", m.M, m.N, m.K) }

// MarshalText returns the shape as String does.
func (m MatrixShape) MarshalText() ([]byte, error) { return []byte(m.String()), nil }

// UnmarshalText is the inverse of MarshalText.
func (m *MatrixShape) UnmarshalText(text []byte) error {
	if _, err := fmt.Sscanf(string(text), "%dx%dx%d", &m.M, &m.N, &m.K); err != nil {
		return fmt.Errorf("vk: matrix shape %q: want three sizes, such as 16x16x16", text)
	}
	return nil
}

// DriverID identifies a driver, as VkDriverId; 0 if an older driver does not report it.
type DriverID uint32

// Drivers that kernels tell apart.
const (
	DriverAMDProprietary DriverID = 1
	DriverAMDVLK         DriverID = 2
	DriverRADV           DriverID = 3
	DriverNVIDIA         DriverID = 4 // NVIDIA's own
	DriverIntelWindows   DriverID = 5
	DriverANV            DriverID = 6 // Mesa's for Intel
	DriverSwiftShader    DriverID = 10
	DriverLlvmpipe       DriverID = 13
)

// MinStorageBuffers is the number of storage buffers that a kernel may bind on every device. Open rejects a device that allows
// fewer. The minimum of the specification is 4, but all known desktop and mobile drivers allow at least 8.
const MinStorageBuffers = 8
