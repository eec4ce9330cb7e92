package hotspot

import "sync"

// keyed is a mutex per key. It orders what is done to one account (or device):
// store and gate must see its changes in the same order, so the lock is held
// across both. Other keys go on meanwhile.
type keyed struct {
	mu   sync.Mutex // guards held
	held map[string]*keyedEntry
}

type keyedEntry struct {
	sync.Mutex
	users int
}

// lock locks a key and returns its unlock.
func (k *keyed) lock(key string) (unlock func()) {
	k.mu.Lock()
	e := k.held[key]
	if e == nil {
		if k.held == nil {
			k.held = make(map[string]*keyedEntry)
		}
		e = &keyedEntry{}
		k.held[key] = e
	}
	e.users++
	k.mu.Unlock()
	e.Lock()
	return func() {
		e.Unlock()
		k.mu.Lock()
		defer k.mu.Unlock()
		if e.users--; e.users == 0 {
			delete(k.held, key)
		}
	}
}
