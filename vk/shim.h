// The C part of package vk makes every Vulkan call whose arguments are arrays of structs or pNext chains. vulkan-go keeps such
// arguments in C memory that the garbage collector may free during the call; here they are on the C stack or in memory that is
// freed after the call. Go passes handles as uint64_t, so that no Go memory holds a C pointer and no C memory a Go pointer.
#ifndef MARR_VK_SHIM_H
#define MARR_VK_SHIM_H

#include <stdint.h>

// marr_result is a VkResult with the name of the Vulkan function that returned it.
typedef struct {
	int32_t code;
	const char *call;
} marr_result;

// marr_info describes a physical device, as far as its API version and extensions report.
typedef struct {
	uint32_t api, usable_api; // the driver's version; the part of it that the instance allows
	uint32_t driver_version, vendor, device, type;
	char name[256], driver[544];
	uint8_t uuid[16], cache_uuid[16]; // deviceUUID, or cache_uuid with Vulkan 1.0; pipelineCacheUUID
	uint32_t invocations, size[3], count[3], shared_memory, storage_range, push_constants, storage_buffers, set_storage_buffers;
	uint64_t storage_align, texel_align, max_allocation;
	uint32_t texel_elements;
	uint32_t allocation_count;
	float timestamp_period;
	uint32_t driver_id; // VkDriverId, 0 if not reported
	uint32_t subgroup_size, subgroup_arithmetic, timeline, address, float16, storage16, int8, memory_model, cooperative_matrix, mixed_dot, statistics;
	uint32_t subgroup_control, least_subgroup; // kernels may require a subgroup size; the smallest
	uint32_t matrix_count, matrix[16][3];      // marr_matrices
	uint32_t family_count, family_flags[16], family_timestamp_bits[16];
	int32_t family; // index of the queue family to use; package vk chooses it
	uint32_t type_count, type_flags[32], type_heap[32];
	uint32_t heap_count, heap_flags[16];
	uint64_t heap_size[16];
} marr_info;

// marr_device is a VkDevice with its queue and its own function pointers, which bypass the trampolines of the loader.
typedef struct marr_device marr_device;

// marr_op is one recorded command. kind 0 dispatches (a pipeline, b pipeline layout, c descriptor set; the push constants are
// push_size bytes at push_at of the push blob), 1 copies size bytes from a at a_at to b at b_at, 2 fills size bytes of b at b_at
// with word. If barrier is set, a memory barrier against everything recorded or submitted earlier precedes the op.
typedef struct {
	uint64_t a, b, c;
	uint64_t a_at, b_at, size;
	uint32_t kind, barrier, push_at, push_size, groups[3], word;
} marr_op;

// marr_range is one binding with an explicit size: a uniform texel buffer if view is a VkBufferView of these bytes, of halves if half is 1,
// a storage buffer if view is 0.
typedef struct {
	uint64_t buffer, offset, size, view, half;
} marr_range;

// marr_statistic is a number that the compiler reports for one executable of a pipeline.
typedef struct {
	char executable[256], name[256];
	double value;
} marr_statistic;

void *marr_load(uint64_t entry);
marr_result marr_instance(uint32_t api_limit, int validation, uint64_t *instance, uint32_t *api);
void marr_query(uint64_t instance, uint32_t instance_api, uint64_t physical, marr_info *info);
marr_result marr_device_create(uint64_t instance, uint64_t physical, const marr_info *info, int assembly, marr_device **out);
void marr_device_destroy(marr_device *d);
uint64_t marr_device_handle(const marr_device *d);
marr_result marr_wait_idle(marr_device *d);
marr_result marr_set_layout(marr_device *d, uint32_t bindings, uint32_t texel, uint64_t *out);
marr_result marr_pipeline_layout(marr_device *d, uint64_t set_layout, uint32_t push_bytes, uint64_t *out);
marr_result marr_cache(marr_device *d, const uint8_t *data, uint64_t size, uint64_t *out);
marr_result marr_pipeline(marr_device *d, uint64_t cache, uint64_t module, uint64_t layout, uint32_t nspec, const uint32_t *spec,
	uint32_t subgroup, uint64_t *out);
marr_result marr_statistics(marr_device *d, uint64_t pipeline, uint32_t room, marr_statistic *out, uint32_t *count);
marr_result marr_assembly(marr_device *d, uint64_t pipeline, uint64_t room, char *out, uint64_t *size);
marr_result marr_views(marr_device *d, uint32_t n, marr_range *ranges);
void marr_views_destroy(marr_device *d, uint32_t n, const marr_range *ranges);
marr_result marr_sets(marr_device *d, uint32_t nsets, const uint64_t *layouts, const uint32_t *bindings, const marr_range *ranges,
	uint64_t *pool, uint64_t *sets);
marr_result marr_record(marr_device *d, uint64_t command_buffer, uint32_t nops, const marr_op *ops, const uint8_t *push, int to_host,
	uint64_t timer, uint32_t query, int each_op);
marr_result marr_submit(marr_device *d, uint32_t n, const uint32_t *counts, const uint64_t *command_buffers, uint64_t fence);

// marr_message, a Go function, keeps a message of the validation layer.
void marr_message(char *text);

#endif
