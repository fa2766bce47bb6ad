// Opening: the loader, the instance, the description of physical devices, the device.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shim_internal.h"

// Declarations of VK_VALVE_shader_mixed_float_dot_product, which the header lacks.
#define MIXED_DOT "VK_VALVE_shader_mixed_float_dot_product"
#define MIXED_DOT_FEATURES ((VkStructureType)1000673000)
typedef struct {
	VkStructureType sType;
	void *pNext;
	VkBool32 halves_to_float, halves_to_half, bfloats, bytes; // the operands of a dot product, and what it is added to
} dot_features;

static PFN_vkGetInstanceProcAddr get_proc;

// marr_load sets the loader's vkGetInstanceProcAddr, and returns it.
void *marr_load(uint64_t entry) {
	get_proc = HANDLE(PFN_vkGetInstanceProcAddr, entry);
	return HANDLE(void *, entry);
}

static int listed(const VkExtensionProperties *e, uint32_t n, const char *name) {
	for (uint32_t i = 0; i < n; i++)
		if (!strcmp(e[i].extensionName, name)) return 1;
	return 0;
}

// instance_extensions returns the extensions of the loader (layer NULL) or of a layer. The caller frees them.
static VkExtensionProperties *instance_extensions(const char *layer, uint32_t *n) {
	PFN_vkEnumerateInstanceExtensionProperties f =
		(PFN_vkEnumerateInstanceExtensionProperties)get_proc(NULL, "vkEnumerateInstanceExtensionProperties");
	*n = 0;
	if (!f || f(layer, n, NULL) != VK_SUCCESS || !*n) return NULL;
	VkExtensionProperties *e = calloc(*n, sizeof *e);
	if (!e || f(layer, n, e) < 0) *n = 0;
	return e;
}

// on_message is called by the validation layer on any thread that is in a Vulkan call.
static VKAPI_ATTR VkBool32 VKAPI_CALL on_message(VkDebugUtilsMessageSeverityFlagBitsEXT severity, VkDebugUtilsMessageTypeFlagsEXT type,
	const VkDebugUtilsMessengerCallbackDataEXT *data, void *user) {
	(void)severity, (void)type, (void)user;
	marr_message((char *)data->pMessage);
	return VK_FALSE;
}

