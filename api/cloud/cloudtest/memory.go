package cloudtest

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"

	"github.com/vouchsafe/vouchsafe/api/cloud"
)

// Memory is a cloud.Store that forgets everything.
type Memory struct {
	mu       sync.Mutex // guards what follows
	revision int64
	records  map[string]cloud.Entry
	watch    []func(key string)
}

var _ cloud.Store = (*Memory)(nil)

// NewMemory returns an empty store.
func NewMemory() *Memory { return &Memory{records: map[string]cloud.Entry{}} }

// Get implements cloud.Store.
func (m *Memory) Get(ctx context.Context, key string) (cloud.Entry, error) {
	if err := ctx.Err(); err != nil {
		return cloud.Entry{}, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	e, ok := m.records[key]
	if !ok {
		return cloud.Entry{Key: key}, nil
	}
	e.Value = slices.Clone(e.Value)
	return e, nil
}

// List implements cloud.Store.
func (m *Memory) List(ctx context.Context, prefix, after string, limit int) (out []cloud.Entry, err error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	for key, e := range m.records {
		if strings.HasPrefix(key, prefix) && key > after {
			e.Value = slices.Clone(e.Value)
			out = append(out, e)
		}
	}
	slices.SortFunc(out, func(a, b cloud.Entry) int { return strings.Compare(a.Key, b.Key) })
	return out[:min(len(out), limit)], nil
}

// Commit implements cloud.Store.
func (m *Memory) Commit(ctx context.Context, t cloud.Transaction) error {
	if err := errors.Join(ctx.Err(), t.Check()); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, is := range t.If {
		if m.records[is.Key].Revision != is.Revision {
			return cloud.ErrConflict
		}
	}
	m.revision++
	var changed []string
	for _, key := range t.Delete {
		if _, ok := m.records[key]; ok {
			delete(m.records, key)
			changed = append(changed, key)
		}
	}
	for _, e := range t.Put {
		m.records[e.Key] = cloud.Entry{Key: e.Key, Value: slices.Clone(e.Value), Revision: m.revision}
		changed = append(changed, e.Key)
	}
	for _, tell := range m.watch {
		for _, key := range changed {
			tell(key)
		}
	}
	return nil
}

// Close implements cloud.Store.
func (m *Memory) Close() error { return nil }

// onChange calls tell for every key that changes. It must not block.
func (m *Memory) onChange(tell func(key string)) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.watch = append(m.watch, tell)
}
