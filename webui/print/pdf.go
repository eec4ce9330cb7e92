package print

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"fmt"
	"io"
	"strconv"
	"unicode/utf16"
)

// pdfFile writes the objects of a PDF one after another and remembers where
// they begin. It is a PDF 1.4, whose parts every reader knows; the same input
// gives the same bytes.
type pdfFile struct {
	to      io.Writer
	b       []byte // not yet passed on
	at      int64  // bytes passed on
	begins  []int64
	z       *zlib.Writer
	squeeze bytes.Buffer
}

func newPDFFile(to io.Writer) *pdfFile {
	f := &pdfFile{to: to}
	// It never fails with a level of its own. The fastest, on a router.
	f.z, _ = zlib.NewWriterLevel(&f.squeeze, zlib.BestSpeed)
	f.raw("%PDF-1.4\n%\xe2\xe3\xcf\xd3\n") // the second line says that it is no text
	return f
}

func (f *pdfFile) raw(s ...string) {
	for _, s := range s {
		f.b = append(f.b, s...)
	}
}

// begin begins an object. Numbers may come in any order.
func (f *pdfFile) begin(number int) {
	for len(f.begins) <= number {
		f.begins = append(f.begins, 0)
	}
	f.begins[number] = f.at + int64(len(f.b))
	f.raw(strconv.Itoa(number), " 0 obj\n")
}

func (f *pdfFile) end() { f.raw("\nendobj\n") }

// object writes a whole object.
func (f *pdfFile) object(number int, s ...string) {
	f.begin(number)
	f.raw(s...)
	f.end()
}

// stream writes an object with data, compressed. dict is what its dictionary
// has besides.
func (f *pdfFile) stream(number int, dict string, write func(io.Writer) error) error {
	f.squeeze.Reset()
	f.z.Reset(&f.squeeze)
	if err := write(f.z); err != nil {
		return err
	}
	if err := f.z.Close(); err != nil {
		return err
	}
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
	f.raw("<< ", dict, " /Length ", strconv.Itoa(n), " >>\nstream\n")
	for _, d := range data {
		f.b = append(f.b, d...)
	}
	f.raw("\nendstream")
	f.end()
}

// finish writes where the objects are.
func (f *pdfFile) finish(root, info int) {
	at := f.at + int64(len(f.b))
	f.raw("xref\n0 ", strconv.Itoa(len(f.begins)), "\n0000000000 65535 f \n")
	for _, b := range f.begins[1:] {
		if b == 0 { // not needed this time
			f.raw("0000000000 65535 f \n")
			continue
		}
		f.b = fmt.Appendf(f.b, "%010d 00000 n \n", b)
	}
	f.b = fmt.Appendf(f.b, "trailer\n<< /Size %d /Root %d 0 R /Info %d 0 R >>\nstartxref\n%d\n%%%%EOF\n", len(f.begins), root, info, at)
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

// appendPoints writes a distance in points, the unit of a PDF's pages.
func appendPoints(b []byte, v length) []byte {
	return appendMM(b, (v*720/127+1)/2) // thousandths
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
