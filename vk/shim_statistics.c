// Statistics that the driver's compiler reports for a pipeline (VK_KHR_pipeline_executable_properties).
#include <stdlib.h>
#include <string.h>

#include "shim_internal.h"

static double value(const VkPipelineExecutableStatisticKHR *s) {
	switch (s->format) {
	case VK_PIPELINE_EXECUTABLE_STATISTIC_FORMAT_BOOL32_KHR:
		return s->value.b32;
	case VK_PIPELINE_EXECUTABLE_STATISTIC_FORMAT_INT64_KHR:
		return (double)s->value.i64;
	case VK_PIPELINE_EXECUTABLE_STATISTIC_FORMAT_UINT64_KHR:
		return (double)s->value.u64;
	default:
		return s->value.f64;
	}
}

// executable_statistics writes at most room statistics of executable i to out, and their number to *count.
static marr_result executable_statistics(marr_device *d, VkPipeline p, uint32_t i, const char *name, uint32_t room, marr_statistic *out,
	uint32_t *count) {
	VkPipelineExecutableInfoKHR info = {.sType = VK_STRUCTURE_TYPE_PIPELINE_EXECUTABLE_INFO_KHR, .pipeline = p, .executableIndex = i};
	VkPipelineExecutableStatisticKHR *s = calloc(room, sizeof *s);
	if (!s) return RESULT(VK_ERROR_OUT_OF_HOST_MEMORY, "calloc");
	for (uint32_t k = 0; k < room; k++) s[k].sType = VK_STRUCTURE_TYPE_PIPELINE_EXECUTABLE_STATISTIC_KHR;
	*count = room;
	VkResult r = d->GetPipelineExecutableStatisticsKHR(d->device, &info, count, s);
	for (uint32_t k = 0; r == VK_SUCCESS && k < *count; k++) {
		memcpy(out[k].executable, name, sizeof out[k].executable);
		memcpy(out[k].name, s[k].name, sizeof out[k].name);
		out[k].value = value(s + k);
	}
	free(s);
	return RESULT(r, "vkGetPipelineExecutableStatisticsKHR");
}

// marr_statistics writes the statistics of all executables of a pipeline; there may be one for each subgroup size. It returns
// VK_INCOMPLETE if there are more than room.
marr_result marr_statistics(marr_device *d, uint64_t pipeline, uint32_t room, marr_statistic *out, uint32_t *count) {
	VkPipelineInfoKHR info = {.sType = VK_STRUCTURE_TYPE_PIPELINE_INFO_KHR, .pipeline = HANDLE(VkPipeline, pipeline)};
	VkPipelineExecutablePropertiesKHR e[8];
	memset(e, 0, sizeof e);
	for (int i = 0; i < 8; i++) e[i].sType = VK_STRUCTURE_TYPE_PIPELINE_EXECUTABLE_PROPERTIES_KHR;
	uint32_t n = 8;
	*count = 0;
	marr_result r = RESULT(d->GetPipelineExecutablePropertiesKHR(d->device, &info, &n, e), "vkGetPipelineExecutablePropertiesKHR");
	for (uint32_t i = 0; r.code == VK_SUCCESS && i < n; i++) {
		uint32_t more;
		r = executable_statistics(d, info.pipeline, i, e[i].name, room - *count, out + *count, &more);
		if (r.code == VK_SUCCESS) *count += more;
	}
	return r;
}
