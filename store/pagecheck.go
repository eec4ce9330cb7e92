package store

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"math"
	"math/bits"
	"os"
)

// bbolt maps its file and follows the numbers in it: on a damaged file it
// reads far outside of the mapping, loops, or allocates without bounds, in
// goroutines of its own where nobody can catch it. So before bbolt gets a
// file, the walk below has read all of it with ordinary reads and has checked
// every number that bbolt will follow.
//
// The format, as bbolt 1.x writes it in the machine's byte order, the same for
// all word sizes: a page begins with id u64, flags u16, count u16, overflow
// u32 (how many pages more it has). A leaf has count elements flags u32, pos
// u32, ksize u32, vsize u32, a branch has pos u32, ksize u32, page u64, and pos
// counts from the element. A bucket is a leaf element with flag 1, whose value
// is root u64, sequence u64, and the page itself if root is 0.
const (
	pageHeader   = 16
	pageElement  = 16
	bucketHeader = 16
	metaSize     = 64

	flagBranch   = 0x01
	flagLeaf     = 0x02
	flagMeta     = 0x04
	flagFreelist = 0x10

	boltMagic   = 0xED0CDAED
	boltVersion = 2

	noFreelist  = math.MaxUint64
	maxTreeDeep = 32
)

// boltMeta is what a meta page says.
type boltMeta struct {
	page     uint64 // which page it says it is on
	flags    uint16 // of that page; no checksum is over it either
	pageSize uint32
	root     uint64
	freelist uint64
	pages    uint64 // the high-water mark: pages from here on are not used
	txid     uint64
}

// pageCheck is one walk over a file.
type pageCheck struct {
	f    *os.File
	meta boltMeta
	seen []uint64 // a bit per page that something refers to
}

// checkFile walks over a bbolt file and returns a [DamagedError] for the first
// thing that is wrong, or the error of reading it. torn tells that one of the
// two meta pages is not whole, as when the power was cut while it was written:
// the other is used, and the file should be written anew.
func checkFile(path string) (torn bool, err error) {
	f, err := os.Open(path)
	if err != nil {
		return false, err
	}
	defer f.Close()
	fi, err := f.Stat()
	if err != nil {
		return false, err
	}
	c := &pageCheck{f: f}
	if c.meta, torn, err = readMeta(f, fi.Size()); err == nil {
		err = c.walk(uint64(fi.Size()))
	}
	var pathErr *os.PathError
	if err != nil && !errors.As(err, &pathErr) {
		err = &DamagedError{What: path, Err: err}
	}
	return torn, err
}

// readMeta returns the meta page that bbolt will use: the one of the last
// commit or, if that was cut off, of the one before.
func readMeta(f io.ReaderAt, size int64) (m boltMeta, torn bool, err error) {
	if size < 2*1024 {
		return m, false, fmt.Errorf("it is only %d bytes long", size)
	}
	first, err := metaAt(f, 0)
	if err != nil && !errors.Is(err, errMeta) {
		return m, false, err
	}
	at := int64(pageSize)
	if err == nil {
		at = int64(first.pageSize)
	}
	second, err2 := metaAt(f, at)
	if err2 != nil && !errors.Is(err2, errMeta) {
		return m, false, err2
	}
	torn = first.page != 0 || second.page != 1 || first.flags != flagMeta || second.flags != flagMeta
	switch {
	case err != nil && err2 != nil:
		return m, false, err
	case err2 == nil && int64(second.pageSize) != at:
		return m, false, fmt.Errorf("its meta pages have page sizes %d and %d", first.pageSize, second.pageSize)
	case err != nil:
		return second, true, noMetaAt(f, 1024, 2048) // where bbolt would look first
	case err2 != nil:
		return first, true, nil
	case second.txid > first.txid:
		return second, torn, nil
	}
	return first, torn, nil
}

// noMetaAt makes sure that bbolt, looking for the second meta page without
// knowing the page size, does not take another place for it.
func noMetaAt(f io.ReaderAt, at ...int64) error {
	for _, at := range at {
		if _, err := metaAt(f, at); err == nil {
			return fmt.Errorf("it has a meta page at %d", at)
		}
	}
	return nil
}

var errMeta = errors.New("it has no valid meta page")

