package print

import (
	"io"
	"runtime"
	"testing"
)

// meter counts what is written and looks at memory now and then.
type meter struct {
	bytes, writes, largest int
	heap                   uint64
}

func (m *meter) Write(b []byte) (int, error) {
	m.bytes += len(b)
	m.largest = max(m.largest, len(b))
	if m.writes++; m.writes%50 == 0 {
		var s runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&s)
		m.heap = max(m.heap, s.HeapAlloc)
	}
	return len(b), nil
}

// TestMemoryIsThatOfOnePage prints as much as may be printed.
func TestMemoryIsThatOfOnePage(t *testing.T) {
	n := MaxVouchers
	if testing.Short() {
		n = 250
	}
	for _, layout := range []string{"a4-3x8", "card"} {
		j := job(t, venue(t, layout))
		for kind, print := range map[string]func(io.Writer, Vouchers) (Result, error){"HTML": j.HTML, "PDF": j.PDF} {
			var before runtime.MemStats
			runtime.GC()
			runtime.ReadMemStats(&before)
			var m meter
			if _, err := print(&m, some(n, nil)); err != nil {
				t.Fatal(err)
			}
			grown := int64(m.heap) - int64(before.HeapAlloc)
			t.Logf("%s %s: %d bytes, %d writes of at most %d, heap + %d", layout, kind, m.bytes, m.writes, m.largest, grown)
			if m.largest > 256<<10 || grown > 2<<20 {
				t.Errorf("%s %s: a write of %d bytes, heap + %d", layout, kind, m.largest, grown)
			}
		}
	}
}

func BenchmarkHTML(b *testing.B) {
	j := job(b, venue(b, "a4-2x5"))
	for b.Loop() {
		if _, err := j.HTML(io.Discard, some(100, nil)); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkPDF(b *testing.B) {
	j := job(b, venue(b, "a4-2x5"))
	for b.Loop() {
		if _, err := j.PDF(io.Discard, some(100, nil)); err != nil {
			b.Fatal(err)
		}
	}
}
