//go:build turbo

package decode

/*
#cgo LDFLAGS: -lturbojpeg
#include <stdio.h>
#include <string.h>
#include <turbojpeg.h>

// header reads the sampling and the colour space; −1 where the library does not know them.
static int header(const unsigned char *file, unsigned long size, int *sampling, int *colours) {
	tjhandle handle = tjInitDecompress();
	if (!handle) return -1;
	int w, h, bad = tjDecompressHeader3(handle, file, size, &w, &h, sampling, colours);
	tjDestroy(handle);
	return bad;
}

// decompress writes the planes of a JPEG file, resized to w×h pixels, one after the other. It returns 0, or −1 with a message. Lost data
// is a warning to the library, an error here; extraneous bytes between segments are harmless.
static int decompress(const unsigned char *file, unsigned long size, unsigned char *planes, int w, int h, char *message, int room) {
	tjhandle handle = tjInitDecompress();
	if (!handle) {
		snprintf(message, room, "%s", tjGetErrorStr2(NULL));
		return -1;
	}
	int bad = tjDecompressToYUV2(handle, file, size, planes, w, 1, h, TJFLAG_LIMITSCANS);
	if (bad) snprintf(message, room, "%s", tjGetErrorStr2(handle));
	if (bad && tjGetErrorCode(handle) == TJERR_WARNING && strstr(message, "extraneous bytes")) bad = 0;
	tjDestroy(handle);
	return bad;
}
*/
import "C"

import (
	"errors"
	"image"
	"strings"
	"unsafe"
)

// Name names the decoders: two builds of the same name return the same pixels for a file.
const Name = "turbo1"

// sampling is how many luma samples a chroma sample covers along y and x, by libjpeg-turbo's TJSAMP.
var sampling = map[C.int][2]int{
	C.TJSAMP_GRAY: {1, 1}, C.TJSAMP_444: {1, 1}, C.TJSAMP_422: {1, 2}, C.TJSAMP_420: {2, 2}, C.TJSAMP_440: {2, 1}, C.TJSAMP_411: {1, 4},
}

// quickJPEG decodes gray and YCbCr files to planes, at a half, a quarter or an eighth of their size where the shorter side stays at least
// side (the library has fast transforms for these); false: the file is of another kind.
func quickJPEG(file []byte, config image.Config, side int) (picture, bool, error) {
	var subsampling, colours C.int
	data, size := (*C.uchar)(unsafe.SliceData(file)), C.ulong(len(file))
	if C.header(data, size, &subsampling, &colours) != 0 || (colours != C.TJCS_YCbCr && colours != C.TJCS_GRAY) {
		return picture{}, false, nil
	}
	step, ok := sampling[subsampling]
	if !ok {
		return picture{}, false, nil
	}
	shrink := 1
	for shrink < 8 && min(config.Height, config.Width) >= 2*shrink*side {
		shrink *= 2
	}
	p := picture{h: config.Height, w: config.Width, c: 1, matrix: full}
	h, w := (p.h+shrink-1)/shrink, (p.w+shrink-1)/shrink
	chroma := grid{h: (h + step[0] - 1) / step[0], w: (w + step[1] - 1) / step[1], dy: shrink * step[0], dx: shrink * step[1], k: 1}
	chroma.stride = chroma.w
	// The luma plane is padded to whole chroma samples.
	p.grids = []grid{{h: h, w: w, dy: shrink, dx: shrink, k: 1, stride: chroma.w * step[1]}}
	sizes := []int{chroma.h * step[0] * chroma.w * step[1]}
	if colours == C.TJCS_YCbCr {
		p.c, p.grids = 3, append(p.grids, chroma, chroma)
		sizes = append(sizes, chroma.h*chroma.w, chroma.h*chroma.w)
	}
	planes, message := make([]byte, C.tjBufSizeYUV2(C.int(w), 1, C.int(h), subsampling)), make([]byte, 256)
	if C.decompress(data, size, (*C.uchar)(&planes[0]), C.int(w), C.int(h), (*C.char)(unsafe.Pointer(&message[0])), C.int(len(message))) != 0 {
		return picture{}, true, problem(message)
	}
	for i, n := range sizes {
		p.grids[i].pix, planes = planes[:n], planes[n:]
	}
	return p, true, nil
}

// problem is the error of a message that ends at a zero byte.
func problem(message []byte) error {
	text, _, _ := strings.Cut(string(message), "\x00")
	if strings.Contains(text, "remature end") {
		return errTruncated
	}
	return errors.New(text)
}
