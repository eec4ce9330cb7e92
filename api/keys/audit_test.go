package keys_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/vouchsafe/vouchsafe/api"
	"github.com/vouchsafe/vouchsafe/hotspot"
)

// TestAudit: every change of a key is in the log, by whom, and without the key.
func TestAudit(t *testing.T) {
	h := newHouse(t)
	k := h.keys
	id := api.NewID()
	by := &api.Principal{Kind: api.CallerOperator, ID: id, Owner: id, Name: "anna@example.com", Scopes: []api.Scope{api.ScopeAll}}
	made, text, err := k.Create(t.Context(), by, api.NewKey{Label: "till", Expires: "Never"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := k.Rename(t.Context(), by, made.ID, "bar"); err != nil {
		t.Fatal(err)
	}
	if err := k.EndTokens(t.Context(), by, made.ID); err != nil {
		t.Fatal(err)
	}
	if err := k.Remove(t.Context(), by, made.ID); err != nil {
		t.Fatal(err)
	}
	if _, err := k.Regenerate(api.WithPrincipal(t.Context(), api.Local())); err != nil {
		t.Fatal(err)
	}
	var got []string
	err = h.store.View(t.Context(), func(r hotspot.Reader) error {
		rows, err := r.Audit(0, 100)
		for _, row := range rows {
			got = append([]string{string(row.Actor.Kind) + " " + row.Actor.Name + " " + string(row.Action) + " " + row.Subject}, got...)
			for _, c := range row.Changes {
				if strings.Contains(c.Old+c.New, text) {
					t.Errorf("the key is in %+v", row)
				}
			}
		}
		return err
	})
	want := `operator anna@example.com key.created till
operator anna@example.com key.renamed till
operator anna@example.com key.tokens_ended bar
operator anna@example.com key.removed bar
command line command line device_key.regenerated device key`
	if s := strings.Join(got, "\n"); s != want || err != nil {
		t.Errorf("%s\n%v", s, err)
	}
}

// TestKeyOfOperator: a key does no more than its operator may do now.
func TestKeyOfOperator(t *testing.T) {
	h := newHouse(t)
	owner, err := h.ops.Operator(t.Context(), api.NewID())
	if err != nil {
		t.Fatal(err)
	}
	_, text, err := h.keys.Create(t.Context(), owner, api.NewKey{Label: "till", Expires: "Never"})
	if err != nil {
		t.Fatal(err)
	}
	if p, err := h.keys.Check(t.Context(), text, owner.From); err != nil || !p.May(api.ScopeVouchers) {
		t.Fatalf("%+v, %v", p, err)
	}
	h.ops.dismiss()
	if _, err := h.keys.Check(t.Context(), text, owner.From); !errors.Is(err, api.ErrWrongKey) {
		t.Errorf("the key of one who is gone: %v", err)
	}
}
