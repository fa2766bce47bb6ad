// The shapes of cooperative matrices (VK_KHR_cooperative_matrix).
#include <stdlib.h>

#include "shim_internal.h"

// marr_matrices writes the shapes M, N, K of products of halves that a subgroup sums in floats, at most 16.
void marr_matrices(VkPhysicalDevice p, PFN_vkGetPhysicalDeviceCooperativeMatrixPropertiesKHR query, marr_info *info) {
	uint32_t n = 0;
	if (!query || query(p, &n, NULL) != VK_SUCCESS || !n) return;
	VkCooperativeMatrixPropertiesKHR *all = calloc(n, sizeof *all);
	if (!all) return;
	for (uint32_t i = 0; i < n; i++) all[i].sType = VK_STRUCTURE_TYPE_COOPERATIVE_MATRIX_PROPERTIES_KHR;
	if (query(p, &n, all) < 0) n = 0;
	const VkComponentTypeKHR half = VK_COMPONENT_TYPE_FLOAT16_KHR, single = VK_COMPONENT_TYPE_FLOAT32_KHR;
	const uint32_t room = sizeof info->matrix / sizeof *info->matrix;
	for (uint32_t i = 0; i < n && info->matrix_count < room; i++) {
		const VkCooperativeMatrixPropertiesKHR *m = all + i;
		if (m->AType != half || m->BType != half || m->CType != single || m->ResultType != single || m->saturatingAccumulation) continue;
		if (m->scope != VK_SCOPE_SUBGROUP_KHR) continue;
		uint32_t *shape = info->matrix[info->matrix_count++];
		shape[0] = m->MSize, shape[1] = m->NSize, shape[2] = m->KSize;
	}
	free(all);
}
