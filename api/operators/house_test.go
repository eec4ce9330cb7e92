package operators

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net/netip"
	"sync"
	"testing"
	"testing/cryptotest"
	"time"

	"github.com/vouchsafe/vouchsafe/api"
	"github.com/vouchsafe/vouchsafe/hotspot"
	"github.com/vouchsafe/vouchsafe/hotspot/hotspottest"
)

const (
	ownerMail = "ada@example.com"
	password  = "rain falls on tin"
)

// laptop and phone are addresses on the LAN.
func laptop() netip.Addr { return netip.MustParseAddr("192.168.1.20") }
func phone() netip.Addr  { return netip.MustParseAddr("192.168.1.30") }

// house is a router with operators.
type house struct {
	*testing.T
	*Operators
	store *hotspottest.Store
	log   *lockedBuffer

	mu       sync.Mutex // guards all below
	now      time.Time
	believed bool
	mono     time.Duration
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func newHouse(t *testing.T) *house {
	cryptotest.SetGlobalRandom(t, 1) // one code in a million is also the next one
	h := &house{T: t, store: hotspottest.NewStore(), log: &lockedBuffer{}, believed: true, mono: time.Hour,
		now: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)}
	h.restart()
	return h
}

// restart makes the operators anew from the store.
func (h *house) restart() {
	h.Helper()
	h.Operators = New(Config{Store: h.store, Sealer: box(7), Log: slog.New(slog.NewTextHandler(h.log, nil)),
		Now: h.clock, Mono: func() time.Duration { h.mu.Lock(); defer h.mu.Unlock(); return h.mono }})
	h.hasher.measure = func(work) time.Duration { return time.Minute } // the slowest router: tests hash a lot
}

func (h *house) clock() (time.Time, bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.now, h.believed
}

// pass lets time go by.
func (h *house) pass(d time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.now, h.mono = h.now.Add(d), h.mono+d
}

func (h *house) fine(err error) {
	h.Helper()
	if err != nil {
		h.Fatal(err)
	}
}

func (h *house) want(err error, code hotspot.Code) {
	h.Helper()
	if hotspot.CodeOf(err) != code || err == nil {
		h.Errorf("got %v, want %s", err, code)
	}
}

// add makes an operator on the command line.
func (h *house) add(mail string, role api.Role) api.Operator {
	h.Helper()
	p, err := h.Create(h.Context(), api.Local(), api.NewOperator{Email: mail, Role: role, Password: password})
	h.fine(err)
	return p
}

// in signs an operator in.
func (h *house) in(mail string, from netip.Addr) (api.Ticket, *api.Principal) {
	h.Helper()
	t, err := h.Open(h.Context(), api.SignIn{Email: mail, Password: password, From: from, Agent: "a browser"})
	h.fine(err)
	return t, t.Principal
}

// who returns whom a cookie belongs to; nil: nobody.
func (h *house) who(cookie string) *api.Principal {
	p, err := h.Session(h.Context(), cookie, laptop(), true)
	if err != nil {
		return nil
	}
	return p
}

// trail is the audit log, oldest first, as "actor action subject".
func (h *house) trail() (out []string) {
	h.Helper()
	h.fine(h.store.View(h.Context(), func(r hotspot.Reader) error {
		rows, err := r.Audit(0, 1000)
		for _, row := range rows {
			out = append([]string{string(row.Actor.Kind) + " " + row.Actor.Name + " " + string(row.Action) + " " + row.Subject}, out...)
		}
		return err
	}))
	return out
}

// code is what an authenticator app shows now.
func (h *house) code(secret string) string {
	b, err := totpEncoding().DecodeString(secret)
	h.fine(err)
	now, _ := h.clock()
	return totpCode(b, now.Unix()/totpStep)
}

// secure turns codes on for an operator who is signed in.
func (h *house) secure(by *api.Principal) (secret string, recovery []string) {
	h.Helper()
	offer, err := h.OfferTOTP(h.Context(), by, by.ID, "Café")
	h.fine(err)
	recovery, err = h.ConfirmTOTP(h.Context(), by, by.ID, h.code(offer.Secret))
	h.fine(err)
	return offer.Secret, recovery
}

// box seals by flipping bits.
type box byte

func (b box) Seal(plain []byte) []byte {
	out := []byte{byte(b)}
	for _, c := range plain {
		out = append(out, c^byte(b))
	}
	return out
}

func (b box) Open(sealed []byte) ([]byte, error) {
	if len(sealed) == 0 || sealed[0] != byte(b) {
		return nil, errors.New("not of this box")
	}
	return b.Seal(bytes.Clone(sealed[1:]))[1:], nil
}

var _ interface {
	SignIn(ctx context.Context, email, password string, from netip.Addr) (*api.Principal, error)
	Operator(ctx context.Context, id api.ID) (*api.Principal, error)
} = (*Operators)(nil) // as package keys wants it