// marr_instance creates a VkInstance with the newest API version of the loader up to api_limit, and writes the version to *api. With
// validation it loads the Khronos layer with synchronization validation, whose messages marr_message gets.
marr_result marr_instance(uint32_t api_limit, int validation, uint64_t *instance, uint32_t *api) {
	uint32_t version = VK_API_VERSION_1_0;
	PFN_vkEnumerateInstanceVersion query = (PFN_vkEnumerateInstanceVersion)get_proc(NULL, "vkEnumerateInstanceVersion");
	if (query && query(&version) != VK_SUCCESS) version = VK_API_VERSION_1_0;
	if (version > api_limit) version = api_limit;
	*api = version;

	uint32_t n;
	VkExtensionProperties *have = instance_extensions(NULL, &n);
	const char *ext[4];
	uint32_t next = 0;
	VkInstanceCreateFlags flags = 0;
	if (listed(have, n, VK_KHR_GET_PHYSICAL_DEVICE_PROPERTIES_2_EXTENSION_NAME))
		ext[next++] = VK_KHR_GET_PHYSICAL_DEVICE_PROPERTIES_2_EXTENSION_NAME;
	if (listed(have, n, VK_KHR_PORTABILITY_ENUMERATION_EXTENSION_NAME)) {
		ext[next++] = VK_KHR_PORTABILITY_ENUMERATION_EXTENSION_NAME;
		flags |= VK_INSTANCE_CREATE_ENUMERATE_PORTABILITY_BIT_KHR;
	}
	free(have);
	const char *layer = "VK_LAYER_KHRONOS_validation";
	if (validation) {
		ext[next++] = VK_EXT_DEBUG_UTILS_EXTENSION_NAME;
		ext[next++] = VK_EXT_VALIDATION_FEATURES_EXTENSION_NAME;
	}
	VkDebugUtilsMessengerCreateInfoEXT messenger = {
		.sType = VK_STRUCTURE_TYPE_DEBUG_UTILS_MESSENGER_CREATE_INFO_EXT,
		.messageSeverity = VK_DEBUG_UTILS_MESSAGE_SEVERITY_ERROR_BIT_EXT | VK_DEBUG_UTILS_MESSAGE_SEVERITY_WARNING_BIT_EXT,
		.messageType = VK_DEBUG_UTILS_MESSAGE_TYPE_VALIDATION_BIT_EXT,
		.pfnUserCallback = on_message};
	VkValidationFeatureEnableEXT enable[] = {VK_VALIDATION_FEATURE_ENABLE_SYNCHRONIZATION_VALIDATION_EXT};
	VkValidationFeaturesEXT features = {.sType = VK_STRUCTURE_TYPE_VALIDATION_FEATURES_EXT,
		.pNext = &messenger,
		.enabledValidationFeatureCount = 1,
		.pEnabledValidationFeatures = enable};
	VkApplicationInfo app = {.sType = VK_STRUCTURE_TYPE_APPLICATION_INFO, .pApplicationName = "marr", .pEngineName = "marr", .apiVersion = version};
	VkInstanceCreateInfo info = {.sType = VK_STRUCTURE_TYPE_INSTANCE_CREATE_INFO,
		.pNext = validation ? &features : NULL,
		.flags = flags,
		.pApplicationInfo = &app,
		.enabledLayerCount = validation ? 1 : 0,
		.ppEnabledLayerNames = &layer,
		.enabledExtensionCount = next,
		.ppEnabledExtensionNames = ext};
	PFN_vkCreateInstance create = (PFN_vkCreateInstance)get_proc(NULL, "vkCreateInstance");
	if (!create) return RESULT(VK_ERROR_INITIALIZATION_FAILED, "vkGetInstanceProcAddr");
	VkInstance made = NULL;
	VkResult r = create(&info, NULL, &made);
	if (r != VK_SUCCESS) return RESULT(r, "vkCreateInstance");
	if (validation) {
		PFN_vkCreateDebugUtilsMessengerEXT hook =
			(PFN_vkCreateDebugUtilsMessengerEXT)get_proc(made, "vkCreateDebugUtilsMessengerEXT");
		VkDebugUtilsMessengerEXT unused;
		r = hook ? hook(made, &messenger, NULL, &unused) : VK_ERROR_EXTENSION_NOT_PRESENT;
		if (r != VK_SUCCESS) return RESULT(r, "vkCreateDebugUtilsMessengerEXT");
	}
	*instance = RAW(made);
	return RESULT(VK_SUCCESS, "");
}

// device_extensions returns the extensions of a physical device. The caller frees them.
static VkExtensionProperties *device_extensions(VkInstance in, VkPhysicalDevice p, uint32_t *n) {
	PFN_vkEnumerateDeviceExtensionProperties f =
		(PFN_vkEnumerateDeviceExtensionProperties)get_proc(in, "vkEnumerateDeviceExtensionProperties");
	*n = 0;
	if (!f || f(p, NULL, n, NULL) != VK_SUCCESS || !*n) return NULL;
	VkExtensionProperties *e = calloc(*n, sizeof *e);
	if (!e || f(p, NULL, n, e) < 0) *n = 0;
	return e;
}

