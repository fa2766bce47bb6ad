package decode

import (
	"bytes"
	"encoding/binary"
	"errors"

	"golang.org/x/image/webp"
)

// pixelsWebP returns the image of a WebP file, or the first frame of an animation on its canvas, black elsewhere.
func pixelsWebP(file []byte, _ int) (picture, error) {
	if n := uint64(binary.LittleEndian.Uint32(file[4:])); n+8 > uint64(len(file)) { // the decoder allocates as many bytes as a chunk claims
		return picture{}, errTruncated
	}
	if len(file) < 30 || string(file[12:16]) != "VP8X" || file[20]&2 == 0 {
		return stillWebP(file)
	}
	frame, top, left, err := firstFrame(file[12:])
	if err != nil {
		return picture{}, err
	}
	size, err := webp.DecodeConfig(bytes.NewReader(file))
	if err != nil {
		return picture{}, err
	}
	own, err := webp.DecodeConfig(bytes.NewReader(frame))
	if err != nil {
		return picture{}, err
	}
	if top+own.Height > size.Height || left+own.Width > size.Width { // before pixels are allocated
		return picture{}, errors.New("its first frame is larger than its canvas")
	}
	p, err := stillWebP(frame)
	if err != nil || p.h == size.Height && p.w == size.Width {
		return p, err
	}
	return p.placed(top, left, size.Height, size.Width), nil
}

func stillWebP(file []byte) (picture, error) {
	img, err := webp.Decode(bytes.NewReader(file))
	if err != nil {
		return picture{}, err
	}
	p := newPicture(img)
	p.matrix = studio
	return p, nil
}

// placed returns p at a place of a canvas of h×w black pixels.
func (p picture) placed(top, left, h, w int) picture {
	frame := p.resize(box{h: p.h, w: p.w}, p.h, p.w)
	canvas := Image{H: h, W: w, C: p.c, Pix: make([]byte, h*w*p.c)}
	for y := range frame.H {
		copy(canvas.Pix[((top+y)*w+left)*p.c:], frame.Pix[y*frame.W*p.c:][:frame.W*p.c])
	}
	return pictureOf(canvas)
}

// firstFrame returns the first frame of an animation as a file of its own, and its place on the canvas; chunks are those of the animation.
// Source: WebP Container Specification, ANMF chunk.
func firstFrame(chunks []byte) (file []byte, top, left int, err error) {
	for {
		name, body, left, err := nextChunk(chunks)
		if err != nil {
			return nil, 0, 0, err
		}
		chunks = left
		if name != "ANMF" {
			continue
		}
		if len(body) < 16 {
			return nil, 0, 0, errTruncated
		}
		number := func(at int) int { return int(body[at]) | int(body[at+1])<<8 | int(body[at+2])<<16 }
		file, err := stillFile(body[16:], body[6:12])
		return file, 2 * number(3), 2 * number(0), err
	}
}

// stillFile returns a WebP file of a frame's chunks; size is its width − 1 and height − 1, of three bytes each. Only a frame with a
// separate alpha channel needs the extended header.
func stillFile(chunks, size []byte) ([]byte, error) {
	var body []byte
	for len(chunks) > 0 {
		name, data, left, err := nextChunk(chunks)
		if err != nil {
			return nil, err
		}
		chunk := append(binary.LittleEndian.AppendUint32([]byte(name), uint32(len(data))), data...)
		if len(chunk)%2 == 1 {
			chunk = append(chunk, 0)
		}
		switch name {
		case "ALPH":
			body = append([]byte("VP8X\x0a\x00\x00\x00\x10\x00\x00\x00"), size...)
			body = append(body, chunk...)
		case "VP8 ", "VP8L":
			body = append(body, chunk...)
			head := binary.LittleEndian.AppendUint32([]byte("RIFF"), uint32(4+len(body)))
			return append(append(head, "WEBP"...), body...), nil
		}
		chunks = left
	}
	return nil, errTruncated
}

// nextChunk splits the first chunk off.
func nextChunk(b []byte) (name string, body, left []byte, err error) {
	if len(b) < 8 {
		return "", nil, nil, errTruncated
	}
	n := uint64(binary.LittleEndian.Uint32(b[4:]))
	if n > uint64(len(b)-8) {
		return "", nil, nil, errTruncated
	}
	return string(b[:4]), b[8 : 8+n], b[min(8+n+n%2, uint64(len(b))):], nil
}
