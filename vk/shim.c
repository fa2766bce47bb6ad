// Work with an open device: layouts, pipelines, descriptor sets, recording, submission.
#include <stdlib.h>

#include "shim_internal.h"

void marr_device_destroy(marr_device *d) {
	d->DestroyDevice(d->device, NULL);
	free(d);
}

uint64_t marr_device_handle(const marr_device *d) { return RAW(d->device); }

static VkDescriptorType descriptor_type(int texel) {
	return texel ? VK_DESCRIPTOR_TYPE_UNIFORM_TEXEL_BUFFER : VK_DESCRIPTOR_TYPE_STORAGE_BUFFER;
}

marr_result marr_wait_idle(marr_device *d) { return RESULT(d->DeviceWaitIdle(d->device), "vkDeviceWaitIdle"); }

// marr_set_layout makes the layout of a set of buffers at bindings 0 .. bindings-1. A binding whose bit in texel is set is a uniform
// texel buffer, the others are storage buffers.
marr_result marr_set_layout(marr_device *d, uint32_t bindings, uint32_t texel, uint64_t *out) {
	VkDescriptorSetLayoutBinding *b = calloc(bindings, sizeof *b);
	if (!b) return RESULT(VK_ERROR_OUT_OF_HOST_MEMORY, "calloc");
	for (uint32_t i = 0; i < bindings; i++)
		b[i] = (VkDescriptorSetLayoutBinding){.binding = i, .descriptorType = descriptor_type(i < 32 && texel >> i & 1),
			.descriptorCount = 1, .stageFlags = VK_SHADER_STAGE_COMPUTE_BIT};
	VkDescriptorSetLayoutCreateInfo info = {.sType = VK_STRUCTURE_TYPE_DESCRIPTOR_SET_LAYOUT_CREATE_INFO, .bindingCount = bindings, .pBindings = b};
	VkDescriptorSetLayout made = VK_NULL_HANDLE;
	VkResult r = d->CreateDescriptorSetLayout(d->device, &info, NULL, &made);
	free(b);
	*out = RAW(made);
	return RESULT(r, "vkCreateDescriptorSetLayout");
}

marr_result marr_pipeline_layout(marr_device *d, uint64_t set_layout, uint32_t push_bytes, uint64_t *out) {
	VkDescriptorSetLayout set = HANDLE(VkDescriptorSetLayout, set_layout);
	VkPushConstantRange push = {.stageFlags = VK_SHADER_STAGE_COMPUTE_BIT, .offset = 0, .size = push_bytes};
	VkPipelineLayoutCreateInfo info = {.sType = VK_STRUCTURE_TYPE_PIPELINE_LAYOUT_CREATE_INFO, .setLayoutCount = 1, .pSetLayouts = &set,
		.pushConstantRangeCount = push_bytes ? 1 : 0, .pPushConstantRanges = &push};
	VkPipelineLayout made = VK_NULL_HANDLE;
	VkResult r = d->CreatePipelineLayout(d->device, &info, NULL, &made);
	*out = RAW(made);
	return RESULT(r, "vkCreatePipelineLayout");
}

// marr_cache makes a pipeline cache from the data of an earlier one, or an empty one.
marr_result marr_cache(marr_device *d, const uint8_t *data, uint64_t size, uint64_t *out) {
	VkPipelineCacheCreateInfo info = {.sType = VK_STRUCTURE_TYPE_PIPELINE_CACHE_CREATE_INFO, .initialDataSize = size, .pInitialData = data};
	VkPipelineCache made = VK_NULL_HANDLE;
	VkResult r = d->CreatePipelineCache(d->device, &info, NULL, &made);
	*out = RAW(made);
	return RESULT(r, "vkCreatePipelineCache");
}

