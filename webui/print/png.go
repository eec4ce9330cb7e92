package print

import (
	"bytes"
	"compress/flate"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/vouchsafe/vouchsafe/hotspot"
)

const pngSignature = "\x89PNG\r\n\x1a\n"

// png is what a PDF needs to know of a PNG file. The standard library's
// decoder makes a whole picture of it; this one passes on a row at a time, and
// a file without transparency goes into the PDF as it is.
type png struct {
	depth    byte
	kind     byte     // colour type
	palette  []byte   // mixed with white where it is transparent
	key      []byte   // the transparent colour, two bytes a channel
	parts    [][]byte // the compressed rows
	channels int
}

// The colour types.
const (
	pngGray      = 0
	pngRGB       = 2
	pngPalette   = 3
	pngGrayAlpha = 4
	pngRGBAlpha  = 6
)

// pngChannels are the samples of a pixel by colour type; 0: no such type.
var pngChannels = [...]int{pngGray: 1, pngRGB: 3, pngPalette: 1, pngGrayAlpha: 2, pngRGBAlpha: 4}

func (p *png) alpha() bool { return p.kind == pngGrayAlpha || p.kind == pngRGBAlpha }

// parsePNG walks the chunks, and the rows to their end, so that printing
// cannot fail in the midst of them.
func (l *Logo) parsePNG() error {
	p := &png{}
	l.png = p
	var alphas []byte
	d := l.data[len(pngSignature):]
	for first := true; ; first = false {
		if len(d) < 12 {
			return errLogoCut
		}
		n, kind := binary.BigEndian.Uint32(d), string(d[4:8])
		if uint64(n)+12 > uint64(len(d)) || first != (kind == "IHDR") {
			return errLogoCut
		}
		body := d[8 : 8+n]
		d = d[12+n:]
		switch kind {
		case "IHDR":
			if err := l.pngHeader(body); err != nil {
				return err
			}
		case "PLTE":
			p.palette = bytes.Clone(body)
		case "tRNS":
			alphas = body
		case "IDAT":
			p.parts = append(p.parts, body)
		case "IEND":
			return l.pngEnd(alphas)
		}
	}
}

func (l *Logo) pngHeader(b []byte) error {
	if len(b) != 13 {
		return errLogoCut
	}
	p := l.png
	p.depth, p.kind = b[8], b[9]
	if int(p.kind) < len(pngChannels) {
		p.channels = pngChannels[p.kind]
	}
	small := p.depth == 1 || p.depth == 2 || p.depth == 4
	switch {
	case p.channels == 0 || p.depth != 8 && !(small && p.channels == 1):
		return hotspot.Invalid("logo", "is a PNG of a rare kind: save it with 8 bits a channel")
	case b[12] != 0:
		return hotspot.Invalid("logo", "is an interlaced PNG: save it without interlacing")
	}
	return l.setSize(binary.BigEndian.Uint32(b), binary.BigEndian.Uint32(b[4:]))
}

// pngEnd judges what the chunks had.
func (l *Logo) pngEnd(alphas []byte) error {
	p := l.png
	if len(p.palette)%3 != 0 || len(p.palette) > 3*256 || p.kind == pngPalette && len(p.palette) == 0 {
		return errLogoCut
	}
	switch {
	case p.kind == pngPalette:
		for i, a := range alphas {
			for c := range 3 {
				if at := 3*i + c; at < len(p.palette) {
					p.palette[at] = onWhite(p.palette[at], a)
				}
			}
		}
	case !p.alpha() && len(alphas) == 2*p.channels:
		p.key = alphas
	}
	if err := p.rows(l.width, l.height, func([]byte) error { return nil }); err != nil {
		return errLogoCut
	}
	return nil
}

// onWhite is what is seen of a colour in front of white paper.
func onWhite(c, alpha byte) byte {
	return byte((uint(c)*uint(alpha) + 255*(255-uint(alpha)) + 127) / 255)
}

// rows calls f with every row of samples.
func (p *png) rows(width, height int, f func([]byte) error) error {
	var parts []io.Reader
	for _, b := range p.parts {
		parts = append(parts, bytes.NewReader(b))
	}
	all := io.MultiReader(parts...)
	var head [2]byte // zlib's
	if _, err := io.ReadFull(all, head[:]); err != nil || head[0]&15 != 8 || head[1]&32 != 0 {
		return errLogoCut
	}
	z := flate.NewReader(all)
	n := (width*p.channels*int(p.depth) + 7) / 8
	at := max(p.channels*int(p.depth)/8, 1) // from a byte to its like on the left
	row, above := make([]byte, 1+n), make([]byte, 1+n)
	for range height {
		if _, err := io.ReadFull(z, row); err != nil {
			return fmt.Errorf("PNG: %w", err)
		}
		if err := unfilter(row[0], row[1:], above[1:], at); err != nil {
			return err
		}
		if err := f(row[1:]); err != nil {
			return err
		}
		row, above = above, row
	}
	return nil
}

var errFilter = errors.New("PNG: unknown filter")

// unfilter turns the differences that a row is stored as into samples.
func unfilter(kind byte, row, above []byte, at int) error {
	if kind > 4 {
		return errFilter
	}
	for i := range row {
		var left, corner byte
		if i >= at {
			left, corner = row[i-at], above[i-at]
		}
		switch kind {
		case 1:
			row[i] += left
		case 2:
			row[i] += above[i]
		case 3:
			row[i] += byte((int(left) + int(above[i])) / 2)
		case 4:
			row[i] += paeth(left, above[i], corner)
		}
	}
	return nil
}

// paeth is whichever neighbour is closest to the plane through all three.
func paeth(left, above, corner byte) byte {
	a, b, c := int(left), int(above), int(corner)
	pa, pb, pc := abs(b-c), abs(a-c), abs(a+b-2*c)
	switch {
	case pa <= pb && pa <= pc:
		return left
	case pb <= pc:
		return above
	}
	return corner
}

func abs(n int) int { return max(n, -n) }

// opaque writes the rows of a picture with alpha as they look on white.
func (p *png) opaque(w io.Writer, width, height int) error {
	colours := p.channels - 1
	out := make([]byte, 0, width*colours)
	return p.rows(width, height, func(row []byte) error {
		out = out[:0]
		for i := 0; i+colours < len(row); i += p.channels {
			for c := range colours {
				out = append(out, onWhite(row[i+c], row[i+colours]))
			}
		}
		_, err := w.Write(out)
		return err
	})
}