func metaAt(f io.ReaderAt, at int64) (boltMeta, error) {
	var buf [pageHeader + metaSize]byte
	if _, err := f.ReadAt(buf[:], at); err != nil {
		if errors.Is(err, io.EOF) {
			return boltMeta{}, errMeta
		}
		return boltMeta{}, err
	}
	b, ne := buf[pageHeader:], binary.NativeEndian
	h := fnv.New64a()
	_, _ = h.Write(b[:metaSize-8])
	m := boltMeta{
		page: ne.Uint64(buf[:]), flags: ne.Uint16(buf[8:]),
		pageSize: ne.Uint32(b[8:]), root: ne.Uint64(b[16:]), freelist: ne.Uint64(b[32:]),
		pages: ne.Uint64(b[40:]), txid: ne.Uint64(b[48:]),
	}
	switch magic := ne.Uint32(b); {
	case bits.ReverseBytes32(magic) == boltMagic:
		return m, fmt.Errorf("%w: it was written by a machine of the other byte order; a snapshot of it can be restored here", errMeta)
	case magic != boltMagic:
		return m, fmt.Errorf("%w: wrong magic number %#x", errMeta, magic)
	case ne.Uint32(b[4:]) != boltVersion:
		return m, fmt.Errorf("%w: unknown format version %d", errMeta, ne.Uint32(b[4:]))
	case ne.Uint64(b[metaSize-8:]) != h.Sum64():
		return m, fmt.Errorf("%w: wrong checksum", errMeta)
	case m.pageSize < 1024 || m.pageSize > 1<<16 || m.pageSize&(m.pageSize-1) != 0:
		return m, fmt.Errorf("page size %d", m.pageSize)
	}
	return m, nil
}

func (c *pageCheck) walk(size uint64) error {
	if c.meta.pages < 4 || c.meta.pages > size/uint64(c.meta.pageSize) {
		return fmt.Errorf("it should have %d pages of %d bytes and is %d bytes long", c.meta.pages, c.meta.pageSize, size)
	}
	c.seen = make([]uint64, c.meta.pages/64+1)
	c.seen[0] = 3 // the meta pages
	if err := c.tree(c.meta.root, nil, nil, 0); err != nil {
		return err
	}
	if err := c.freelist(); err != nil {
		return err
	}
	for p := uint64(0); p < c.meta.pages; p++ {
		if c.seen[p/64]&(1<<(p%64)) == 0 {
			return fmt.Errorf("page %d is neither used nor free", p)
		}
	}
	return nil
}

// take marks a page; nothing else may refer to it.
func (c *pageCheck) take(page uint64) error {
	if page >= c.meta.pages {
		return fmt.Errorf("page %d is behind the end", page)
	}
	if c.seen[page/64]&(1<<(page%64)) != 0 {
		return fmt.Errorf("page %d is used twice", page)
	}
	c.seen[page/64] |= 1 << (page % 64)
	return nil
}

// read returns a page with those that follow it.
func (c *pageCheck) read(page uint64, flags ...uint16) ([]byte, error) {
	if err := c.take(page); err != nil {
		return nil, err
	}
	ne := binary.NativeEndian
	at := int64(page) * int64(c.meta.pageSize)
	var head [pageHeader]byte
	if _, err := c.f.ReadAt(head[:], at); err != nil {
		return nil, err
	}
	if id := ne.Uint64(head[:]); id != page {
		return nil, fmt.Errorf("page %d says that it is page %d", page, id)
	}
	ok := false
	for _, f := range flags {
		ok = ok || ne.Uint16(head[8:]) == f
	}
	if !ok {
		return nil, fmt.Errorf("page %d is of kind %#x", page, ne.Uint16(head[8:]))
	}
	more := uint64(ne.Uint32(head[12:]))
	if more >= c.meta.pages-page {
		return nil, fmt.Errorf("page %d has %d pages more", page, more)
	}
	for i := range more {
		if err := c.take(page + 1 + i); err != nil {
			return nil, err
		}
	}
	buf := make([]byte, (more+1)*uint64(c.meta.pageSize))
	_, err := c.f.ReadAt(buf, at)
	return buf, err
}

// tree checks the tree below a page, whose keys must be at least from and
// below to.
func (c *pageCheck) tree(page uint64, from, to []byte, depth int) error {
	if depth > maxTreeDeep {
		return fmt.Errorf("page %d is %d levels deep", page, depth)
	}
	buf, err := c.read(page, flagBranch, flagLeaf)
	if err != nil {
		return err
	}
	ne := binary.NativeEndian
	if ne.Uint16(buf[8:]) == flagLeaf {
		return c.leaf(page, buf, from, to, depth)
	}
	n := int(ne.Uint16(buf[10:]))
	if n == 0 {
		return fmt.Errorf("page %d leads nowhere", page)
	}
	keys, err := pageKeys(page, buf, n, false)
	if err != nil {
		return err
	}
	if err := inOrder(page, keys, from, to); err != nil {
		return err
	}
	for i, key := range keys {
		end := to
		if i+1 < n {
			end = keys[i+1]
		}
		child := ne.Uint64(buf[pageHeader+i*pageElement+8:])
		if err := c.tree(child, key, end, depth+1); err != nil {
			return err
		}
	}
	return nil
}

