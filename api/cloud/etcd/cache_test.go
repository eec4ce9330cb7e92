package etcd

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/vouchsafe/vouchsafe/api/cloud"
)

func record(key, value string, rev int64) cloud.Entry {
	return cloud.Entry{Key: key, Value: []byte(value), Revision: rev}
}

// remembers reports what is remembered of a record; "-": that there is none, "":
// nothing.
func remembers(c *cache, key string) string {
	e, ok := c.get(key)
	switch {
	case !ok:
		return ""
	case e.Revision == 0:
		return "-"
	}
	return string(e.Value)
}

// fetched has a record read, as of a revision.
func fetched(t *testing.T, c *cache, e cloud.Entry, at int64) {
	t.Helper()
	f, mine := c.begin(e.Key)
	if !mine {
		t.Fatal("somebody else is reading it")
	}
	c.end(f, e, at, nil)
}

func TestCacheOrder(t *testing.T) {
	now := time.Unix(1e9, 0)
	c := newCache(1<<20, func() time.Time { return now })
	want := func(what, value string) {
		t.Helper()
		if got := remembers(c, "router/r"); got != value {
			t.Errorf("%s: %q, want %q", what, got, value)
		}
	}
	want("empty", "")
	fetched(t, c, record("router/r", "1", 5), 7)
	want("read", "1")
	c.changed(record("router/r", "old", 6), 6)
	want("old news", "1")
	c.changed(record("router/r", "2", 8), 8)
	want("news", "2")
	c.wrote(record("router/r", "3", 10), 10)
	c.changed(record("router/r", "2.5", 9), 9)
	want("written here, and told of what was before", "3")
	c.changed(cloud.Entry{Key: "router/r"}, 11)
	want("deleted", "")
	c.changed(record("router/r", "4", 12), 12)
	want("not in memory stays out", "")
	c.wrote(cloud.Entry{Key: "router/r"}, 13)
	want("deleted here", "-")
	now = now.Add(absentFor - 1)
	want("still", "-")
	now = now.Add(1)
	want("for a second", "")
	c.wrote(record("router/r", "5", 14), 14)
	c.doubt("router/r")
	want("in doubt", "")
	c.wrote(record("account/a", "1", 15), 15)
	if remembers(c, "account/a") != "" {
		t.Error("an account is not hot")
	}
}

// What happens to a record while it is read.
func TestCacheFetch(t *testing.T) {
	const key = "prefix/p"
	for name, test := range map[string]struct {
		meanwhile func(c *cache)
		want      string
	}{
		"nothing":               {func(*cache) {}, "read"},
		"told of what it has":   {func(c *cache) { c.changed(record(key, "read", 5), 5) }, "read"},
		"told of what it lacks": {func(c *cache) { c.changed(record(key, "new", 8), 8) }, ""},
		"deleted":               {func(c *cache) { c.changed(cloud.Entry{Key: key}, 8) }, ""},
		"written here":          {func(c *cache) { c.wrote(record(key, "mine", 8), 8) }, "mine"},
		"in doubt":              {func(c *cache) { c.doubt(key) }, ""},
		"place lost before":     {func(c *cache) { c.restart(6) }, "read"},
		"place lost":            {func(c *cache) { c.restart(8) }, ""},
		"another record":        {func(c *cache) { c.changed(record("prefix/q", "x", 8), 8) }, "read"},
	} {
		c := newCache(1<<20, time.Now)
		f, _ := c.begin(key)
		if _, mine := c.begin(key); mine {
			t.Errorf("%s: it is read twice", name)
		}
		test.meanwhile(c)
		c.end(f, record(key, "read", 5), 7, nil)
		if got := remembers(c, key); got != test.want {
			t.Errorf("%s: %q, want %q", name, got, test.want)
		}
		if f.e.Revision != 5 {
			t.Errorf("%s: whoever waited got %+v", name, f.e)
		}
	}
	c := newCache(1<<20, time.Now)
	f, _ := c.begin(key)
	c.changed(record(key, "new", 8), 8)
	if _, mine := c.begin(key); !mine {
		t.Error("whoever comes after a change gets what was read before it")
	}
	c.end(f, cloud.Entry{}, 0, errors.New("no answer"))
	if remembers(c, key) != "" {
		t.Error("a failure is remembered")
	}
}

func TestCacheBounds(t *testing.T) {
	const most = 100 * (overhead + 20)
	c := newCache(most, time.Now)
	for i := range 1000 {
		c.wrote(record(fmt.Sprintf("router/%05d", i), "12345678", int64(i+1)), int64(i+1))
		remembers(c, "router/00000") // is in use
	}
	if n, bytes := c.size(); n != 100 || bytes > most {
		t.Errorf("%d records, %d bytes", n, bytes)
	}
	if remembers(c, "router/00000") == "" || remembers(c, "router/00999") == "" || remembers(c, "router/00001") != "" {
		t.Error("it is not the least used that was forgotten")
	}
	for i := range 100_000 { // somebody guesses
		c.wrote(cloud.Entry{Key: fmt.Sprint("prefix/", i)}, 1000)
	}
	if remembers(c, "router/00999") == "" {
		t.Error("guesses have driven out what is in use")
	}
	if _, bytes := c.size(); bytes > most+maxAbsent {
		t.Errorf("%d bytes", bytes)
	}
	c.wrote(record("router/large", string(make([]byte, most)), 2000), 2000)
	if remembers(c, "router/large") != "" || remembers(c, "router/00999") == "" {
		t.Error("one that is too large")
	}
	var fetches []*fetch
	for i := range maxFetches {
		f, mine := c.begin(fmt.Sprint("token/", i))
		if f == nil || !mine {
			t.Fatal(i)
		}
		fetches = append(fetches, f)
	}
	if f, _ := c.begin("token/more"); f != nil {
		t.Error("too many are read at a time")
	}
	for _, f := range fetches {
		c.end(f, cloud.Entry{Key: f.key}, 3000, nil)
	}
	if c.under != 0 || len(c.fetches) != 0 {
		t.Errorf("%d %d", c.under, len(c.fetches))
	}
}

// TestCacheIsSmall measures what a router's two records cost. They must not cost
// more than is counted.
func TestCacheIsSmall(t *testing.T) {
	const n = 20_000
	value := string(make([]byte, 330))
	c := newCache(1<<30, time.Now)
	before := heap()
	for i := range n {
		id := fmt.Sprintf("abcdefgh%08d", i)
		c.wrote(record("router/"+id, value, int64(i+1)), int64(i+1))
		c.wrote(record(fmt.Sprintf("prefix/%010d", i), `"`+id+`"`, int64(i+1)), int64(i+1))
	}
	each := float64(heap()-before) / n
	_, counted := c.size()
	t.Logf("%.0f bytes a router, counted as %d", each, counted/n)
	if each > float64(counted)/n {
		t.Error("it takes more than is counted")
	}
}
