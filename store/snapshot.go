package store

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"io"
	"math"
	"time"
)

// A snapshot is all records of a store at one moment, in a form that any
// machine can read: a gzip stream of
//
//	"vouchsafe snapshot\n"
//	format version, uvarint
//	header: length, then fields: 1 schema version, 2 time in microseconds
//	records: bucket number, key length, key, value length, value; in ascending
//	  order of bucket and key; values sealed as they are in the store
//	0, then the counts: length, then per bucket a field with the bucket's number
//	SHA-256 of all of the above
//
// Lengths are uvarints. Indexes are not in it; they are built when it is
// restored.
const (
	snapshotMagic  = "vouchsafe snapshot\n"
	snapshotFormat = 1
	maxHeader      = 1 << 10
	// maxSnapshot bounds what a snapshot unpacks to.
	maxSnapshot = 1 << 30
)

// SnapshotInfo tells what is in a snapshot.
type SnapshotInfo struct {
	Schema  uint64
	Created time.Time
	Records map[string]uint64 // per kind
	Bytes   uint64            // unpacked
}

// writeSnapshot writes a snapshot of what r reads. stop can end it early by an
// error.
func writeSnapshot(out io.Writer, r reader, now time.Time, stop func() error) error {
	schema, err := schemaOf(r)
	if err != nil {
		return err
	}
	gz := gzip.NewWriter(out)
	h := sha256.New()
	buffered := bufio.NewWriterSize(io.MultiWriter(gz, h), 16<<10)
	w := snapshotWriter{w: buffered}
	w.bytes([]byte(snapshotMagic))
	w.uvarint(snapshotFormat)
	var head encoder
	head.uint(1, schema)
	head.time(2, time.Time{}, now)
	w.block(head.b)
	var counts encoder
	for _, b := range recordBuckets() {
		n, err := w.bucket(b, r, stop)
		if err != nil {
			return err
		}
		counts.uint(int(b), n)
	}
	w.bytes([]byte{0})
	w.block(counts.b)
	if err := buffered.Flush(); err != nil {
		return err
	}
	if _, err := gz.Write(h.Sum(nil)); err != nil {
		return err
	}
	return gz.Close()
}

// snapshotWriter writes the parts of a snapshot. Errors stay in the
// bufio.Writer until it is flushed.
type snapshotWriter struct{ w *bufio.Writer }

func (s snapshotWriter) bytes(b []byte) { _, _ = s.w.Write(b) }

func (s snapshotWriter) uvarint(v uint64) {
	var b [binary.MaxVarintLen64]byte
	s.bytes(b[:binary.PutUvarint(b[:], v)])
}

func (s snapshotWriter) block(b []byte) {
	s.uvarint(uint64(len(b)))
	s.bytes(b)
}

func (s snapshotWriter) bucket(b bucket, r reader, stop func() error) (n uint64, err error) {
	c := r.cursor(b)
	k, v, err := c.first()
	for ; k != nil && err == nil; k, v, err = c.next() {
		if n%256 == 0 {
			if err := stop(); err != nil {
				return n, err
			}
		}
		if _, err := bodyOf(b, k, v); err != nil {
			return n, err // a damaged store makes no snapshot
		}
		n++
		s.bytes([]byte{byte(b)})
		s.block(k)
		s.block(v)
		if _, err := s.w.Write(nil); err != nil {
			return n, err // the disk is full: no need to go on
		}
	}
	return n, err
}

// snapshotReader reads the parts of a snapshot, hashes and bounds them.
type snapshotReader struct {
	r    *bufio.Reader
	h    hash.Hash
	left uint64 // bytes that may still come
	err  error
}

func (s *snapshotReader) fail(err error) {
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	if s.err == nil {
		s.err = &SnapshotError{err}
	}
}

// bytes reads n bytes, of which at most limit are allowed.
func (s *snapshotReader) bytes(n, limit uint64) []byte {
	if s.err != nil {
		return nil
	}
	if n > limit || n > s.left {
		s.fail(fmt.Errorf("a part of %d bytes is too large", n))
		return nil
	}
	s.left -= n
	b := make([]byte, n) // limit is small
	if _, err := io.ReadFull(s.r, b); err != nil {
		s.fail(err)
		return nil
	}
	_, _ = s.h.Write(b)
	return b
}

func (s *snapshotReader) byte() byte {
	if b := s.bytes(1, 1); len(b) == 1 {
		return b[0]
	}
	return 0
}