static void query_core(VkInstance in, VkPhysicalDevice p, marr_info *o) {
	VkPhysicalDeviceProperties v;
	((PFN_vkGetPhysicalDeviceProperties)get_proc(in, "vkGetPhysicalDeviceProperties"))(p, &v);
	const VkPhysicalDeviceLimits *l = &v.limits;
	o->api = v.apiVersion, o->driver_version = v.driverVersion, o->vendor = v.vendorID, o->device = v.deviceID, o->type = v.deviceType;
	memcpy(o->name, v.deviceName, sizeof o->name);
	memcpy(o->uuid, v.pipelineCacheUUID, sizeof o->uuid);
	memcpy(o->cache_uuid, v.pipelineCacheUUID, sizeof o->cache_uuid);
	o->invocations = l->maxComputeWorkGroupInvocations;
	memcpy(o->size, l->maxComputeWorkGroupSize, sizeof o->size);
	memcpy(o->count, l->maxComputeWorkGroupCount, sizeof o->count);
	o->shared_memory = l->maxComputeSharedMemorySize;
	o->storage_range = l->maxStorageBufferRange;
	o->push_constants = l->maxPushConstantsSize;
	o->storage_buffers = l->maxPerStageDescriptorStorageBuffers;
	o->set_storage_buffers = l->maxDescriptorSetStorageBuffers;
	o->storage_align = l->minStorageBufferOffsetAlignment;
	o->texel_align = l->minTexelBufferOffsetAlignment;
	o->texel_elements = l->maxTexelBufferElements;
	o->allocation_count = l->maxMemoryAllocationCount;
	o->timestamp_period = l->timestampPeriod;

	VkPhysicalDeviceMemoryProperties m;
	((PFN_vkGetPhysicalDeviceMemoryProperties)get_proc(in, "vkGetPhysicalDeviceMemoryProperties"))(p, &m);
	o->type_count = m.memoryTypeCount, o->heap_count = m.memoryHeapCount;
	for (uint32_t i = 0; i < m.memoryTypeCount; i++)
		o->type_flags[i] = m.memoryTypes[i].propertyFlags, o->type_heap[i] = m.memoryTypes[i].heapIndex;
	for (uint32_t i = 0; i < m.memoryHeapCount; i++)
		o->heap_size[i] = m.memoryHeaps[i].size, o->heap_flags[i] = m.memoryHeaps[i].flags;

	PFN_vkGetPhysicalDeviceQueueFamilyProperties families =
		(PFN_vkGetPhysicalDeviceQueueFamilyProperties)get_proc(in, "vkGetPhysicalDeviceQueueFamilyProperties");
	VkQueueFamilyProperties q[16];
	o->family_count = 16;
	families(p, &o->family_count, q);
	for (uint32_t i = 0; i < o->family_count; i++)
		o->family_flags[i] = q[i].queueFlags, o->family_timestamp_bits[i] = q[i].timestampValidBits;
}

// chain appends the Vulkan struct s to a pNext chain that ends with *last.
static void chain(VkBaseOutStructure **last, void *s) {
	(*last)->pNext = s;
	*last = s;
}

// features is a pNext chain of all optional features that the shaders may use.
typedef struct {
	VkPhysicalDeviceFeatures2 head;
	VkPhysicalDevice16BitStorageFeatures storage16;
	VkPhysicalDeviceShaderFloat16Int8Features arithmetic;
	VkPhysicalDeviceVulkanMemoryModelFeatures memory_model;
	VkPhysicalDeviceTimelineSemaphoreFeatures timeline;
	VkPhysicalDeviceBufferDeviceAddressFeatures address;
	VkPhysicalDeviceCooperativeMatrixFeaturesKHR matrix;
	dot_features dot;
	VkPhysicalDevicePipelineExecutablePropertiesFeaturesKHR executable;
	VkPhysicalDeviceSubgroupSizeControlFeatures control;
} features;

// allowed returns whether a struct may be queried that is in the core since version `since`, or else in an extension.
static int allowed(uint32_t api, uint32_t since, const VkExtensionProperties *e, uint32_t n, const char *extension) {
	return api >= since || listed(e, n, extension);
}

