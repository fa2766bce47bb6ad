package ranks

import (
	"syscall"
	"unsafe"
)

const (
	hugePage     = 2 << 20
	madvCollapse = 25 // of Linux 6.1
)

// useHugePages asks the kernel to back b with huge pages, now if it can. MPI moves large messages between processes of a machine with a system call
// that visits every page: with pages of 4 KiB it takes twice as long as a memory copy.
func useHugePages(b []byte) {
	if len(b) < 2*hugePage {
		return
	}
	begin := int(-uintptr(unsafe.Pointer(&b[0])) % hugePage)
	b = b[begin : begin+(len(b)-begin)/hugePage*hugePage]
	syscall.Madvise(b, syscall.MADV_HUGEPAGE) // a kernel or a memory that has none refuses: only speed is lost
	syscall.Madvise(b, madvCollapse)
}
