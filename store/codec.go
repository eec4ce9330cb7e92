package store

import (
	"encoding/binary"
	"errors"
	"hash/crc32"
	"time"
)

// Records are lists of fields, each a tag and a value. The tag is the field's
// number and how the value is written: a varint, or a length and bytes. A
// field that has its zero value is left out; one that the reader does not
// know is skipped. Nothing depends on the machine's word size or byte order.
const (
	wireVarint = 0
	wireBytes  = 1
)

// sealSize is the length of the checksum at the end of every record.
const sealSize = 4

var errRecord = errors.New("the record is damaged")

// encoder appends fields to a buffer. Fields are written in ascending order of
// their numbers.
type encoder struct{ b []byte }

func (e *encoder) varint(field int, v uint64) {
	e.b = binary.AppendUvarint(e.b, uint64(field)<<1|wireVarint)
	e.b = binary.AppendUvarint(e.b, v)
}

func (e *encoder) uint(field int, v uint64) {
	if v != 0 {
		e.varint(field, v)
	}
}

func (e *encoder) int(field int, v int64) { e.uint(field, zigzag(v)) }

func (e *encoder) bool(field int, v bool) {
	if v {
		e.varint(field, 1)
	}
}

func (e *encoder) string(field int, s string) {
	if s != "" {
		e.b = binary.AppendUvarint(e.b, uint64(field)<<1|wireBytes)
		e.b = binary.AppendUvarint(e.b, uint64(len(s)))
		e.b = append(e.b, s...)
	}
}

func (e *encoder) bytes(field int, s []byte) {
	if len(s) > 0 {
		e.b = binary.AppendUvarint(e.b, uint64(field)<<1|wireBytes)
		e.b = binary.AppendUvarint(e.b, uint64(len(s)))
		e.b = append(e.b, s...)
	}
}

// time writes a time in microseconds after another, which must be in the
// record before it: most of a record's times are close together, and a small
// number takes fewer bytes. The zero time is left out; the moment 0 is not.
func (e *encoder) time(field int, base, t time.Time) {
	if !t.IsZero() {
		e.varint(field, zigzag(t.UnixMicro()-micros(base)))
	}
}

// span writes a duration: whole seconds in one field, any other in the next.
func (e *encoder) span(field int, d time.Duration) {
	if d%time.Second == 0 {
		e.int(field, int64(d/time.Second))
	} else {
		e.int(field+1, int64(d))
	}
}

func micros(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

func zigzag(v int64) uint64   { return uint64(v)<<1 ^ uint64(v>>63) }
func unzigzag(v uint64) int64 { return int64(v>>1) ^ -int64(v&1) }

// decoder reads fields one by one. It reads from a string so that a record's
// texts can be parts of it instead of copies.
type decoder struct {
	rest  string
	field int
	num   uint64 // the value of a varint
	text  string // the value of a bytes field
	wire  uint64
	err   error
}

// next reads a field; it returns false at the end or on an error.
func (d *decoder) next() bool {
	if d.err != nil || d.rest == "" {
		return false
	}
	tag := d.uvarint()
	if d.err != nil || tag>>1 == 0 || tag>>1 > 1<<20 {
		d.err = errRecord
		return false
	}
	d.field, d.wire = int(tag>>1), tag&1
	n := d.uvarint()
	d.num, d.text = n, ""
	if d.wire == wireBytes && d.err == nil {
		if n > uint64(len(d.rest)) {
			d.err = errRecord
			return false
		}
		d.num, d.text, d.rest = 0, d.rest[:n], d.rest[n:]
	}
	return d.err == nil
}

func (d *decoder) uvarint() uint64 {
	var v uint64
	for i := 0; i < len(d.rest) && i < binary.MaxVarintLen64; i++ {
		c := d.rest[i]
		if i == binary.MaxVarintLen64-1 && c > 1 {
			break // more than 64 bits
		}
		v |= uint64(c&0x7f) << (7 * i)
		if c < 0x80 {
			d.rest = d.rest[i+1:]
			return v
		}
	}
	d.err = errRecord
	return 0
}

func (d *decoder) int() int64 { return unzigzag(d.num) }
func (d *decoder) bool() bool { return d.num != 0 }

func (d *decoder) time(base time.Time) time.Time {
	return time.UnixMicro(d.int() + micros(base)).UTC()
}

// smallInt is an int on every machine, or an error.
func (d *decoder) smallInt() int {
	v := d.int()
	if v != int64(int32(v)) {
		d.err = errRecord
		return 0
	}
	return int(v)
}

func (d *decoder) byte() byte {
	if d.num > 0xff {
		d.err = errRecord
	}
	return byte(d.num)
}

// seal appends a checksum over a record, its bucket and its key: bbolt has
// none, and a flipped bit on worn flash must not become somebody's quota.
func seal(b bucket, key, body []byte) []byte {
	return binary.BigEndian.AppendUint32(body, sum(b, key, body))
}

// unseal checks a record's checksum and returns its body, copied.
func unseal(b bucket, key, value []byte) (string, error) {
	n := len(value) - sealSize
	if n < 0 || binary.BigEndian.Uint32(value[n:]) != sum(b, key, value[:n]) {
		return "", errRecord
	}
	return string(value[:n]), nil
}

func sum(b bucket, key, body []byte) uint32 {
	table := crc32.MakeTable(crc32.Castagnoli) // made once by the package
	c := crc32.Update(uint32(b)<<16|uint32(len(key)), table, key)
	return crc32.Update(c, table, body)
}