static void features_chain(features *f, uint32_t api, const VkExtensionProperties *e, uint32_t n) {
	memset(f, 0, sizeof *f);
	f->head.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FEATURES_2;
	f->storage16.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_16BIT_STORAGE_FEATURES;
	f->arithmetic.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SHADER_FLOAT16_INT8_FEATURES;
	f->memory_model.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_MEMORY_MODEL_FEATURES;
	f->timeline.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_TIMELINE_SEMAPHORE_FEATURES;
	f->address.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_BUFFER_DEVICE_ADDRESS_FEATURES;
	f->matrix.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_COOPERATIVE_MATRIX_FEATURES_KHR;
	f->dot.sType = MIXED_DOT_FEATURES;
	f->executable.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PIPELINE_EXECUTABLE_PROPERTIES_FEATURES_KHR;
	f->control.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SUBGROUP_SIZE_CONTROL_FEATURES;
	VkBaseOutStructure *last = (VkBaseOutStructure *)&f->head;
	if (allowed(api, VK_API_VERSION_1_1, e, n, VK_KHR_16BIT_STORAGE_EXTENSION_NAME)) chain(&last, &f->storage16);
	if (allowed(api, VK_API_VERSION_1_2, e, n, VK_KHR_SHADER_FLOAT16_INT8_EXTENSION_NAME)) chain(&last, &f->arithmetic);
	if (allowed(api, VK_API_VERSION_1_2, e, n, VK_KHR_VULKAN_MEMORY_MODEL_EXTENSION_NAME)) chain(&last, &f->memory_model);
	if (allowed(api, VK_API_VERSION_1_2, e, n, VK_KHR_TIMELINE_SEMAPHORE_EXTENSION_NAME)) chain(&last, &f->timeline);
	if (allowed(api, VK_API_VERSION_1_2, e, n, VK_KHR_BUFFER_DEVICE_ADDRESS_EXTENSION_NAME)) chain(&last, &f->address);
	if (listed(e, n, VK_KHR_COOPERATIVE_MATRIX_EXTENSION_NAME)) chain(&last, &f->matrix);
	if (listed(e, n, MIXED_DOT)) chain(&last, &f->dot);
	if (listed(e, n, VK_KHR_PIPELINE_EXECUTABLE_PROPERTIES_EXTENSION_NAME)) chain(&last, &f->executable);
	if (api >= VK_API_VERSION_1_1 && allowed(api, VK_API_VERSION_1_3, e, n, VK_EXT_SUBGROUP_SIZE_CONTROL_EXTENSION_NAME)) chain(&last, &f->control);
}

static void query_features(PFN_vkGetPhysicalDeviceFeatures2 query, VkPhysicalDevice p, uint32_t api, const VkExtensionProperties *e, uint32_t n,
	marr_info *o) {
	features f;
	features_chain(&f, api, e, n);
	query(p, &f.head);
	o->storage16 = f.storage16.storageBuffer16BitAccess;
	o->float16 = f.arithmetic.shaderFloat16, o->int8 = f.arithmetic.shaderInt8;
	o->memory_model = f.memory_model.vulkanMemoryModel;
	o->timeline = f.timeline.timelineSemaphore, o->address = f.address.bufferDeviceAddress;
	o->statistics = f.executable.pipelineExecutableInfo;
	o->cooperative_matrix = f.matrix.cooperativeMatrix && o->memory_model;
	o->mixed_dot = f.dot.halves_to_float && o->float16;
	o->subgroup_control = f.control.subgroupSizeControl && f.control.computeFullSubgroups;
}

