package print

import (
	"bytes"
	"compress/flate"
	"encoding/binary"
	"fmt"
	"io"
	"unicode/utf16"
)

// pdfFile writes the objects of a PDF one after another and remembers where
// they begin. It is a PDF 1.4, whose parts every reader knows; the same input
// gives the same bytes.
type pdfFile struct {
	output  // not yet passed on
	to      io.Writer
	at      int64 // bytes passed on
	begins  []int64
	z       *flate.Writer
	squeeze bytes.Buffer
}

func newPDFFile(to io.Writer) *pdfFile {
	f := &pdfFile{to: to}
	// It never fails with a level of its own. The fastest, on a router.
	f.z, _ = flate.NewWriter(&f.squeeze, flate.BestSpeed)
	f.raw("%PDF-1.4\n%\xe2\xe3\xcf\xd3\n") // the second line says that it is no text
	return f
}

// begin begins an object. Numbers may come in any order.
func (f *pdfFile) begin(number int) {
	for len(f.begins) <= number {
		f.begins = append(f.begins, 0)
	}
	f.begins[number] = f.at + int64(len(f.b))
	f.put("# 0 obj\n", length(number))
}

func (f *pdfFile) end() { f.raw("\nendobj\n") }

// object writes a whole object; see put.
func (f *pdfFile) object(number int, pattern string, values ...length) {
	f.begin(number)
	f.put(pattern, values...)
	f.end()
}

// stream writes an object with data, compressed. dict is what its dictionary
// has besides.
func (f *pdfFile) stream(number int, dict string, data []byte) error {
	return f.streamFrom(number, dict, func(w io.Writer) error {
		_, err := w.Write(data)
		return err
	})
}

// streamFrom is stream for data that come bit by bit.
func (f *pdfFile) streamFrom(number int, dict string, write func(io.Writer) error) error {
	f.squeeze.Reset()
	f.squeeze.WriteString("\x78\x01") // zlib's header: deflate, quickly made
	f.z.Reset(&f.squeeze)
	sum := adler{a: 1}
	if err := write(io.MultiWriter(f.z, &sum)); err != nil {
		return err
	}
	if err := f.z.Close(); err != nil {
		return err
	}
	f.squeeze.Write(sum.bytes())
	f.stored(number, dict+" /Filter /FlateDecode", f.squeeze.Bytes())
	return nil
}

// stored writes an object with data that are as its dictionary says.
func (f *pdfFile) stored(number int, dict string, data ...[]byte) {
	n := 0
	for _, d := range data {
		n += len(d)
	}
	f.begin(number)
	f.raw("<< ")
	f.raw(dict)
	f.put(" /Length # >>\nstream\n", length(n))
	for _, d := range data {
		f.b = append(f.b, d...)
	}
	f.raw("\nendstream")
	f.end()
}

// finish writes where the objects are.
func (f *pdfFile) finish(root, info int) {
	at := f.at + int64(len(f.b))
	f.put("xref\n0 #\n0000000000 65535 f \n", length(len(f.begins)))
	for _, b := range f.begins[1:] {
		if b == 0 { // not needed this time
			f.raw("0000000000 65535 f \n")
			continue
		}
		f.b = fmt.Appendf(f.b, "%010d 00000 n \n", b)
	}
	f.put("trailer\n<< /Size # /Root # 0 R /Info # 0 R >>\nstartxref\n#\n%%EOF\n", length(len(f.begins)), length(root), length(info), length(at))
}

// flush passes on what was written.
func (f *pdfFile) flush() error {
	n, err := f.to.Write(f.b)
	f.at += int64(n)
	f.b = f.b[:0]
	if err != nil {
		return fmt.Errorf("write the PDF: %w", err)
	}
	return nil
}

// appendString writes a text in WinAnsiEncoding. Characters that it does not
// have are question marks; see lettersFor.
func appendString(b []byte, s string) []byte {
	b = append(b, '(')
	for _, r := range s {
		c, ok := winAnsi(r)
		switch {
		case isIsolate(r):
			continue
		case !ok:
			c = '?'
		case c == '(' || c == ')' || c == '\\':
			b = append(b, '\\')
		}
		b = append(b, c)
	}
	return append(b, ')')
}

// isIsolate: marks of direction have no letter of their own.
func isIsolate(r rune) bool { return r >= 0x2066 && r <= 0x2069 }

// unicodeString is a text of the file's description, in hexadecimal UTF-16.
func unicodeString(s string) string {
	b := []byte{0xfe, 0xff}
	for _, u := range utf16.Encode([]rune(s)) {
		b = binary.BigEndian.AppendUint16(b, u)
	}
	return fmt.Sprintf("<%X>", b)
}

// adler is zlib's checksum. The standard library's package for zlib would take
// seven kilobytes beside the deflate that is there for snapshots.
type adler struct{ a, b uint32 }

// Write adds to the sum.
func (s *adler) Write(p []byte) (int, error) {
	const prime = 65521
	for i, c := range p {
		s.a += uint32(c)
		s.b += s.a
		if i%4096 == 4095 { // well before they overflow
			s.a, s.b = s.a%prime, s.b%prime
		}
	}
	s.a, s.b = s.a%prime, s.b%prime
	return len(p), nil
}

func (s *adler) bytes() []byte { return binary.BigEndian.AppendUint32(nil, s.b<<16|s.a) }
