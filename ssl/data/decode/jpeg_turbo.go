//go:build turbo

package decode

/*
#cgo LDFLAGS: -lturbojpeg
#include <stdio.h>
#include <string.h>
#include <turbojpeg.h>

// file holds the header fields of a file, and the error message of the library.
struct file { int w, h, sampling, colors; char message[200]; };

// header reads the fields; it returns −1 on an error.
static int header(tjhandle handle, const unsigned char *data, unsigned long size, struct file *f) {
	return tjDecompressHeader3(handle, data, size, &f->w, &f->h, &f->sampling, &f->colors);
}

// decompress writes w×h pixels of a format, scaled by the inverse transform. The library warns about lost data, which is an error here;
// extraneous bytes between segments are accepted.
static int decompress(tjhandle handle, const unsigned char *data, unsigned long size, unsigned char *pixels, int w, int h, int format,
                      struct file *f) {
	int bad = tjDecompress2(handle, data, size, pixels, w, 0, h, format, TJFLAG_LIMITSCANS);
	if (bad) snprintf(f->message, sizeof f->message, "%s", tjGetErrorStr2(handle));
	if (bad && tjGetErrorCode(handle) == TJERR_WARNING && strstr(f->message, "extraneous bytes")) return 0;
	return bad;
}
*/
import "C"

import (
	"errors"
	"image"
	"strings"
	"sync"
	"unsafe"
)

// Version names the decoders: builds with the same Version return the same pixels for a file.
const Version = "turbo2"

// turboJPEG decodes gray, YCbCr and RGB files, at a half, a quarter or an eighth of their size if the shorter side stays at least side
// (the library has fast transforms for these factors). It returns false for other files.
func turboJPEG(file []byte, config image.Config, side int) (picture, bool, error) {
	handle := C.tjInitDecompress()
	if handle == nil {
		return picture{}, false, nil
	}
	defer C.tjDestroy(handle)
	var f C.struct_file
	data, size := (*C.uchar)(unsafe.SliceData(file)), C.ulong(len(file))
	if C.header(handle, data, size, &f) != 0 || int(f.h) != config.Height || int(f.w) != config.Width {
		return picture{}, false, nil
	}
	p, format := picture{h: int(f.h), w: int(f.w), c: 3}, C.int(C.TJPF_RGB)
	switch f.colors {
	case C.TJCS_GRAY:
		p.c, format = 1, C.TJPF_GRAY
	case C.TJCS_CMYK, C.TJCS_YCCK:
		return picture{}, false, nil
	}
	shrink := 1
	for shrink < 8 && min(p.h, p.w) >= 2*shrink*side {
		shrink *= 2
	}
	g := grid{h: (p.h + shrink - 1) / shrink, w: (p.w + shrink - 1) / shrink, dy: shrink, dx: shrink, k: p.c}
	buffer := borrow(g.h * g.w * g.k)
	g.stride, g.pix = g.w*g.k, *buffer
	if C.decompress(handle, data, size, (*C.uchar)(unsafe.SliceData(g.pix)), C.int(g.w), C.int(g.h), format, &f) != 0 {
		message := C.GoString(&f.message[0])
		if strings.Contains(message, "remature end") {
			return picture{}, true, errTruncated
		}
		return picture{}, true, errors.New(message)
	}
	p.grids, p.free = []grid{g}, func() { giveBack(buffer) }
	return p, true, nil
}

// buffers holds pixel buffers for reuse: allocating them takes up to a third of the decoding time.
var buffers sync.Pool

// borrow returns n bytes of arbitrary content.
func borrow(n int) *[]byte {
	if b, ok := buffers.Get().(*[]byte); ok && cap(*b) >= n {
		*b = (*b)[:n]
		return b
	}
	b := make([]byte, n)
	return &b
}

// giveBack keeps a buffer for the next file unless it is large: kept buffers are not in the budget.
func giveBack(b *[]byte) {
	if cap(*b) <= 4<<20 {
		buffers.Put(b)
	}
}
