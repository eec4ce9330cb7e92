package action_test

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/vouchsafe/vouchsafe/api"
	"github.com/vouchsafe/vouchsafe/hotspot"
)

// manyVouchers serves ids 1 to n without holding them, and asks observe at
// each page.
func manyVouchers(t *testing.T, n uint64, observe func(after uint64) error) *fakeService {
	f := &fakeService{t: t, settings: on}
	f.vouchers = func(_ ctx, after uint64, limit int) ([]hotspot.VoucherView, error) {
		if err := observe(after); err != nil {
			return nil, err
		}
		if limit > 256 {
			t.Errorf("a page of %d rows", limit)
		}
		var out []hotspot.VoucherView
		for id := after + 1; id <= n && len(out) < limit; id++ {
			out = append(out, hotspot.VoucherView{
				Voucher: hotspot.Voucher{
					ID: id, Username: "guest", Passcode: "secret", FullName: "Somebody Somewhere",
					Created: at("2025-02-21 02:31:30"), Modified: at("2025-02-21 02:31:30"),
				},
				Status: hotspot.VoucherNew,
			})
		}
		return out, nil
	}
	return f
}

// sink counts what it is given and forgets it.
type sink struct {
	header http.Header
	bytes  int
	last   byte
}

func (s *sink) Header() http.Header { return s.header }
func (s *sink) WriteHeader(int)     {}
func (s *sink) Write(b []byte) (int, error) {
	s.bytes += len(b)
	s.last = b[len(b)-1]
	return len(b), nil
}

// TestListMemory: a list of 100,000 vouchers takes no more memory than a page.
func TestListMemory(t *testing.T) {
	heap := func() uint64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	var base, most uint64
	pages := 0
	f := manyVouchers(t, 100_000, func(uint64) error {
		if pages++; pages%40 == 0 {
			most = max(most, heap())
		}
		return nil
	})
	h := newHandler(f)
	base = heap()
	out := &sink{header: http.Header{}}
	h.ServeHTTP(out, httptest.NewRequest("GET", "/api/?action=get_voucher_users&api-key="+testKey, nil))
	if out.bytes < 30_000_000 || out.last != '\n' {
		t.Fatalf("%d bytes, last %q", out.bytes, out.last)
	}
	grown := int64(most) - int64(base)
	t.Logf("%d bytes in %d pages; heap grew by %d bytes", out.bytes, pages, grown)
	if grown > 512<<10 {
		t.Errorf("heap grew by %d bytes", grown)
	}
}

func TestLongList(t *testing.T) {
	srv := httptest.NewServer(newHandler(manyVouchers(t, 3000, func(uint64) error { return nil })))
	defer srv.Close()
	for query, want := range map[string][2]uint64{ // first id, number of rows
		"":                        {1, 3000},
		"&limit=256":              {1, 256},
		"&limit=257":              {1, 257},
		"&limit=10000":            {1, 3000},
		"&limit=600&after_id=100": {101, 600},
		"&after_id=2999":          {3000, 1},
		"&after_id=3000":          {0, 0},
	} {
		resp, err := http.Get(srv.URL + "/api/?action=get_voucher_users&api-key=" + testKey + query)
		if err != nil {
			t.Fatal(err)
		}
		var list struct{ Users []struct{ ID uint64 } }
		if err := json.NewDecoder(resp.Body).Decode(&list); err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if uint64(len(list.Users)) != want[1] {
			t.Errorf("%q: %d rows, want %d", query, len(list.Users), want[1])
		}
		for i, u := range list.Users {
			if u.ID != want[0]+uint64(i) {
				t.Fatalf("%q: row %d has id %d", query, i, u.ID)
			}
		}
	}
}

// TestBrokenList: an error in the middle must not look like the end.
func TestBrokenList(t *testing.T) {
	for name, observe := range map[string]func(uint64) error{
		"error": func(after uint64) error {
			if after >= 256 {
				return errors.New("disk on fire")
			}
			return nil
		},
		"panic": func(after uint64) error {
			if after >= 256 {
				panic("bug")
			}
			return nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			srv := httptest.NewServer(newHandler(manyVouchers(t, 3000, observe)))
			defer srv.Close()
			resp, err := http.Get(srv.URL + "/api/?action=get_voucher_users&api-key=" + testKey)
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			b, err := io.ReadAll(resp.Body)
			if err == nil || json.Valid(b) || strings.Contains(string(b), "fire") {
				t.Errorf("%d bytes arrived, error %v", len(b), err)
			}
		})
	}
}

// TestRepeatedPage: a service that repeats itself must not keep a client busy
// for ever.
func TestRepeatedPage(t *testing.T) {
	f := &fakeService{t: t, settings: on}
	f.vouchers = func(ctx, uint64, int) ([]hotspot.VoucherView, error) {
		return []hotspot.VoucherView{{Voucher: hotspot.Voucher{ID: 7}}}, nil
	}
	defer func() {
		if v := recover(); v != http.ErrAbortHandler {
			t.Errorf("recovered %v", v)
		}
	}()
	get(t, newHandler(f), "action=get_voucher_users")
	t.Error("the list came to an end")
}

// slowWriter refuses the second piece, as a connection does whose client left.
type slowWriter struct {
	sink
	begun     time.Time
	deadlines int
	writes    int
}

func (s *slowWriter) SetWriteDeadline(d time.Time) error {
	if d.After(time.Now().Add(api.WriteTimeout)) || d.Before(s.begun.Add(api.WriteTimeout)) {
		return errors.New("odd deadline")
	}
	s.deadlines++
	return nil
}

func (s *slowWriter) Write(b []byte) (int, error) {
	if s.writes++; s.writes > 5 {
		return 0, errors.New("broken pipe")
	}
	return s.sink.Write(b)
}

// TestSlowClient: each page gets its own time, and a client that has gone
// stops the work.
func TestSlowClient(t *testing.T) {
	pages := 0
	h := newHandler(manyVouchers(t, 100_000, func(uint64) error { pages++; return nil }))
	out := &slowWriter{sink: sink{header: http.Header{}}, begun: time.Now()}
	defer func() {
		if v := recover(); v != http.ErrAbortHandler || pages > 10 || out.deadlines < 1 || out.deadlines > pages {
			t.Errorf("recovered %v after %d pages and %d deadlines", v, pages, out.deadlines)
		}
	}()
	h.ServeHTTP(out, httptest.NewRequest("GET", "/api/?action=get_voucher_users&api-key="+testKey, nil))
	t.Error("the list came to an end")
}
