// The device with its function pointers, for all C files of the package.
#ifndef MARR_VK_SHIM_INTERNAL_H
#define MARR_VK_SHIM_INTERNAL_H

#include "vulkan_core.h"

#include "shim.h"

#define HANDLE(type, x) ((type)(uintptr_t)(x))
#define RAW(x) ((uint64_t)(uintptr_t)(x))
#define RESULT(code, call) ((marr_result){(int32_t)(code), (call)})

// marr_matrices writes the shapes of cooperative matrices that kernels may use to info.
void marr_matrices(VkPhysicalDevice p, PFN_vkGetPhysicalDeviceCooperativeMatrixPropertiesKHR query, marr_info *info);

struct marr_device {
	VkDevice device;
	VkQueue queue;
	VkPipelineCreateFlags keep; // what pipelines keep of their compilation: statistics and assembly
	PFN_vkDestroyDevice DestroyDevice;
	PFN_vkDeviceWaitIdle DeviceWaitIdle;
	PFN_vkCreateDescriptorSetLayout CreateDescriptorSetLayout;
	PFN_vkCreatePipelineLayout CreatePipelineLayout;
	PFN_vkCreatePipelineCache CreatePipelineCache;
	PFN_vkCreateComputePipelines CreateComputePipelines;
	PFN_vkCreateBufferView CreateBufferView;
	PFN_vkDestroyBufferView DestroyBufferView;
	PFN_vkCreateDescriptorPool CreateDescriptorPool;
	PFN_vkDestroyDescriptorPool DestroyDescriptorPool;
	PFN_vkAllocateDescriptorSets AllocateDescriptorSets;
	PFN_vkUpdateDescriptorSets UpdateDescriptorSets;
	PFN_vkBeginCommandBuffer BeginCommandBuffer;
	PFN_vkEndCommandBuffer EndCommandBuffer;
	PFN_vkCmdPipelineBarrier CmdPipelineBarrier;
	PFN_vkCmdBindPipeline CmdBindPipeline;
	PFN_vkCmdBindDescriptorSets CmdBindDescriptorSets;
	PFN_vkCmdPushConstants CmdPushConstants;
	PFN_vkCmdDispatch CmdDispatch;
	PFN_vkCmdCopyBuffer CmdCopyBuffer;
	PFN_vkCmdFillBuffer CmdFillBuffer;
	PFN_vkCmdResetQueryPool CmdResetQueryPool;
	PFN_vkCmdWriteTimestamp CmdWriteTimestamp;
	PFN_vkQueueSubmit QueueSubmit;
	PFN_vkGetPipelineExecutablePropertiesKHR GetPipelineExecutablePropertiesKHR; // these three only with statistics
	PFN_vkGetPipelineExecutableStatisticsKHR GetPipelineExecutableStatisticsKHR;
	PFN_vkGetPipelineExecutableInternalRepresentationsKHR GetPipelineExecutableInternalRepresentationsKHR;
};

#endif
