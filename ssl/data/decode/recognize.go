package decode

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"
)

// HeadSize is the number of bytes at the beginning of a file by which Refuse and IsImage recognize its format.
const HeadSize = 512

// endings of the files that Decode reads, and of those of other image formats, by the format's name.
var (
	readable = []string{".jpg", ".jpeg", ".jpe", ".jfif", ".mpo", ".png", ".gif", ".bmp", ".webp", ".tif", ".tiff", ".ppm", ".pgm", ".pbm", ".pnm"}
	refused  = map[string][]string{
		"HEIC": {".heic", ".heif", ".hif"}, "AVIF": {".avif", ".avifs"}, "JPEG XL": {".jxl"}, "JPEG 2000": {".jp2", ".j2k", ".j2c", ".jpf", ".jpx"},
		"Photoshop": {".psd", ".psb"}, "GIMP": {".xcf"}, "TGA": {".tga"}, "SVG": {".svg", ".svgz"}, "ICO": {".ico"}, "DirectDraw": {".dds"},
		"OpenEXR": {".exr"}, "Radiance": {".hdr"}, "PAM": {".pam"}, "PFM": {".pfm"}, "QOI": {".qoi"}, "PCX": {".pcx"}, "FITS": {".fits"}, "DICOM": {".dcm"},
		raw: {".cr2", ".cr3", ".crw", ".nef", ".nrw", ".arw", ".sr2", ".srf", ".dng", ".raf", ".orf", ".rw2", ".rwl", ".pef", ".srw", ".3fr", ".iiq",
			".x3f", ".erf", ".kdc", ".dcr", ".mrw"},
	}
)

const raw = "camera RAW"

// signature is the beginning of files of a format that Decode does not read; a '?' in magic matches any byte.
type signature struct{ name, magic string }

// images are other image formats. HEIC, HEIF and AVIF are told apart by the brand of their ftyp box (ISO/IEC 23008-12, AV1 Image File Format).
var images = []signature{
	{"HEIC", "????ftyphe"}, {"HEIF", "????ftypmif1"}, {"HEIF", "????ftypmsf1"}, {"AVIF", "????ftypavi"}, {raw, "????ftypcrx "},
	{"JPEG XL", "\x00\x00\x00\x0cJXL \r\n\x87\n"}, {"JPEG XL", "\xff\x0a"}, {"JPEG 2000", "\x00\x00\x00\x0cjP  \r\n\x87\n"}, {"JPEG 2000", "\xff\x4f\xff\x51"},
	{raw, "II*\x00????CR"}, {raw, "IIRO"}, {raw, "IIRS"}, {raw, "IIU\x00"}, {raw, "FUJIFILMCCD-RAW"}, {raw, "\x00MRM"}, {raw, "FOVb"},
	{"BigTIFF", "II+\x00"}, {"BigTIFF", "MM\x00+"}, {"Photoshop", "8BPS"}, {"GIMP", "gimp xcf"}, {"ICO", "\x00\x00\x01\x00"}, {"DirectDraw", "DDS "},
	{"OpenEXR", "\x76\x2f\x31\x01"}, {"Radiance", "#?RADIANCE"}, {"PAM", "P7\n"}, {"PFM", "PF\n"}, {"PFM", "Pf\n"}, {"QOI", "qoif"}, {"FITS", "SIMPLE  ="},
	{"SVG", "<svg"},
}

// notImages are what stands under an image's name after a failed download, and the reasons to skip it.
var notImages = []signature{
	{"a web page, not an image: download the file again", "<!DOCTYPE"}, {"a web page, not an image: download the file again", "<!doctype"},
	{"a web page, not an image: download the file again", "<html"}, {"a Git LFS pointer, not an image: fetch the files with git lfs pull", "version https://git-lfs"},
	{"a PDF file, not an image: extract its images", "%PDF"}, {"a video, not an image: extract its frames, and give frames:DIR", "????ftyp"},
	{"an AppleDouble file of macOS, not an image: remove it", "\x00\x05\x16\x07"},
}

func (s signature) matches(head []byte) bool { return begins(head, s.magic) }

// begins reports whether a file begins with magic, in which '?' stands for any byte.
func begins(file []byte, magic string) bool {
	if len(file) < len(magic) {
		return false
	}
	for i := range len(magic) {
		if magic[i] != '?' && magic[i] != file[i] {
			return false
		}
	}
	return true
}

// HasImageExtension reports whether a file name has the extension of an image format, in upper or lower case; Decode does not read all.
func HasImageExtension(name string) bool {
	ending := strings.ToLower(path.Ext(name))
	return slices.Contains(readable, ending) || refusedBy(ending) != ""
}

// refusedBy returns the name of a format that Decode does not read, by an extension in lower case; "" if it is not one.
func refusedBy(ending string) string {
	for name, endings := range refused {
		if slices.Contains(endings, ending) {
			return name
		}
	}
	return ""
}

// kind is a word between a dot and the end of a name that says what a file holds.
var kind = regexp.MustCompile(`\.[A-Za-z0-9_+-]*[A-Za-z][A-Za-z0-9_+-]*$`)

// HasExtension reports whether a file name has an extension: a dot and a word with a letter. "photo", "photo.jpg.1" and "photo.jpg?w=300",
// names that downloads get, have none.
func HasExtension(name string) bool { return kind.MatchString(name) }

// IsImage reports whether the beginning of a file (HeadSize bytes, or all) is that of an image, which Decode may not read.
func IsImage(head []byte) bool {
	for _, s := range images {
		if len(s.magic) > 3 && s.matches(head) {
			return true
		}
	}
	i := formatOf(head)
	if i < 0 {
		return false
	}
	switch formats[i].name {
	case "JPEG": // these formats have magic numbers so short that text may begin with them
		return begins(head, "\xff\xd8\xff")
	case "BMP":
		return len(head) >= 18 && slices.Contains([]uint32{12, 40, 52, 56, 64, 108, 124}, binary.LittleEndian.Uint32(head[14:]))
	case "PNM":
		_, err := readPNMHeader(head)
		return err == nil
	}
	return true
}

// Refuse returns the reason not to decode a file, by its name and its beginning (HeadSize bytes, or all): a format that Decode does not read.
// Camera RAW is recognized by the name too, since many such files are TIFF files of a thumbnail.
func Refuse(name string, head []byte) error {
	byName := refusedBy(strings.ToLower(path.Ext(name)))
	if byName == raw {
		return unsupported(raw)
	}
	if err := refuseContent(head); err != nil {
		return err
	}
	if byName != "" && len(head) > 0 && formatOf(head) < 0 {
		return unsupported(byName)
	}
	return nil
}

// refuseContent is Refuse for a file without a name.
func refuseContent(head []byte) error {
	for _, s := range images {
		if s.matches(head) {
			return unsupported(s.name)
		}
	}
	for _, s := range notImages {
		if s.matches(bytes.TrimLeft(head, " \t\r\n")) {
			return errors.New("decode: " + s.name)
		}
	}
	return nil
}

func unsupported(name string) error {
	return fmt.Errorf("decode: the format %s is not supported: convert the file to JPEG or PNG", name)
}

// formatOf returns the index of a file's format; −1 if Decode does not know it.
func formatOf(head []byte) int {
	return slices.IndexFunc(formats, func(f format) bool { return begins(head, f.magic) })
}
