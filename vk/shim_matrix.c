// The shapes of cooperative matrices (VK_KHR_cooperative_matrix), whose declarations the headers of Debian 12 (1.3.239) lack.
#include <stdlib.h>

#include "shim_internal.h"

#define MATRIX_PROPERTIES ((VkStructureType)1000506001)
enum { FLOAT16, FLOAT32 };       // VkComponentTypeKHR
enum { SCOPE_SUBGROUP = 3 };     // VkScopeKHR
typedef struct {
	VkStructureType sType;
	void *pNext;
	uint32_t m, n, k;
	uint32_t a, b, c, result;    // VkComponentTypeKHR
	VkBool32 saturating;
	uint32_t scope;              // VkScopeKHR
} matrix_properties;
typedef VkResult(VKAPI_PTR *matrix_query)(VkPhysicalDevice, uint32_t *, matrix_properties *);

// marr_matrices writes the shapes M, N, K of products of halves that a subgroup sums in floats, at most 16.
void marr_matrices(VkPhysicalDevice p, PFN_vkVoidFunction query, marr_info *info) {
	matrix_query f = (matrix_query)query;
	uint32_t n = 0;
	if (!f || f(p, &n, NULL) != VK_SUCCESS || !n) return;
	matrix_properties *all = calloc(n, sizeof *all);
	if (!all) return;
	for (uint32_t i = 0; i < n; i++) all[i].sType = MATRIX_PROPERTIES;
	if (f(p, &n, all) < 0) n = 0;
	const uint32_t room = sizeof info->matrix / sizeof *info->matrix;
	for (uint32_t i = 0; i < n && info->matrix_count < room; i++) {
		const matrix_properties *m = all + i;
		if (m->a != FLOAT16 || m->b != FLOAT16 || m->c != FLOAT32 || m->result != FLOAT32 || m->saturating || m->scope != SCOPE_SUBGROUP) continue;
		uint32_t *shape = info->matrix[info->matrix_count++];
		shape[0] = m->m, shape[1] = m->n, shape[2] = m->k;
	}
	free(all);
}
