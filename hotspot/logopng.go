package hotspot

import (
	"bytes"
	"compress/flate"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
)

const pngSignature = "\x89PNG\r\n\x1a\n"

// LogoPNG is what a PDF needs to know of a PNG file. The standard library's
// decoder makes a whole picture of it; this one passes on a row at a time, and
// a file without transparency goes into the PDF as it is.
type LogoPNG struct {
	Depth    byte     // bits of a sample
	Channels int      // samples of a pixel
	Alpha    bool     // the last sample of a pixel is its opacity
	Palette  []byte   // mixed with white where it is transparent; nil: none
	Key      []byte   // the transparent colour, two bytes a channel; nil: none
	Parts    [][]byte // the compressed rows
	kind     byte     // colour type
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

// parsePNG walks the chunks, copies those that are needed, and reads the rows to
// their end, so that printing cannot fail in the midst of them.
func (l *Logo) parsePNG(d []byte) error {
	p := &LogoPNG{}
	l.Type, l.PNG = "image/png", p
	out := append(make([]byte, 0, len(d)), pngSignature...) // Parts are of it: it never grows
	var alphas []byte
	d = d[len(pngSignature):]
	for first := true; ; first = false {
		if len(d) < 12 {
			return errLogoCut()
		}
		n, kind := binary.BigEndian.Uint32(d), string(d[4:8])
		if uint64(n)+12 > uint64(len(d)) || first != (kind == "IHDR") {
			return errLogoCut()
		}
		chunk := d[:12+n]
		d = d[12+n:]
		switch kind {
		case "IHDR", "PLTE", "tRNS", "IDAT", "IEND":
		default:
			continue // browsers and printers can do without
		}
		if crc32.ChecksumIEEE(chunk[4:8+n]) != binary.BigEndian.Uint32(chunk[8+n:]) {
			return errLogoCut()
		}
		out = append(out, chunk...)
		body := out[len(out)-int(n)-4 : len(out)-4]
		switch kind {
		case "IHDR":
			if err := l.pngHeader(body); err != nil {
				return err
			}
		case "PLTE":
			p.Palette = bytes.Clone(body)
		case "tRNS":
			alphas = body
		case "IDAT":
			p.Parts = append(p.Parts, body)
		case "IEND":
			l.Data = out
			return l.pngEnd(alphas)
		}
	}
}

func (l *Logo) pngHeader(b []byte) error {
	if len(b) != 13 {
		return errLogoCut()
	}
	p := l.PNG
	p.Depth, p.kind = b[8], b[9]
	if int(p.kind) < len(pngChannels) {
		p.Channels = pngChannels[p.kind]
	}
	p.Alpha = p.kind == pngGrayAlpha || p.kind == pngRGBAlpha
	l.Gray = p.kind == pngGray || p.kind == pngGrayAlpha
	small := p.Depth == 1 || p.Depth == 2 || p.Depth == 4
	switch {
	case p.Channels == 0 || p.Depth != 8 && !(small && p.Channels == 1):
		return Invalid("logo", "the file is a PNG of a rare kind: save it with 8 bits a channel")
	case b[12] != 0:
		return Invalid("logo", "the file is an interlaced PNG: save it without interlacing")
	}
	return l.setSize(binary.BigEndian.Uint32(b), binary.BigEndian.Uint32(b[4:]))
}

// pngEnd judges what the chunks had.
func (l *Logo) pngEnd(alphas []byte) error {
	p := l.PNG
	if len(p.Palette)%3 != 0 || len(p.Palette) > 3*256 || p.kind == pngPalette && len(p.Palette) == 0 {
		return errLogoCut()
	}
	if p.kind != pngPalette {
		p.Palette = nil // a hint to screens of few colours
	}
	switch {
	case p.kind == pngPalette:
		for i, a := range alphas {
			for c := range 3 {
				if at := 3*i + c; at < len(p.Palette) {
					p.Palette[at] = onWhite(p.Palette[at], a)
				}
			}
		}
	case !p.Alpha && len(alphas) == 2*p.Channels:
		p.Key = alphas
	}
	if err := l.rows(func([]byte) error { return nil }); err != nil {
		return errLogoCut()
	}
	return nil
}

// onWhite is what is seen of a colour in front of white paper.
func onWhite(c, alpha byte) byte {
	return byte((uint(c)*uint(alpha) + 255*(255-uint(alpha)) + 127) / 255)
}

// rows calls f with every row of samples.
func (l *Logo) rows(f func([]byte) error) error {
	p := l.PNG
	var parts []io.Reader
	for _, b := range p.Parts {
		parts = append(parts, bytes.NewReader(b))
	}
	all := io.MultiReader(parts...)
	var head [2]byte // zlib's
	if _, err := io.ReadFull(all, head[:]); err != nil || head[0]&15 != 8 || head[1]&32 != 0 {
		return errLogoCut()
	}
	z := flate.NewReader(all)
	n := (l.Width*p.Channels*int(p.Depth) + 7) / 8
	at := max(p.Channels*int(p.Depth)/8, 1) // from a byte to its like on the left
	row, above := make([]byte, 1+n), make([]byte, 1+n)
	for range l.Height {
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

// Opaque writes the rows of a PNG with alpha as they look on white.
func (l *Logo) Opaque(w io.Writer) error {
	channels := l.PNG.Channels
	colours := channels - 1
	out := make([]byte, 0, l.Width*colours)
	return l.rows(func(row []byte) error {
		out = out[:0]
		for i := 0; i+colours < len(row); i += channels {
			for c := range colours {
				out = append(out, onWhite(row[i+c], row[i+colours]))
			}
		}
		_, err := w.Write(out)
		return err
	})
}
