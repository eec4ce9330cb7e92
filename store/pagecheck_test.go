package store

import (
	"bytes"
	"encoding/binary"
	"path/filepath"
	"testing"

	bolt "go.etcd.io/bbolt"
)

// TestCheckAgreesWithBolt: files as bbolt writes them, of many shapes, pass.
func TestCheckAgreesWithBolt(t *testing.T) {
	for _, size := range []int{1024, 4096, 16384, 65536} {
		path := filepath.Join(t.TempDir(), "x.db")
		db, err := bolt.Open(path, 0o600, &bolt.Options{PageSize: size, FreelistType: bolt.FreelistMapType})
		if err != nil {
			t.Fatal(err)
		}
		for round := range 12 {
			err := db.Update(func(tx *bolt.Tx) error {
				for _, name := range []string{"a", "large values", "small"} {
					b, err := tx.CreateBucketIfNotExists([]byte(name))
					if err != nil {
						return err
					}
					n := map[string]int{"a": 3000, "large values": 20, "small": 1}[name]
					for i := range n {
						key := binary.BigEndian.AppendUint32(nil, uint32(i*7919%n))
						if (i+round)%3 == 0 {
							err = b.Delete(key)
						} else {
							err = b.Put(key, make([]byte, map[string]int{"a": 40, "large values": 9000, "small": 3}[name]))
						}
						if err != nil {
							return err
						}
					}
				}
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
			if torn, err := checkFile(path); err != nil || torn {
				t.Fatalf("pages of %d, round %d: %v, torn %v", size, round, err, torn)
			}
		}
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// FuzzFile changes a good file: what the check lets through, bbolt must be
// able to walk.
func FuzzFile(f *testing.F) {
	opts, _, _ := made(f)
	good := read(f, opts.Path)
	f.Add(uint32(0), []byte{1}, uint32(0))
	f.Add(uint32(2*pageSize+8), []byte{0xff, 0xff}, uint32(0))
	f.Add(uint32(3*pageSize+12), []byte{0xff, 0xff, 0xff, 0xff}, uint32(5))
	f.Add(uint32(4*pageSize+16), []byte{4, 0, 0, 0, 0, 0, 0, 0x80}, uint32(pageSize))
	f.Fuzz(func(t *testing.T, where uint32, what []byte, cut uint32) {
		bad := bytes.Clone(good)
		copy(bad[int(where)%len(bad):], what)
		bad = bad[:len(bad)-int(cut)%len(bad)]
		// Checksums of meta pages are no protection against who can compute them.
		for _, at := range []int{0, pageSize} {
			if len(bad) >= at+pageHeader+metaSize {
				fixMeta(bad[at+pageHeader:])
			}
		}
		path := filepath.Join(t.TempDir(), "store.db")
		write(t, path, bad)
		if _, err := checkFile(path); err != nil {
			return
		}
		d, err := openDirect(path, false)
		if err != nil {
			t.Fatalf("it passed the check, but: %v", err)
		}
		defer d.close()
		_ = d.view(func(r reader) error { return dumpTo(new(bytes.Buffer), r) })
		_ = d.view(func(r reader) error { _, err := verify(r); return err })
		w, err := d.begin()
		if err != nil {
			t.Fatalf("it cannot be written: %v", err)
		}
		_ = w.apply(op{bktSettings, []byte("a"), []byte("b")})
		_ = w.apply(op{bktVouchers, idKey(3), nil})
		_ = w.commit()
	})
}
