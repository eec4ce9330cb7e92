package vouchers

import (
	"crypto/rand"
	"sync"

	"github.com/vouchsafe/vouchsafe/api"
)

// maxMade is how many forms are remembered.
const maxMade = 64

// made remembers what forms have made, so that one that is sent twice, by a
// second click or by a phone that did not get the answer, makes it once.
type made struct {
	mu sync.Mutex // held while a form's vouchers are made; guards by
	by map[madeBy]string
}

// madeBy is one form of a session.
type madeBy struct {
	session api.ID
	form    string
}

// newForm names a form.
func newForm() string { return rand.Text() }

// once makes what a form asks for and returns what it made, or returns what it
// made before. A form without a name is always carried out.
func (m *made) once(by madeBy, do func() (string, error)) (ids string, again bool, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if ids, again = m.by[by]; again && by.form != "" {
		return ids, true, nil
	}
	if ids, err = do(); err != nil {
		return "", false, err
	}
	if m.by == nil || len(m.by) >= maxMade {
		m.by = map[madeBy]string{}
	}
	m.by[by] = ids
	return ids, false, nil
}