// marr_pipeline makes a compute pipeline from "main" of the module, with specialization constant i = spec[i]. cache may be 0. If subgroup is not 0,
// every subgroup has that many invocations.
marr_result marr_pipeline(marr_device *d, uint64_t cache, uint64_t module, uint64_t layout, uint32_t nspec, const uint32_t *spec,
	uint32_t subgroup, uint64_t *out) {
	VkSpecializationMapEntry *e = calloc(nspec + 1, sizeof *e);
	if (!e) return RESULT(VK_ERROR_OUT_OF_HOST_MEMORY, "calloc");
	for (uint32_t i = 0; i < nspec; i++) e[i] = (VkSpecializationMapEntry){.constantID = i, .offset = 4 * i, .size = 4};
	VkSpecializationInfo special = {.mapEntryCount = nspec, .pMapEntries = e, .dataSize = 4 * nspec, .pData = spec};
	VkPipelineShaderStageRequiredSubgroupSizeCreateInfo required = {
		.sType = VK_STRUCTURE_TYPE_PIPELINE_SHADER_STAGE_REQUIRED_SUBGROUP_SIZE_CREATE_INFO, .requiredSubgroupSize = subgroup};
	VkComputePipelineCreateInfo info = {.sType = VK_STRUCTURE_TYPE_COMPUTE_PIPELINE_CREATE_INFO,
		.flags = d->keep,
		.stage = {.sType = VK_STRUCTURE_TYPE_PIPELINE_SHADER_STAGE_CREATE_INFO, .stage = VK_SHADER_STAGE_COMPUTE_BIT,
			.pNext = subgroup ? &required : NULL, .flags = subgroup ? VK_PIPELINE_SHADER_STAGE_CREATE_REQUIRE_FULL_SUBGROUPS_BIT : 0,
			.module = HANDLE(VkShaderModule, module), .pName = "main", .pSpecializationInfo = nspec ? &special : NULL},
		.layout = HANDLE(VkPipelineLayout, layout), .basePipelineIndex = -1};
	VkPipeline made = VK_NULL_HANDLE;
	VkResult r = d->CreateComputePipelines(d->device, HANDLE(VkPipelineCache, cache), 1, &info, NULL, &made);
	free(e);
	*out = RAW(made);
	return RESULT(r, "vkCreateComputePipelines");
}

// marr_views makes a view of each range, with texels of four floats or halves. After an error the views made so far exist, and the next is
// VK_NULL_HANDLE.
marr_result marr_views(marr_device *d, uint32_t n, marr_range *ranges) {
	VkResult r = VK_SUCCESS;
	for (uint32_t i = 0; i < n && r == VK_SUCCESS; i++) {
		VkBufferViewCreateInfo info = {.sType = VK_STRUCTURE_TYPE_BUFFER_VIEW_CREATE_INFO, .buffer = HANDLE(VkBuffer, ranges[i].buffer),
			.format = ranges[i].half ? VK_FORMAT_R16G16B16A16_SFLOAT : VK_FORMAT_R32G32B32A32_SFLOAT, .offset = ranges[i].offset, .range = ranges[i].size};
		VkBufferView made = VK_NULL_HANDLE;
		r = d->CreateBufferView(d->device, &info, NULL, &made);
		ranges[i].view = r == VK_SUCCESS ? RAW(made) : 0;
	}
	return RESULT(r, "vkCreateBufferView");
}

void marr_views_destroy(marr_device *d, uint32_t n, const marr_range *ranges) {
	for (uint32_t i = 0; i < n; i++) d->DestroyBufferView(d->device, HANDLE(VkBufferView, ranges[i].view), NULL);
}

// set_pool makes a pool with room for exactly nsets sets with these ranges.
static marr_result set_pool(marr_device *d, uint32_t nsets, uint32_t nranges, const marr_range *ranges, VkDescriptorPool *out) {
	VkDescriptorPoolSize size[2];
	uint32_t sizes = 0, texel = 0;
	for (uint32_t i = 0; i < nranges; i++) texel += ranges[i].view != 0;
	if (texel) size[sizes++] = (VkDescriptorPoolSize){.type = descriptor_type(1), .descriptorCount = texel};
	if (texel < nranges) size[sizes++] = (VkDescriptorPoolSize){.type = descriptor_type(0), .descriptorCount = nranges - texel};
	VkDescriptorPoolCreateInfo info = {.sType = VK_STRUCTURE_TYPE_DESCRIPTOR_POOL_CREATE_INFO, .maxSets = nsets, .poolSizeCount = sizes,
		.pPoolSizes = size};
	return RESULT(d->CreateDescriptorPool(d->device, &info, NULL, out), "vkCreateDescriptorPool");
}

