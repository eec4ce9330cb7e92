package webhooks

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/vouchsafe/vouchsafe/api"
	"github.com/vouchsafe/vouchsafe/hotspot"
)

// recordPrefix begins the names of endpoints among the store's secrets.
const recordPrefix = "webhook/"

// record is an endpoint as it is stored. Times are milliseconds.
type record struct {
	URL      string              `json:"url"`
	Text     string              `json:"description,omitzero"`
	Types    []hotspot.EventType `json:"types,omitempty"` // none: all
	Enabled  bool                `json:"enabled"`
	Stopped  string              `json:"stopped,omitzero"`
	Created  int64               `json:"created"`
	Modified int64               `json:"modified"`
	Sealed   []byte              `json:"sealed"`
	Old      []byte              `json:"old,omitempty"` // the secret before, sealed
	OldUntil int64               `json:"old_until,omitzero"`
}

// result is the last delivery as it is stored.
type result struct {
	Event   string `json:"event,omitzero"`
	Type    string `json:"type,omitzero"`
	At      int64  `json:"at,omitzero"`
	Attempt int    `json:"attempt,omitzero"`
	OK      bool   `json:"ok,omitzero"`
	Status  int    `json:"status,omitzero"`
	Took    int64  `json:"took,omitzero"`
	Error   string `json:"error,omitzero"`
	// Args are what is to be written into Error, which then is a format.
	Args []string `json:"args,omitempty"`
}

func (r result) delivery(id api.ID) api.WebhookDelivery {
	format, args := r.Error, make([]any, len(r.Args))
	for i, a := range r.Args {
		args[i] = hotspot.Said(a) // there may be words for it
	}
	return api.WebhookDelivery{Webhook: id, Event: r.Event, Type: r.Type, At: milli(r.At), Attempt: r.Attempt, OK: r.OK,
		Status: r.Status, Took: time.Duration(r.Took) * time.Millisecond, Error: hotspot.Textf(format, args...)}
}

func resultOf(d api.WebhookDelivery) result {
	format, args := d.Error.Message()
	r := result{Event: d.Event, Type: d.Type, At: millis(d.At), Attempt: d.Attempt, OK: d.OK, Status: d.Status,
		Took: d.Took.Milliseconds(), Error: format}
	for _, a := range args {
		if err, ok := a.(error); ok {
			a = shown(hotspot.Innermost(err).Error())
		}
		r.Args = append(r.Args, fmt.Sprint(a))
	}
	return r
}

// hook is an endpoint as it is in use. It is replaced, never changed.
type hook struct {
	id api.ID
	record
}

func readHook(id string, b []byte) (*hook, error) {
	h := &hook{}
	var err error
	if h.id, err = api.ParseID(id); err != nil {
		return nil, err
	}
	if err := json.Unmarshal(b, &h.record); err != nil {
		return nil, err
	}
	_, err = parseURL(h.URL)
	return h, err
}

func (h *hook) put(tx hotspot.Tx) error {
	b, err := json.Marshal(h.record)
	if err != nil {
		return err
	}
	return tx.PutSecret(recordPrefix+h.id.String(), b)
}

func (h *hook) types() []hotspot.EventType {
	if len(h.Types) == 0 {
		return hotspot.EventTypes()
	}
	return h.Types
}

// name is what people know it by.
func (h *hook) name() string {
	if h.Text != "" {
		return strconv.Quote(h.Text)
	}
	return h.URL
}

// parseTypes checks types of events. None are all.
func parseTypes(names []string) ([]hotspot.EventType, error) {
	var out []hotspot.EventType
	if len(names) > 64 {
		names = names[:64]
	}
	for _, n := range names {
		t := hotspot.EventType(n)
		if !slices.Contains(hotspot.EventTypes(), t) {
			return nil, hotspot.Invalid("types", "%q is not a type of events; they are %s", n, typeNames(hotspot.EventTypes()))
		}
		if !slices.Contains(out, t) {
			out = append(out, t)
		}
	}
	return out, nil
}

func typeNames(types []hotspot.EventType) string {
	var names []string
	for _, t := range types {
		names = append(names, string(t))
	}
	return strings.Join(names, ", ")
}

const maxDescription = 100

func checkDescription(s string) error {
	if !utf8.ValidString(s) || utf8.RuneCountInString(s) > maxDescription || strings.ContainsFunc(s, unicode.IsControl) {
		return hotspot.Invalid("description", "must be at most %d characters on one line", maxDescription)
	}
	return nil
}

// describe tells people and programs of an endpoint. The caller holds mu.
func (w *Webhooks) describe(h *hook) api.Webhook {
	out := api.Webhook{ID: h.id, URL: h.URL, Description: h.Text, Enabled: h.Enabled, Stopped: h.Stopped,
		Created: milli(h.Created), Modified: milli(h.Modified), OldSecretUntil: milli(h.OldUntil)}
	for _, t := range h.types() {
		out.Types = append(out.Types, string(t))
	}
	if now, _ := w.cfg.Events.Now(); now.UnixMilli() >= h.OldUntil {
		out.OldSecretUntil = time.Time{}
	}
	if p := w.state[h.id]; p != nil {
		out.Last = p.last
	}
	for _, q := range w.queue {
		if _, ok := q.to[h.id]; ok {
			out.Waiting++
		}
	}
	if strings.HasPrefix(h.URL, "http:") {
		out.Warning = plainWarning
	}
	return out
}

// List returns the endpoints, in order of creation.
func (w *Webhooks) List(ctx context.Context) ([]api.Webhook, error) {
	if err := w.load(ctx); err != nil {
		return nil, err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	var out []api.Webhook
	for _, h := range w.hooks {
		out = append(out, w.describe(h))
	}
	return out, nil
}

// Get returns one endpoint.
func (w *Webhooks) Get(ctx context.Context, id api.ID) (api.Webhook, error) {
	if err := w.load(ctx); err != nil {
		return api.Webhook{}, err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	h, err := w.findLocked(id)
	if err != nil {
		return api.Webhook{}, err
	}
	return w.describe(h), nil
}

// Log returns the newest deliveries since the start, newest first; the zero id:
// of all endpoints.
func (w *Webhooks) Log(_ context.Context, id api.ID) ([]api.WebhookDelivery, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if _, err := w.findLocked(id); err != nil && id != (api.ID{}) {
		return nil, err
	}
	var out []api.WebhookDelivery
	for _, d := range slices.Backward(w.log100) {
		if id == (api.ID{}) || d.Webhook == id {
			out = append(out, d)
		}
	}
	return out, nil
}

//go:noinline // it takes much code where it is called
func milli(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}

//go:noinline // it takes much code where it is called
func millis(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}