// leaf checks a leaf page, in the file or inside a bucket's value, and the
// buckets in it.
func (c *pageCheck) leaf(page uint64, buf, from, to []byte, depth int) error {
	ne := binary.NativeEndian
	n := int(ne.Uint16(buf[10:]))
	keys, err := pageKeys(page, buf, n, true)
	if err != nil {
		return err
	}
	if err := inOrder(page, keys, from, to); err != nil {
		return err
	}
	for i := range keys {
		at := pageHeader + i*pageElement
		switch ne.Uint32(buf[at:]) {
		case 0:
			continue
		case 1:
		default:
			return fmt.Errorf("page %d has an element of kind %#x", page, ne.Uint32(buf[at:]))
		}
		start := at + int(ne.Uint32(buf[at+4:])) + int(ne.Uint32(buf[at+8:]))
		if err := c.bucket(page, buf[start:start+int(ne.Uint32(buf[at+12:]))], depth); err != nil {
			return err
		}
	}
	return nil
}

func (c *pageCheck) bucket(page uint64, value []byte, depth int) error {
	if depth > maxTreeDeep || len(value) < bucketHeader {
		return fmt.Errorf("page %d has a bucket of %d bytes, %d levels deep", page, len(value), depth)
	}
	if root := binary.NativeEndian.Uint64(value); root != 0 {
		return c.tree(root, nil, nil, depth+1)
	}
	inline := value[bucketHeader:]
	if len(inline) < pageHeader || binary.NativeEndian.Uint16(inline[8:]) != flagLeaf {
		return fmt.Errorf("page %d has a bucket in it that is no leaf", page)
	}
	return c.leaf(page, inline, nil, nil, depth+1)
}

// pageKeys returns a page's keys after checking that all elements are inside.
func pageKeys(page uint64, buf []byte, n int, leaf bool) ([][]byte, error) {
	if pageHeader+n*pageElement > len(buf) {
		return nil, fmt.Errorf("page %d cannot have %d elements", page, n)
	}
	ne := binary.NativeEndian
	keys := make([][]byte, n)
	for i := range keys {
		at := pageHeader + i*pageElement
		e := buf[at:]
		pos, ksize, vsize := uint64(ne.Uint32(e)), uint64(ne.Uint32(e[4:])), uint64(0)
		if leaf {
			pos, ksize, vsize = ksize, uint64(ne.Uint32(e[8:])), uint64(ne.Uint32(e[12:]))
		}
		if ksize == 0 || pos < uint64((n-i)*pageElement) || pos+ksize+vsize > uint64(len(e)) {
			return nil, fmt.Errorf("page %d: element %d is not inside", page, i)
		}
		keys[i] = e[pos : pos+ksize]
	}
	return keys, nil
}

func inOrder(page uint64, keys [][]byte, from, to []byte) error {
	for i, k := range keys {
		if i > 0 && bytes.Compare(keys[i-1], k) >= 0 || i == 0 && bytes.Compare(k, from) < 0 ||
			to != nil && bytes.Compare(k, to) >= 0 {
			return fmt.Errorf("page %d: key %d is out of order", page, i)
		}
	}
	return nil
}

// freelist checks the list of pages that are free.
func (c *pageCheck) freelist() error {
	if c.meta.freelist == noFreelist {
		return errors.New("it has no list of free pages")
	}
	buf, err := c.read(c.meta.freelist, flagFreelist)
	if err != nil {
		return err
	}
	ne := binary.NativeEndian
	ids := buf[pageHeader:]
	n := uint64(ne.Uint16(buf[10:]))
	if n == math.MaxUint16 { // the count did not fit and comes first
		n, ids = ne.Uint64(ids), ids[8:]
	}
	if n > uint64(len(ids)/8) {
		return fmt.Errorf("the list of free pages cannot have %d", n)
	}
	last := uint64(0)
	for i := range n {
		id := ne.Uint64(ids[8*i:])
		if id <= last {
			return fmt.Errorf("the list of free pages is out of order at %d", id)
		}
		if err := c.take(id); err != nil {
			return err
		}
		last = id
	}
	return nil
}
