package hotspot

import (
	"bytes"
	"encoding/binary"
)

// The markers of a JPEG that matter here.
const (
	jpegAPP0  = 0xe0 // resolution
	jpegAPP14 = 0xee // how colours are stored
	jpegAPP15 = 0xef
	jpegEnd   = 0xd9
	jpegScan  = 0xda
	jpegNote  = 0xfe
)

// parseJPEG finds the frame's header, and copies what is needed to decode the
// picture.
func (l *Logo) parseJPEG(d []byte) error {
	l.Type = "image/jpeg"
	out := append(make([]byte, 0, len(d)), d[:2]...)
	scans := 0
	for d = d[2:]; len(d) >= 2 && d[0] == 0xff; {
		marker := d[1]
		switch marker {
		case 0xff: // filler
			d = d[1:]
			continue
		case jpegEnd:
			if scans == 0 || l.Width == 0 {
				return errLogoCut()
			}
			l.Data = append(out, d[:2]...)
			return nil
		}
		if len(d) < 4 {
			break
		}
		n := 2 + int(binary.BigEndian.Uint16(d[2:]))
		if n < 4 || len(d) < n {
			return errLogoCut()
		}
		if err := l.jpegSegment(marker, d[4:n]); err != nil {
			return err
		}
		if marker == jpegScan {
			if l.Width == 0 { // before its frame
				return errLogoCut()
			}
			scans++
			n += scanned(d[n:])
		}
		if marker < jpegAPP0 || marker == jpegAPP0 || marker == jpegAPP14 || marker > jpegAPP15 && marker != jpegNote {
			out = append(out, d[:n]...)
		}
		d = d[n:]
	}
	return errLogoCut()
}

// jpegSegment looks at a frame's header; other segments tell nothing here.
func (l *Logo) jpegSegment(marker byte, body []byte) error {
	switch {
	case marker < 0xc0 || marker > 0xcf || marker == 0xc4 || marker == 0xc8 || marker == 0xcc:
		return nil
	case len(body) < 6 || l.Width != 0:
		return errLogoCut()
	case marker > 0xc2 || body[0] != 8 || body[5] != 1 && body[5] != 3:
		return Invalid("logo", "the file is a JPEG of a rare kind: save it as RGB with 8 bits, or as PNG")
	}
	l.Gray = body[5] == 1
	return l.setSize(uint32(binary.BigEndian.Uint16(body[3:])), uint32(binary.BigEndian.Uint16(body[1:])))
}

// scanned is how long the samples of a scan are, which end at a marker that is
// not one of their own.
func scanned(d []byte) int {
	at := 0
	for {
		i := bytes.IndexByte(d[at:], 0xff)
		if i < 0 || at+i+1 >= len(d) {
			return len(d)
		}
		at += i
		if next := d[at+1]; next != 0 && next != 0xff && (next < 0xd0 || next > 0xd7) {
			return at
		}
		at++
	}
}