func (s *snapshotReader) uvarint() uint64 {
	var b [binary.MaxVarintLen64]byte
	for i := range b {
		c := s.byte()
		if s.err != nil {
			return 0
		}
		b[i] = c
		if c < 0x80 {
			v, n := binary.Uvarint(b[:i+1])
			if n > 0 {
				return v
			}
			break
		}
	}
	s.fail(errors.New("a number is too large"))
	return 0
}

func (s *snapshotReader) block(limit uint64) []byte { return s.bytes(s.uvarint(), limit) }

// readSnapshot reads a snapshot and calls f for each record, with slices that
// f may keep. Nothing that f was told is certain until readSnapshot returns
// without error. known is the newest schema version that the caller can use.
func readSnapshot(in io.Reader, known uint64, f func(b bucket, key, value []byte) error) (SnapshotInfo, error) {
	under := bufio.NewReader(in)
	gz, err := gzip.NewReader(under)
	if err != nil {
		return SnapshotInfo{}, badSnapshot("it is not compressed as a snapshot is: %w", err)
	}
	gz.Multistream(false)
	s := &snapshotReader{r: bufio.NewReader(gz), h: sha256.New(), left: maxSnapshot}
	info, err := s.header(known)
	if err != nil {
		return info, err
	}
	if err := s.records(&info, f); err != nil {
		return info, err
	}
	if err := s.trailer(&info); err != nil {
		return info, err
	}
	if _, err := under.ReadByte(); !errors.Is(err, io.EOF) {
		return info, badSnapshot("something follows it")
	}
	info.Bytes = maxSnapshot - s.left
	return info, nil
}

func (s *snapshotReader) header(known uint64) (SnapshotInfo, error) {
	info := SnapshotInfo{Records: map[string]uint64{}}
	if magic := s.bytes(uint64(len(snapshotMagic)), math.MaxUint64); s.err == nil && string(magic) != snapshotMagic {
		return info, badSnapshot("it does not begin as a snapshot does")
	}
	if format := s.uvarint(); s.err == nil && format > snapshotFormat {
		return info, &NewerSchemaError{What: "the snapshot's format", Found: format, Known: snapshotFormat}
	}
	d := decoder{rest: string(s.block(maxHeader))}
	for d.next() {
		switch d.field {
		case 1:
			info.Schema = d.num
		case 2:
			info.Created = d.time(time.Time{})
		}
	}
	switch {
	case s.err != nil:
		return info, s.err
	case d.err != nil || info.Schema == 0:
		return info, badSnapshot("its header is damaged")
	case info.Schema > known:
		return info, &NewerSchemaError{What: "the snapshot", Found: info.Schema, Known: known}
	}
	return info, nil
}

func (s *snapshotReader) records(info *SnapshotInfo, f func(b bucket, key, value []byte) error) error {
	var last bucket
	var lastKey []byte
	for {
		b := bucket(s.byte())
		if s.err != nil || b == 0 {
			return s.err
		}
		key := s.block(maxKey)
		value := s.block(maxValue + sealSize)
		switch {
		case s.err != nil:
			return s.err
		case b >= bktIndexes || b.String() == "":
			return badSnapshot("it has records of a kind %d that is not known", b)
		case len(key) == 0 || b < last || b == last && bytes.Compare(key, lastKey) <= 0:
			return badSnapshot("record %x of %s is out of order", key, b)
		}
		if _, err := unseal(b, key, value); err != nil {
			return badSnapshot("record %x of %s: %w", key, b, err)
		}
		last, lastKey = b, key
		info.Records[b.String()]++
		if err := f(b, key, value); err != nil {
			return err
		}
	}
}

func (s *snapshotReader) trailer(info *SnapshotInfo) error {
	d := decoder{rest: string(s.block(maxHeader))}
	counts := map[string]uint64{}
	for d.next() {
		if d.field < int(bktIndexes) {
			counts[bucket(d.field).String()] = d.num
		}
	}
	if s.err == nil && d.err != nil {
		return badSnapshot("its counts are damaged")
	}
	for name := range info.Records {
		counts[name] -= info.Records[name]
	}
	for _, n := range counts {
		if n != 0 && s.err == nil {
			return badSnapshot("it has not as many records as it says")
		}
	}
	want := s.h.Sum(nil)
	if got := s.bytes(sha256.Size, sha256.Size); s.err == nil && !bytes.Equal(got, want) {
		return badSnapshot("its checksum is wrong")
	}
	if s.err != nil {
		return s.err
	}
	if _, err := s.r.ReadByte(); !errors.Is(err, io.EOF) { // also checks gzip's own sum
		return badSnapshot("it does not end where it should")
	}
	return nil
}