// marr_sets makes a pool with room for exactly nsets descriptor sets, allocates the sets and writes them. Set i has the layout
// layouts[i] and the next bindings[i] ranges. The pool is destroyed as a whole and frees no single set, so it cannot fragment.
marr_result marr_sets(marr_device *d, uint32_t nsets, const uint64_t *layouts, const uint32_t *bindings, const marr_range *ranges,
	uint64_t *pool, uint64_t *sets) {
	uint32_t total = 0;
	for (uint32_t i = 0; i < nsets; i++) total += bindings[i];
	VkDescriptorSetLayout *l = calloc(nsets, sizeof *l);
	VkDescriptorSet *s = calloc(nsets, sizeof *s);
	VkDescriptorBufferInfo *b = calloc(total, sizeof *b);
	VkBufferView *v = calloc(total, sizeof *v);
	VkWriteDescriptorSet *w = calloc(total, sizeof *w);
	VkDescriptorPool made = VK_NULL_HANDLE;
	marr_result out = RESULT(VK_ERROR_OUT_OF_HOST_MEMORY, "calloc");
	if (!l || !s || !b || !v || !w) goto done;
	out = set_pool(d, nsets, total, ranges, &made);
	if (out.code != VK_SUCCESS) goto done;
	for (uint32_t i = 0; i < nsets; i++) l[i] = HANDLE(VkDescriptorSetLayout, layouts[i]);
	VkDescriptorSetAllocateInfo info = {.sType = VK_STRUCTURE_TYPE_DESCRIPTOR_SET_ALLOCATE_INFO, .descriptorPool = made, .descriptorSetCount = nsets,
		.pSetLayouts = l};
	out = RESULT(d->AllocateDescriptorSets(d->device, &info, s), "vkAllocateDescriptorSets");
	if (out.code != VK_SUCCESS) {
		d->DestroyDescriptorPool(d->device, made, NULL);
		goto done;
	}
	for (uint32_t i = 0; i < total; i++) {
		b[i] = (VkDescriptorBufferInfo){.buffer = HANDLE(VkBuffer, ranges[i].buffer), .offset = ranges[i].offset, .range = ranges[i].size};
		v[i] = HANDLE(VkBufferView, ranges[i].view);
	}
	uint32_t writes = 0;
	for (uint32_t i = 0, at = 0; i < nsets; at += bindings[i++]) {
		sets[i] = RAW(s[i]);
		for (uint32_t j = 0, run; j < bindings[i]; j += run) { // one write for consecutive bindings of the same type
			int texel = ranges[at + j].view != 0;
			for (run = 1; j + run < bindings[i] && (ranges[at + j + run].view != 0) == texel;) run++;
			w[writes++] = (VkWriteDescriptorSet){.sType = VK_STRUCTURE_TYPE_WRITE_DESCRIPTOR_SET, .dstSet = s[i], .dstBinding = j,
				.descriptorCount = run, .descriptorType = descriptor_type(texel), .pBufferInfo = b + at + j, .pTexelBufferView = v + at + j};
		}
	}
	d->UpdateDescriptorSets(d->device, writes, w, 0, NULL);
	*pool = RAW(made);
done:
	free(l), free(s), free(b), free(v), free(w);
	return out;
}

static void barrier(marr_device *d, VkCommandBuffer cb, VkPipelineStageFlags to, VkAccessFlags access) {
	VkMemoryBarrier m = {.sType = VK_STRUCTURE_TYPE_MEMORY_BARRIER, .srcAccessMask = VK_ACCESS_SHADER_WRITE_BIT | VK_ACCESS_TRANSFER_WRITE_BIT,
		.dstAccessMask = access};
	d->CmdPipelineBarrier(cb, VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT | VK_PIPELINE_STAGE_TRANSFER_BIT, to, 0, 1, &m, 0, NULL, 0, NULL);
}

static void work_barrier(marr_device *d, VkCommandBuffer cb) {
	barrier(d, cb, VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT | VK_PIPELINE_STAGE_TRANSFER_BIT,
		VK_ACCESS_SHADER_READ_BIT | VK_ACCESS_SHADER_WRITE_BIT | VK_ACCESS_TRANSFER_READ_BIT | VK_ACCESS_TRANSFER_WRITE_BIT);
}

