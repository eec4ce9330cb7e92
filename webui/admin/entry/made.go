package entry

import (
	"github.com/vouchsafe/vouchsafe/webui/admin/panel"
)

// onceField is the parameter of a form's address that tells it from others like
// it.
const onceField = "once"

// maxMade bounds how many forms are remembered.
const maxMade = 16

// made remembers what forms have made, so that one that is sent twice makes it
// once. It lives in memory: a restart lies between two clicks of nobody.
type made struct {
	// turn is held by whoever makes something or looks. A channel, because
	// waiting for it must end with the request.
	turn chan struct{}
	what map[string]string
}

func newMade() made { return made{turn: make(chan struct{}, 1), what: map[string]string{}} }

// once makes something for a form of a session, or returns what was made for it
// before. A form without a name is always a new one.
func (m *made) once(q *panel.Request, form string, make func() (string, error)) (string, error) {
	if form == "" {
		return make()
	}
	form = q.By.Session.String() + form
	select {
	case m.turn <- struct{}{}:
	case <-q.Context().Done():
		return "", q.Context().Err()
	}
	defer func() { <-m.turn }()
	if is, ok := m.what[form]; ok {
		return is, nil
	}
	is, err := make()
	if err != nil {
		return "", err
	}
	if len(m.what) >= maxMade {
		clear(m.what)
	}
	m.what[form] = is
	return is, nil
}