static void query_properties(PFN_vkGetPhysicalDeviceProperties2 query, VkPhysicalDevice p, uint32_t api, const VkExtensionProperties *e, uint32_t n,
	marr_info *o) {
	VkPhysicalDeviceProperties2 head = {.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROPERTIES_2};
	VkPhysicalDeviceIDProperties id = {.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_ID_PROPERTIES};
	VkPhysicalDeviceSubgroupProperties subgroup = {.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SUBGROUP_PROPERTIES};
	VkPhysicalDeviceMaintenance3Properties allocation = {.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_MAINTENANCE_3_PROPERTIES};
	VkPhysicalDeviceMaintenance4Properties buffer = {.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_MAINTENANCE_4_PROPERTIES};
	VkPhysicalDeviceDriverProperties driver = {.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_DRIVER_PROPERTIES};
	VkPhysicalDeviceSubgroupSizeControlProperties control = {.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SUBGROUP_SIZE_CONTROL_PROPERTIES};
	VkBaseOutStructure *last = (VkBaseOutStructure *)&head;
	int newer = api >= VK_API_VERSION_1_1;
	if (newer) chain(&last, &id), chain(&last, &subgroup);
	if (allowed(api, VK_API_VERSION_1_1, e, n, VK_KHR_MAINTENANCE_3_EXTENSION_NAME)) chain(&last, &allocation);
	if (allowed(api, VK_API_VERSION_1_2, e, n, VK_KHR_DRIVER_PROPERTIES_EXTENSION_NAME)) chain(&last, &driver);
	if (allowed(api, VK_API_VERSION_1_3, e, n, VK_KHR_MAINTENANCE_4_EXTENSION_NAME)) chain(&last, &buffer);
	if (newer && allowed(api, VK_API_VERSION_1_3, e, n, VK_EXT_SUBGROUP_SIZE_CONTROL_EXTENSION_NAME)) chain(&last, &control);
	query(p, &head);
	if (newer) memcpy(o->uuid, id.deviceUUID, sizeof o->uuid);
	if (subgroup.supportedStages & VK_SHADER_STAGE_COMPUTE_BIT) {
		o->subgroup_size = subgroup.subgroupSize;
		o->subgroup_arithmetic = (subgroup.supportedOperations & VK_SUBGROUP_FEATURE_ARITHMETIC_BIT) != 0;
	}
	if (control.requiredSubgroupSizeStages & VK_SHADER_STAGE_COMPUTE_BIT) o->least_subgroup = control.minSubgroupSize;
	else o->subgroup_control = 0;
	o->driver_id = driver.driverID;
	if (allocation.maxMemoryAllocationSize) o->max_allocation = allocation.maxMemoryAllocationSize;
	if (buffer.maxBufferSize && (!o->max_allocation || buffer.maxBufferSize < o->max_allocation)) o->max_allocation = buffer.maxBufferSize;
	snprintf(o->driver, sizeof o->driver, "%s%s%s", driver.driverName, driver.driverInfo[0] ? " " : "", driver.driverInfo);
}

// marr_query fills *o. It queries a device of Vulkan 1.0 through VK_KHR_get_physical_device_properties2 if the instance has that
// extension; otherwise *o has no capability beyond 1.0.
void marr_query(uint64_t instance, uint32_t instance_api, uint64_t physical, marr_info *o) {
	VkInstance in = HANDLE(VkInstance, instance);
	VkPhysicalDevice p = HANDLE(VkPhysicalDevice, physical);
	memset(o, 0, sizeof *o);
	query_core(in, p, o);
	uint32_t api = o->api < instance_api ? o->api : instance_api;
	o->usable_api = api;
	uint32_t n;
	VkExtensionProperties *e = device_extensions(in, p, &n);
	int core = api >= VK_API_VERSION_1_1;
	PFN_vkGetPhysicalDeviceFeatures2 f =
		(PFN_vkGetPhysicalDeviceFeatures2)get_proc(in, core ? "vkGetPhysicalDeviceFeatures2" : "vkGetPhysicalDeviceFeatures2KHR");
	PFN_vkGetPhysicalDeviceProperties2 v =
		(PFN_vkGetPhysicalDeviceProperties2)get_proc(in, core ? "vkGetPhysicalDeviceProperties2" : "vkGetPhysicalDeviceProperties2KHR");
	if (f) query_features(f, p, api, e, n, o);
	if (v) query_properties(v, p, api, e, n, o);
	if (o->cooperative_matrix) marr_matrices(p, (PFN_vkGetPhysicalDeviceCooperativeMatrixPropertiesKHR)get_proc(in, "vkGetPhysicalDeviceCooperativeMatrixPropertiesKHR"), o);
	free(e);
}

