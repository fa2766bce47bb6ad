package decode

import (
	"bytes"
	"errors"
	"fmt"
	"image"
)

// pnmHeader is the header of a PBM, PGM or PPM file (Netpbm, pnm(5)).
type pnmHeader struct {
	plain bool // numbers in decimal
	bits  bool // PBM: 1 is black
	c     int  // channels
	h, w  int
	most  int // value of white
	size  int // bytes of the header
}

// readPNMHeader reads the letter, width, height and, except for PBM, the maximum, between which comments may stand.
func readPNMHeader(file []byte) (p pnmHeader, err error) {
	if len(file) < 3 || file[0] != 'P' || file[1] < '1' || file[1] > '6' {
		return p, errors.New("bad magic number")
	}
	kind := file[1] - '1'
	p = pnmHeader{plain: kind < 3, bits: kind%3 == 0, c: 1, most: 1}
	if kind%3 == 2 {
		p.c = 3
	}
	numbers := []*int{&p.w, &p.h, &p.most}
	if p.bits {
		numbers = numbers[:2]
	}
	left := file[2:]
	for _, v := range numbers {
		if *v, left, err = pnmNumber(left); err != nil {
			return p, err
		}
	}
	if p.most < 1 || p.most > 65535 {
		return p, fmt.Errorf("a maximum of %d: expected 1 to 65535", p.most)
	}
	if len(left) == 0 {
		return p, errTruncated
	}
	p.size = len(file) - len(left) + 1 // one space ends the header
	return p, nil
}

// pnmNumber reads a decimal number after spaces and comments; the byte after it is not read.
func pnmNumber(b []byte) (v int, left []byte, err error) {
	spaces := 0
	for len(b) > 0 && (b[0] == '#' || isSpace(b[0])) {
		spaces++
		if b[0] == '#' {
			_, b, _ = bytes.Cut(b, []byte("\n"))
			continue
		}
		b = b[1:]
	}
	n := 0
	for ; n < len(b) && n < 10 && '0' <= b[n] && b[n] <= '9'; n++ {
		v = 10*v + int(b[n]-'0')
	}
	switch {
	case len(b) == 0:
		return 0, nil, errTruncated
	case n == 0 || spaces == 0:
		return 0, nil, errors.New("expected a decimal number")
	}
	return v, b[n:], nil
}

func isSpace(b byte) bool { return b == ' ' || '\t' <= b && b <= '\r' }

func configPNM(file []byte) (image.Config, error) {
	p, err := readPNMHeader(file)
	return image.Config{Width: p.w, Height: p.h}, err
}

// pixelsPNM scales the values 0 … most to 0 … 255, rounded.
func pixelsPNM(file []byte, _ int) (picture, error) {
	p, err := readPNMHeader(file)
	if err != nil {
		return picture{}, err
	}
	img := Image{H: p.h, W: p.w, C: p.c, Pix: make([]byte, p.h*p.w*p.c)}
	body, brightest := file[p.size-1:], 0
	for i := range img.Pix {
		var v int
		switch {
		case p.plain && p.bits:
			v, body, err = pnmBit(body)
		case p.plain:
			v, body, err = pnmNumber(body)
		default:
			v, err = p.sample(file[p.size:], i)
		}
		if err != nil {
			return picture{}, err
		}
		brightest = max(brightest, v)
		if p.bits {
			v = 1 - v
		}
		img.Pix[i] = byte((min(max(v, 0), p.most)*255 + p.most/2) / p.most)
	}
	out := pictureOf(img)
	out.dark = p.most == 65535 && 0 < brightest && brightest < 256
	return out, nil
}

// pnmBit reads the next digit 0 or 1 of a plain PBM, which needs no spaces between them.
func pnmBit(b []byte) (v int, left []byte, err error) {
	b = bytes.TrimLeft(b, " \t\n\v\f\r")
	if len(b) == 0 {
		return 0, nil, errTruncated
	}
	if b[0] != '0' && b[0] != '1' {
		return 0, nil, errors.New("expected 0 or 1")
	}
	return int(b[0] - '0'), b[1:], nil
}

// sample returns the value i of a binary file's body.
func (p pnmHeader) sample(body []byte, i int) (int, error) {
	at, two := i, p.most > 255
	switch {
	case p.bits:
		at = i/p.w*((p.w+7)/8) + i%p.w/8
	case two:
		at = 2 * i
	}
	if at >= len(body) || two && at+1 >= len(body) {
		return 0, errTruncated
	}
	switch {
	case p.bits:
		return int(body[at] >> (7 - i%p.w%8) & 1), nil
	case two:
		return int(body[at])<<8 | int(body[at+1]), nil
	}
	return int(body[at]), nil
}
