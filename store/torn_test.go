package store

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
)

// sector is what a disk writes as a whole or not at all.
const sector = 512

// commitStates are a store's file before and after one commit.
type commitStates struct {
	before, after         []byte
	dumpBefore, dumpAfter string
}

// commits runs random transactions and returns what each did to the file. All
// that a commit writes is on the disk when it returns.
func commits(t *testing.T, seed uint64, n int) []commitStates {
	t.Helper()
	opts, _ := options(t.TempDir())
	db := open(t, opts)
	r := rand.New(rand.NewPCG(seed, 0))
	var out []commitStates
	last, lastDump := read(t, opts.Path), dump(t, db)
	for i := range n {
		put(t, db, step(r.Uint64(), false))
		if i%8 == 7 { // many pages at once: the file grows, the tree gets deeper
			addVouchers(t, db, 1000*i, 1+r.IntN(300))
		}
		now, nowDump := read(t, opts.Path), dump(t, db)
		if !bytes.Equal(now, last) && i%8 != 7 {
			out = append(out, commitStates{last, now, lastDump, nowDump})
		}
		last, lastDump = now, nowDump
	}
	return out
}

// changed lists the sectors that a commit wrote: those of data pages, which it
// syncs before it writes the meta page, and those of the meta page.
func (c commitStates) changed() (data, meta []int) {
	for i := 0; i*sector < len(c.after); i++ {
		is := c.after[i*sector : (i+1)*sector]
		var was []byte
		if (i+1)*sector <= len(c.before) {
			was = c.before[i*sector : (i+1)*sector]
		}
		switch {
		case was != nil && bytes.Equal(was, is):
		case i*sector < 2*pageSize:
			meta = append(meta, i)
		default:
			data = append(data, i)
		}
	}
	return data, meta
}

// image is what a power cut may leave of the file.
type image struct {
	name string
	file []byte
	old  bool // it must be the state before the commit
	new  bool // it must be the state after it
}

// images are files that a power cut in the midst of a commit may leave.
func (c commitStates) images(r *rand.Rand) []image {
	data, meta := c.changed()
	grown := append(bytes.Clone(c.before), make([]byte, len(c.after)-len(c.before))...)
	copySectors := func(to []byte, list []int, p float64) []byte {
		to = bytes.Clone(to)
		for _, i := range list {
			if r.Float64() < p {
				copy(to[i*sector:(i+1)*sector], c.after[i*sector:])
			}
		}
		return to
	}
	out := []image{
		{"grown only", grown, true, false},
		{"all data, no meta page", copySectors(grown, data, 1), true, false},
		{"everything", bytes.Clone(c.after), false, true},
	}
	for _, p := range []float64{0.1, 0.5, 0.9} {
		out = append(out, image{fmt.Sprintf("%.0f %% of the data", 100*p), copySectors(grown, data, p), true, false})
	}
	// A disk that reorders may have written the first sectors of a page that
	// no meta page knows yet: rubbish in free pages must not matter either.
	rubbish := copySectors(grown, data, 0.5)
	for _, i := range data {
		if r.IntN(3) == 0 {
			for j := range sector {
				rubbish[i*sector+j] = byte(r.Uint32())
			}
		}
	}
	out = append(out, image{"rubbish in the data", rubbish, true, false})
	whole := copySectors(grown, data, 1)
	for range 3 {
		out = append(out, image{"some sectors of the meta page", copySectors(whole, meta, 0.5), false, false})
	}
	for range 3 { // worse than a disk: a sector that is cut off
		torn := bytes.Clone(whole)
		at := (meta[0] * sector / pageSize) * pageSize
		n := 1 + r.IntN(pageHeader+metaSize-1)
		copy(torn[at:at+n], c.after[at:])
		out = append(out, image{fmt.Sprintf("%d bytes of the meta page", n), torn, false, false})
	}
	return out
}

// TestTornCommit opens every file that a power cut in the midst of a commit
// may leave: it has the state before the commit or the one after it, never
// less, and no snapshot is needed.
func TestTornCommit(t *testing.T) {
	n := 60
	if testing.Short() {
		n = 12
	}
	r := rand.New(rand.NewPCG(7, 7))
	opened, before := 0, 0
	for i, c := range commits(t, 1, n) {
		data, meta := c.changed()
		if len(meta) == 0 || len(data) == 0 {
			t.Fatalf("commit %d changed %d sectors of data and %d of meta pages", i, len(data), len(meta))
		}
		for _, im := range c.images(r) {
			got, err := openImage(t, im.file)
			isOld, isNew := got == c.dumpBefore, got == c.dumpAfter
			switch {
			case err != nil:
				t.Errorf("commit %d, %s: %v", i, im.name, err)
			case !isOld && !isNew || im.old && !isOld || im.new && !isNew:
				t.Errorf("commit %d, %s: before %v, after %v", i, im.name, isOld, isNew)
			}
			opened++
			if isOld {
				before++
			}
		}
		if t.Failed() {
			break
		}
	}
	t.Logf("%d images opened, %d of them with the state before the commit", opened, before)
	if before == 0 || before == opened {
		t.Error("the images are all alike: the test tests nothing")
	}
}

// openImage opens a file as it was left, uses it and returns what is in it.
func openImage(t *testing.T, file []byte) (string, error) {
	t.Helper()
	dir, err := os.MkdirTemp(t.TempDir(), "")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(dir)
	opts, log := options(dir)
	write(t, opts.Path, file)
	db, err := Open(context.Background(), opts)
	if err != nil {
		return "", err
	}
	defer db.Close()
	if db.Recovery() != nil {
		return "", fmt.Errorf("recovered: %s", log)
	}
	got := dump(t, db)
	addVouchers(t, db, 500_000, 3)
	return got, db.Check()
}

// TestTornRewrite: a file that is written anew takes the place of the old one
// at once, however little of it there is when the power is cut.
func TestTornRewrite(t *testing.T) {
	opts, _ := options(t.TempDir())
	db := open(t, opts)
	hollow(t, db)
	want, old := dump(t, db), read(t, opts.Path)
	if err := db.Compact(t.Context()); err != nil {
		t.Fatal(err)
	}
	fresh := read(t, opts.Path)
	if len(fresh) >= len(old) {
		t.Fatalf("from %d to %d bytes", len(old), len(fresh))
	}
	r := rand.New(rand.NewPCG(1, 1))
	for _, part := range []int{0, 1, pageSize, 2 * pageSize, len(fresh) / 2, len(fresh) - 1, len(fresh)} {
		opts, log := options(t.TempDir())
		tmp := bytes.Clone(fresh[:part])
		for i := range tmp {
			if r.IntN(1000) == 0 {
				tmp[i] ^= byte(r.Uint32())
			}
		}
		write(t, opts.Path, old)
		write(t, opts.Path+tmpSuffix, tmp)
		db := open(t, opts)
		if db.Recovery() != nil || dump(t, db) != want {
			t.Errorf("%d bytes of the new file: %s", part, log)
		}
		if left, _ := filepath.Glob(opts.Path + tmpSuffix); len(left) > 0 {
			t.Errorf("left behind: %v", left)
		}
	}
	opened, err := openImage(t, fresh)
	if err != nil || opened != want {
		t.Errorf("the new file: %v", err)
	}
}
