// vulkan-go refers to vkGetInstanceProcAddr on macOS so that programs link MoltenVK. Defined here, it leaves no need for that library before
// loader_darwin.go opens it or the loader.
#include "shim_internal.h"

PFN_vkGetInstanceProcAddr vkGetInstanceProcAddr;
