// Package cloudtest is what every cloud.Store must pass.
package cloudtest

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/vouchsafe/vouchsafe/api/cloud"
)

// TestStore plays through what a store promises. open makes an empty one.
func TestStore(t *testing.T, open func(t *testing.T) cloud.Store) {
	for name, test := range map[string]func(*testing.T, cloud.Store){
		"records": testRecords, "conditions": testConditions, "lists": testLists, "bounds": testBounds, "at once": testAtOnce,
	} {
		t.Run(name, func(t *testing.T) { test(t, open(t)) })
	}
}

func get(t *testing.T, s cloud.Store, key string) cloud.Entry {
	t.Helper()
	e, err := s.Get(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func commit(t *testing.T, s cloud.Store, tx cloud.Transaction, want error) {
	t.Helper()
	if err := s.Commit(t.Context(), tx); !errors.Is(err, want) {
		t.Fatalf("%v, want %v", err, want)
	}
}

func put(key, value string) cloud.Transaction {
	return cloud.Transaction{Put: []cloud.Entry{{Key: key, Value: []byte(value)}}}
}

func testRecords(t *testing.T, s cloud.Store) {
	if e := get(t, s, "a"); e.Revision != 0 || e.Value != nil {
		t.Errorf("%+v", e)
	}
	commit(t, s, put("a", "1"), nil)
	first := get(t, s, "a")
	if first.Revision == 0 || string(first.Value) != "1" || first.Key != "a" {
		t.Errorf("%+v", first)
	}
	commit(t, s, put("a", "1"), nil)
	if again := get(t, s, "a"); again.Revision == first.Revision {
		t.Error("a write left the revision as it was")
	}
	commit(t, s, cloud.Transaction{Delete: []string{"a", "never"}}, nil)
	if e := get(t, s, "a"); e.Revision != 0 {
		t.Errorf("%+v", e)
	}
	commit(t, s, put("a", ""), nil)
	if e := get(t, s, "a"); e.Revision == 0 || e.Revision == first.Revision || len(e.Value) != 0 {
		t.Errorf("%+v", e)
	}
}

func testConditions(t *testing.T, s cloud.Store) {
	absent := []cloud.Entry{{Key: "a"}}
	commit(t, s, cloud.Transaction{If: absent, Put: []cloud.Entry{{Key: "a", Value: []byte("1")}, {Key: "b", Value: []byte("1")}}}, nil)
	commit(t, s, cloud.Transaction{If: absent, Put: []cloud.Entry{{Key: "a", Value: []byte("2")}}, Delete: []string{"b"}}, cloud.ErrConflict)
	if a, b := get(t, s, "a"), get(t, s, "b"); string(a.Value) != "1" || b.Revision == 0 {
		t.Errorf("half a transaction: %+v %+v", a, b)
	}
	a, b := get(t, s, "a"), get(t, s, "b")
	commit(t, s, put("b", "2"), nil)
	commit(t, s, cloud.Transaction{If: []cloud.Entry{a, b}, Delete: []string{"a"}}, cloud.ErrConflict)
	commit(t, s, cloud.Transaction{If: []cloud.Entry{a, get(t, s, "b")}, Delete: []string{"a"}}, nil)
	commit(t, s, cloud.Transaction{If: []cloud.Entry{a}, Delete: []string{"b"}}, cloud.ErrConflict)
}

func testLists(t *testing.T, s cloud.Store) {
	for i := range 25 {
		commit(t, s, put(fmt.Sprintf("list/%02d", i), strconv.Itoa(i)), nil)
	}
	commit(t, s, put("lisu", "x"), nil)
	commit(t, s, put("lis", "x"), nil)
	var keys []string
	after := ""
	for {
		page, err := s.List(t.Context(), "list/", after, 10)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range page {
			keys = append(keys, e.Key)
			if e.Revision == 0 {
				t.Errorf("%+v", e)
			}
			after = e.Key
		}
		if len(page) < 10 {
			break
		}
	}
	var want []string
	for i := range 25 {
		want = append(want, fmt.Sprintf("list/%02d", i))
	}
	if diff := cmp.Diff(want, keys); diff != "" {
		t.Error(diff)
	}
}

func testBounds(t *testing.T, s cloud.Store) {
	for name, tx := range map[string]cloud.Transaction{
		"no key":       put("", "a"),
		"a long key":   put(strings.Repeat("k", cloud.MaxKey+1), "a"),
		"a long value": put("a", strings.Repeat("v", cloud.MaxValue+1)),
		"twice":        {Put: []cloud.Entry{{Key: "a"}}, Delete: []string{"a"}},
	} {
		if err := s.Commit(t.Context(), tx); err == nil || errors.Is(err, cloud.ErrConflict) {
			t.Errorf("%s: %v", name, err)
		}
	}
	commit(t, s, put(strings.Repeat("k", cloud.MaxKey), strings.Repeat("v", cloud.MaxValue)), nil)
}

// testAtOnce counts with many at a time: nobody's step is lost.
func testAtOnce(t *testing.T, s cloud.Store) {
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for done := 0; done < 10; {
				e, err := s.Get(t.Context(), "n")
				if err != nil {
					t.Error(err)
					return
				}
				n, _ := strconv.Atoi(string(e.Value)) // nothing is 0
				err = s.Commit(t.Context(), cloud.Transaction{If: []cloud.Entry{e}, Put: []cloud.Entry{{Key: "n", Value: []byte(strconv.Itoa(n + 1))}}})
				switch {
				case err == nil:
					done++
				case !errors.Is(err, cloud.ErrConflict):
					t.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	if e := get(t, s, "n"); string(e.Value) != "80" {
		t.Errorf("counted %s", e.Value)
	}
}