// record_op records an op. *bound is the pipeline that is bound.
static void record_op(marr_device *d, VkCommandBuffer cb, const marr_op *o, const uint8_t *push, uint64_t *bound) {
	if (o->kind == 1) {
		VkBufferCopy c = {.srcOffset = o->a_at, .dstOffset = o->b_at, .size = o->size};
		d->CmdCopyBuffer(cb, HANDLE(VkBuffer, o->a), HANDLE(VkBuffer, o->b), 1, &c);
		return;
	}
	if (o->kind == 2) {
		d->CmdFillBuffer(cb, HANDLE(VkBuffer, o->b), o->b_at, o->size, o->word);
		return;
	}
	if (o->a != *bound) d->CmdBindPipeline(cb, VK_PIPELINE_BIND_POINT_COMPUTE, HANDLE(VkPipeline, o->a));
	*bound = o->a;
	VkPipelineLayout layout = HANDLE(VkPipelineLayout, o->b);
	VkDescriptorSet set = HANDLE(VkDescriptorSet, o->c);
	d->CmdBindDescriptorSets(cb, VK_PIPELINE_BIND_POINT_COMPUTE, layout, 0, 1, &set, 0, NULL);
	if (o->push_size) d->CmdPushConstants(cb, layout, VK_SHADER_STAGE_COMPUTE_BIT, 0, o->push_size, push + o->push_at);
	d->CmdDispatch(cb, o->groups[0], o->groups[1], o->groups[2]);
}

// marr_record records ops into a command buffer that may be in flight several times. With to_host it ends with a barrier that makes
// the results readable by the host. If timer, a query pool, is not 0, it writes a timestamp before the first op to query number
// `query`, and to the following numbers one after each op with each_op, else one after the last op.
marr_result marr_record(marr_device *d, uint64_t command_buffer, uint32_t nops, const marr_op *ops, const uint8_t *push, int to_host,
	uint64_t timer, uint32_t query, int each_op) {
	VkCommandBuffer cb = HANDLE(VkCommandBuffer, command_buffer);
	VkQueryPool pool = HANDLE(VkQueryPool, timer);
	VkCommandBufferBeginInfo begin = {.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO, .flags = VK_COMMAND_BUFFER_USAGE_SIMULTANEOUS_USE_BIT};
	VkResult r = d->BeginCommandBuffer(cb, &begin);
	if (r != VK_SUCCESS) return RESULT(r, "vkBeginCommandBuffer");
	if (timer) {
		d->CmdResetQueryPool(cb, pool, query, each_op ? nops + 1 : 2);
		d->CmdWriteTimestamp(cb, VK_PIPELINE_STAGE_BOTTOM_OF_PIPE_BIT, pool, query++); // after everything submitted before
	}
	uint64_t pipeline = 0;
	for (uint32_t i = 0; i < nops; i++) {
		if (ops[i].barrier) work_barrier(d, cb);
		record_op(d, cb, ops + i, push, &pipeline);
		if (timer && (each_op || i + 1 == nops)) d->CmdWriteTimestamp(cb, VK_PIPELINE_STAGE_BOTTOM_OF_PIPE_BIT, pool, query++);
	}
	if (to_host) barrier(d, cb, VK_PIPELINE_STAGE_HOST_BIT, VK_ACCESS_HOST_READ_BIT);
	return RESULT(d->EndCommandBuffer(cb), "vkEndCommandBuffer");
}

// marr_submit submits command buffers in order in n submissions, number i with counts[i] of them. Each submission is its own
// vkQueueSubmit: drivers may merge the batches of one call into one job, and a watchdog limits the time of a job. The fence follows the
// last command buffer and covers all of them.
marr_result marr_submit(marr_device *d, uint32_t n, const uint32_t *counts, const uint64_t *command_buffers, uint64_t fence) {
	uint32_t total = 0;
	for (uint32_t i = 0; i < n; i++) total += counts[i];
	VkCommandBuffer *cb = calloc(total, sizeof *cb);
	if (!cb) return RESULT(VK_ERROR_OUT_OF_HOST_MEMORY, "calloc");
	for (uint32_t i = 0; i < total; i++) cb[i] = HANDLE(VkCommandBuffer, command_buffers[i]);
	VkResult r = VK_SUCCESS;
	for (uint32_t i = 0, at = 0; i < n && r == VK_SUCCESS; at += counts[i++]) {
		VkSubmitInfo info = {.sType = VK_STRUCTURE_TYPE_SUBMIT_INFO, .commandBufferCount = counts[i], .pCommandBuffers = cb + at};
		r = d->QueueSubmit(d->queue, 1, &info, i + 1 == n ? HANDLE(VkFence, fence) : VK_NULL_HANDLE);
	}
	free(cb);
	return RESULT(r, "vkQueueSubmit");
}
