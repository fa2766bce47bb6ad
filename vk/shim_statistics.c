// Statistics and assembly that the driver's compiler reports for a pipeline (VK_KHR_pipeline_executable_properties).
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

#define MOST_EXECUTABLES 8

// executables fills e with the executables of a pipeline.
static marr_result executables(marr_device *d, VkPipeline p, VkPipelineExecutablePropertiesKHR e[MOST_EXECUTABLES], uint32_t *n) {
	VkPipelineInfoKHR info = {.sType = VK_STRUCTURE_TYPE_PIPELINE_INFO_KHR, .pipeline = p};
	memset(e, 0, MOST_EXECUTABLES * sizeof *e);
	for (int i = 0; i < MOST_EXECUTABLES; i++) e[i].sType = VK_STRUCTURE_TYPE_PIPELINE_EXECUTABLE_PROPERTIES_KHR;
	*n = MOST_EXECUTABLES;
	return RESULT(d->GetPipelineExecutablePropertiesKHR(d->device, &info, n, e), "vkGetPipelineExecutablePropertiesKHR");
}

// marr_statistics writes the statistics of all executables of a pipeline; there may be one for each subgroup size. It returns
// VK_INCOMPLETE if there are more than room.
marr_result marr_statistics(marr_device *d, uint64_t pipeline, uint32_t room, marr_statistic *out, uint32_t *count) {
	VkPipelineExecutablePropertiesKHR e[MOST_EXECUTABLES];
	uint32_t n;
	*count = 0;
	marr_result r = executables(d, HANDLE(VkPipeline, pipeline), e, &n);
	for (uint32_t i = 0; r.code == VK_SUCCESS && i < n; i++) {
		uint32_t more;
		r = executable_statistics(d, HANDLE(VkPipeline, pipeline), i, e[i].name, room - *count, out + *count, &more);
		if (r.code == VK_SUCCESS) *count += more;
	}
	return r;
}

// marr_assembly writes the assembly of the first executable of a pipeline to out, at most room bytes, and its size to *size. Without out it writes
// the size alone: 0 if the driver shows none.
marr_result marr_assembly(marr_device *d, uint64_t pipeline, uint64_t room, char *out, uint64_t *size) {
	VkPipelineExecutableInfoKHR info = {.sType = VK_STRUCTURE_TYPE_PIPELINE_EXECUTABLE_INFO_KHR, .pipeline = HANDLE(VkPipeline, pipeline)};
	VkPipelineExecutableInternalRepresentationKHR r[16];
	memset(r, 0, sizeof r);
	for (int i = 0; i < 16; i++) r[i].sType = VK_STRUCTURE_TYPE_PIPELINE_EXECUTABLE_INTERNAL_REPRESENTATION_KHR;
	uint32_t n = 16;
	VkResult got = d->GetPipelineExecutableInternalRepresentationsKHR(d->device, &info, &n, r);
	*size = 0;
	for (uint32_t i = 0; i < n && got == VK_SUCCESS; i++) {
		if (!r[i].isText || !strstr(r[i].name, "ssembly")) continue;
		*size = r[i].dataSize;
		r[i].pData = out;
		r[i].dataSize = room;
	}
	if (got == VK_SUCCESS && out) got = d->GetPipelineExecutableInternalRepresentationsKHR(d->device, &info, &n, r);
	return RESULT(got, "vkGetPipelineExecutableInternalRepresentationsKHR");
}
