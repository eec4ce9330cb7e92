package print

import (
	"bytes"
	"encoding/binary"

	"github.com/vouchsafe/vouchsafe/hotspot"
)

// Bounds of a logo.
const (
	MaxLogo     = 256 << 10 // bytes
	maxLogoSide = 2000      // pixels
)

// Logo is a picture in the form of a PNG or JPEG file. Those are data and
// nothing else, and both browsers and PDF take them as they are. An SVG is a
// document: it can have scripts and load from elsewhere, to clean it needs an
// XML parser, and to draw it in a PDF a renderer; so none is taken.
type Logo struct {
	width, height int
	data          []byte
	png           *png // nil: a JPEG
	gray          bool // of a JPEG
}

// ParseLogo checks a file and looks at what is needed to print it.
func ParseLogo(data []byte) (*Logo, error) {
	if len(data) > MaxLogo {
		return nil, hotspot.Invalid("logo", "has %d bytes, and may have %d: save it smaller", len(data), MaxLogo)
	}
	l := &Logo{data: bytes.Clone(data)}
	var err error
	switch {
	case bytes.HasPrefix(data, []byte(pngSignature)):
		err = l.parsePNG()
	case bytes.HasPrefix(data, []byte("\xff\xd8\xff")):
		err = l.parseJPEG()
	default:
		return nil, hotspot.Invalid("logo", "is neither a PNG nor a JPEG file: save it as PNG")
	}
	if err != nil {
		return nil, err
	}
	return l, nil
}

// Size is the logo's width and height in pixels.
func (l *Logo) Size() (width, height int) { return l.width, l.height }

// Type is the logo's media type, for whoever serves it.
func (l *Logo) Type() string {
	if l.png != nil {
		return "image/png"
	}
	return "image/jpeg"
}

// Data is the file. It must not be changed.
func (l *Logo) Data() []byte { return l.data }

var errLogoCut = hotspot.Invalid("logo", "the file is damaged or cut off: save it again")

// setSize takes the size over, if it is within bounds.
func (l *Logo) setSize(w, h uint32) error {
	if w < 1 || h < 1 || w > maxLogoSide || h > maxLogoSide {
		return hotspot.Invalid("logo", "has %d × %d pixels, and may have %d on a side: save it smaller", w, h, maxLogoSide)
	}
	l.width, l.height = int(w), int(h)
	return nil
}

// parseJPEG finds the frame's header.
func (l *Logo) parseJPEG() error {
	for d := l.data[2:]; len(d) >= 4 && d[0] == 0xff; {
		marker := d[1]
		if marker == 0xff { // filler
			d = d[1:]
			continue
		}
		n := int(binary.BigEndian.Uint16(d[2:]))
		if n < 2 || len(d) < 2+n {
			return errLogoCut
		}
		body := d[4 : 2+n]
		d = d[2+n:]
		switch {
		case marker == 0xda: // a scan before its frame
			return errLogoCut
		case marker < 0xc0 || marker > 0xcf || marker == 0xc4 || marker == 0xc8 || marker == 0xcc:
			continue
		case len(body) < 6:
			return errLogoCut
		case marker > 0xc2 || body[0] != 8 || body[5] != 1 && body[5] != 3:
			return hotspot.Invalid("logo", "is a JPEG of a rare kind: save it as RGB with 8 bits, or as PNG")
		}
		l.gray = body[5] == 1
		return l.setSize(uint32(binary.BigEndian.Uint16(body[3:])), uint32(binary.BigEndian.Uint16(body[1:])))
	}
	return errLogoCut
}