static int load_functions(marr_device *d, PFN_vkGetDeviceProcAddr get) {
#define LOAD(name) \
	if (!(d->name = (PFN_vk##name)get(d->device, "vk" #name))) return 0
	LOAD(DestroyDevice);
	LOAD(DeviceWaitIdle);
	LOAD(CreateDescriptorSetLayout);
	LOAD(CreatePipelineLayout);
	LOAD(CreatePipelineCache);
	LOAD(CreateComputePipelines);
	LOAD(CreateBufferView);
	LOAD(DestroyBufferView);
	LOAD(CreateDescriptorPool);
	LOAD(DestroyDescriptorPool);
	LOAD(AllocateDescriptorSets);
	LOAD(UpdateDescriptorSets);
	LOAD(BeginCommandBuffer);
	LOAD(EndCommandBuffer);
	LOAD(CmdPipelineBarrier);
	LOAD(CmdBindPipeline);
	LOAD(CmdBindDescriptorSets);
	LOAD(CmdPushConstants);
	LOAD(CmdDispatch);
	LOAD(CmdCopyBuffer);
	LOAD(CmdFillBuffer);
	LOAD(CmdResetQueryPool);
	LOAD(CmdWriteTimestamp);
	LOAD(QueueSubmit);
	if (d->keep) {
		LOAD(GetPipelineExecutablePropertiesKHR);
		LOAD(GetPipelineExecutableStatisticsKHR);
		LOAD(GetPipelineExecutableInternalRepresentationsKHR);
	}
#undef LOAD
	return 1;
}

// marr_device_create creates a device with one queue of info's family. It enables the features that the device has and shaders may
// use: 16-bit storage, half and 8-bit arithmetic, required subgroup sizes, the memory model, cooperative matrices and dot products of halves. It does not enable timeline
// semaphores and buffer addresses, which nothing here uses. Where the driver has pipeline statistics it enables marr_statistics, and with assembly
// marr_assembly too.
marr_result marr_device_create(uint64_t instance, uint64_t physical, const marr_info *info, int assembly, marr_device **out) {
	VkInstance in = HANDLE(VkInstance, instance);
	VkPhysicalDevice p = HANDLE(VkPhysicalDevice, physical);
	uint32_t n, next = 0;
	VkExtensionProperties *e = device_extensions(in, p, &n);
	const char *ext[10];
	features f;
	void *head = NULL;
	f.storage16 = (VkPhysicalDevice16BitStorageFeatures){.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_16BIT_STORAGE_FEATURES,
		.storageBuffer16BitAccess = 1};
	if (info->storage16) {
		head = &f.storage16;
		if (info->usable_api < VK_API_VERSION_1_1) {
			ext[next++] = VK_KHR_16BIT_STORAGE_EXTENSION_NAME;
			ext[next++] = VK_KHR_STORAGE_BUFFER_STORAGE_CLASS_EXTENSION_NAME;
		}
	}
	f.arithmetic = (VkPhysicalDeviceShaderFloat16Int8Features){.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SHADER_FLOAT16_INT8_FEATURES,
		.pNext = head, .shaderFloat16 = info->float16, .shaderInt8 = info->int8};
	if (info->float16 || info->int8) {
		head = &f.arithmetic;
		if (info->usable_api < VK_API_VERSION_1_2) ext[next++] = VK_KHR_SHADER_FLOAT16_INT8_EXTENSION_NAME;
	}
	f.memory_model = (VkPhysicalDeviceVulkanMemoryModelFeatures){.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_MEMORY_MODEL_FEATURES,
		.pNext = head, .vulkanMemoryModel = 1};
	f.matrix = (VkPhysicalDeviceCooperativeMatrixFeaturesKHR){.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_COOPERATIVE_MATRIX_FEATURES_KHR, .pNext = &f.memory_model, .cooperativeMatrix = 1};
	if (info->cooperative_matrix) {
		head = &f.matrix;
		ext[next++] = VK_KHR_COOPERATIVE_MATRIX_EXTENSION_NAME;
		if (info->usable_api < VK_API_VERSION_1_2) ext[next++] = VK_KHR_VULKAN_MEMORY_MODEL_EXTENSION_NAME;
	}
	f.dot = (dot_features){.sType = MIXED_DOT_FEATURES, .pNext = head, .halves_to_float = 1};
	if (info->mixed_dot) {
		head = &f.dot;
		ext[next++] = MIXED_DOT;
	}
	f.executable = (VkPhysicalDevicePipelineExecutablePropertiesFeaturesKHR){
		.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PIPELINE_EXECUTABLE_PROPERTIES_FEATURES_KHR, .pNext = head, .pipelineExecutableInfo = 1};
	if (info->statistics) {
		head = &f.executable;
		ext[next++] = VK_KHR_PIPELINE_EXECUTABLE_PROPERTIES_EXTENSION_NAME;
	}
	f.control = (VkPhysicalDeviceSubgroupSizeControlFeatures){.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SUBGROUP_SIZE_CONTROL_FEATURES,
		.pNext = head, .subgroupSizeControl = 1, .computeFullSubgroups = 1};
	if (info->subgroup_control) {
		head = &f.control;
		if (info->usable_api < VK_API_VERSION_1_3) ext[next++] = VK_EXT_SUBGROUP_SIZE_CONTROL_EXTENSION_NAME;
	}
	if (listed(e, n, VK_KHR_PORTABILITY_SUBSET_EXTENSION_NAME)) ext[next++] = VK_KHR_PORTABILITY_SUBSET_EXTENSION_NAME; // required on a device that lists it
	free(e);

	float priority = 1;
	VkDeviceQueueCreateInfo queue = {.sType = VK_STRUCTURE_TYPE_DEVICE_QUEUE_CREATE_INFO, .queueFamilyIndex = (uint32_t)info->family,
		.queueCount = 1, .pQueuePriorities = &priority};
	VkDeviceCreateInfo create = {.sType = VK_STRUCTURE_TYPE_DEVICE_CREATE_INFO, .pNext = head, .queueCreateInfoCount = 1,
		.pQueueCreateInfos = &queue, .enabledExtensionCount = next, .ppEnabledExtensionNames = ext};
	marr_device *d = calloc(1, sizeof *d);
	if (!d) return RESULT(VK_ERROR_OUT_OF_HOST_MEMORY, "calloc");
	if (info->statistics) d->keep = VK_PIPELINE_CREATE_CAPTURE_STATISTICS_BIT_KHR;
	if (info->statistics && assembly) d->keep |= VK_PIPELINE_CREATE_CAPTURE_INTERNAL_REPRESENTATIONS_BIT_KHR;
	VkResult r = ((PFN_vkCreateDevice)get_proc(in, "vkCreateDevice"))(p, &create, NULL, &d->device);
	if (r != VK_SUCCESS) {
		free(d);
		return RESULT(r, "vkCreateDevice");
	}
	PFN_vkGetDeviceProcAddr get = (PFN_vkGetDeviceProcAddr)get_proc(in, "vkGetDeviceProcAddr");
	if (!load_functions(d, get)) {
		if (d->DestroyDevice) d->DestroyDevice(d->device, NULL);
		free(d);
		return RESULT(VK_ERROR_INITIALIZATION_FAILED, "vkGetDeviceProcAddr");
	}
	((PFN_vkGetDeviceQueue)get(d->device, "vkGetDeviceQueue"))(d->device, (uint32_t)info->family, 0, &d->queue);
	*out = d;
	return RESULT(VK_SUCCESS, "");
}
