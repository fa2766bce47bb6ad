//go:build !windows

package vk

/*
#cgo linux LDFLAGS: -ldl
#include <dlfcn.h>
#include <stdlib.h>
*/
import "C"

import (
	"errors"
	"runtime"
	"unsafe"
)

// openLibrary returns the address of vkGetInstanceProcAddr in a library.
func openLibrary(name string) (uint64, error) {
	runtime.LockOSThread() // dlerror tells of the last failure on this thread
	defer runtime.UnlockOSThread()
	file, symbol := C.CString(name), C.CString("vkGetInstanceProcAddr")
	defer C.free(unsafe.Pointer(file))
	defer C.free(unsafe.Pointer(symbol))
	if h := C.dlopen(file, C.RTLD_NOW|C.RTLD_LOCAL); h != nil {
		if entry := C.dlsym(h, symbol); entry != nil {
			return uint64(uintptr(entry)), nil
		}
	}
	return 0, errors.New(C.GoString(C.dlerror()))
}
