package v1_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/vouchsafe/vouchsafe/api"
	v1 "github.com/vouchsafe/vouchsafe/api/v1"
)

// An edit with the ETag of a voucher as it was looked at is refused once
// somebody else has changed it.
func TestIfMatch(t *testing.T) {
	h := newHouse(t)
	key := "Bearer " + h.key("till", api.ScopeVouchers)
	h.do("POST", "/vouchers", `{"username":"anna"}`, "Authorization", key)
	seen := h.do("GET", "/vouchers/anna", "", "Authorization", key).Header().Get("ETag")
	edit := func(note, tag string, want int) string {
		t.Helper()
		w := h.do("PATCH", "/vouchers/anna", `{"note":"`+note+`"}`, "Authorization", key, "If-Match", tag)
		if w.Code != want {
			t.Errorf("If-Match %s: %d %s", tag, w.Code, w.Body)
		}
		return w.Header().Get("ETag")
	}
	now := edit("1", seen, http.StatusOK)
	if seen == "" || now == seen || now != h.do("GET", "/vouchers/anna", "", "Authorization", key).Header().Get("ETag") {
		t.Errorf("tags %s, then %s", seen, now)
	}
	edit("2", seen, http.StatusPreconditionFailed)
	edit("2", "W/"+now, http.StatusPreconditionFailed)
	edit("2", `"x", `+now, http.StatusUnprocessableEntity)
	edit("2", "`x`", http.StatusUnprocessableEntity)
	edit("2", `""`, http.StatusUnprocessableEntity)
	edit("2", "*", http.StatusOK)
	var v v1.Voucher
	if err := json.Unmarshal(h.do("GET", "/vouchers/anna", "", "Authorization", key).Body.Bytes(), &v); err != nil || v.Note != "2" {
		t.Errorf("%+v, %v", v, err)
	}
	for _, c := range []struct {
		path, tag string
		want      int
	}{
		{"/vouchers/anna", now, http.StatusPreconditionFailed},
		{"/vouchers/anna", "W/" + v.Username, http.StatusPreconditionFailed},
		{"/vouchers/anna", "x", http.StatusUnprocessableEntity},
		{"/vouchers/nobody", now, http.StatusNotFound},
		{"/guests/02:00:5E:10:00:01", now, http.StatusForbidden},
		{"/vouchers/anna", h.do("GET", "/vouchers/anna", "", "Authorization", key).Header().Get("ETag"), http.StatusNoContent},
	} {
		if w := h.do("DELETE", c.path, "", "Authorization", key, "If-Match", c.tag); w.Code != c.want {
			t.Errorf("DELETE %s if %s: %d %s", c.path, c.tag, w.Code, w.Body)
		}
	}
	if w := h.do("POST", "/vouchers", `{}`, "Authorization", key, "If-Match", now); w.Code != http.StatusBadRequest || h.count() != 0 {
		t.Errorf("where nobody looks at it: %d %s", w.Code, w.Body)
	}
}

// A change is taken back by the key that made it.
func TestUndo(t *testing.T) {
	h := newHouse(t)
	mine, other := "Bearer "+h.key("till", api.ScopeVouchers), "Bearer "+h.key("other", api.ScopeVouchers)
	h.do("POST", "/vouchers", `{"count":2,"prefix":"P-","valid_for":"1 day"}`, "Authorization", mine)
	ask := func(path, body, key string, want int, to any) {
		t.Helper()
		w := h.do("POST", path, body, "Authorization", key)
		if err := json.Unmarshal(w.Body.Bytes(), to); err != nil || w.Code != want {
			t.Fatalf("%s: %d %s", path, w.Code, w.Body)
		}
	}
	var edited v1.Changed[v1.Voucher]
	ask("/vouchers/edit", `{"where":{"username":"p-*"},"edit":{"extend":"6 hours"},"undoable":true}`, mine, http.StatusOK, &edited)
	if len(edited.Items) != 2 || edited.Items[0].ValidFor != "30 hours" || edited.Undo == nil || edited.Undo.Vouchers != 2 {
		t.Fatalf("%+v", edited)
	}
	var p v1.Problem
	ask("/vouchers/undo", `{"id":"`+edited.Undo.ID+`"}`, other, http.StatusNotFound, &p)
	var res v1.UndoResult
	ask("/vouchers/undo", `{"id":"`+edited.Undo.ID+`"}`, mine, http.StatusOK, &res)
	if res.Restored != 2 || res.Left != 0 {
		t.Errorf("%+v", res)
	}
	var gone v1.Changed[string]
	ask("/vouchers/remove", `{"where":{"all":true}}`, mine, http.StatusOK, &gone)
	if len(gone.Items) != 2 || gone.Undo != nil || h.count() != 0 {
		t.Errorf("%+v", gone)
	}
	ask("/vouchers/edit", `{"where":{"all":true},"edit":{"extend":"always"}}`, mine, http.StatusUnprocessableEntity, &p)
	if p.Field != "extend" {
		t.Errorf("%+v", p)
	}
}

// A lenient import leaves out what cannot be and tells it; asked again, it gives
// the same answer.
func TestLenientImport(t *testing.T) {
	h := newHouse(t)
	key := "Bearer " + h.key("till", api.ScopeVouchers)
	lines := `{"username":"anna"}` + "\nx\n" + `{"username":"ANNA"}` + "\n\n" + `{"username":"berta","valid_for":"3 weeks"}` + "\n" + `{"username":"clara"}`
	ask := func(query, lines string, want int, headers ...string) string {
		t.Helper()
		w := h.do("POST", "/vouchers/import?"+query, lines, append(headers, "Authorization", key, "Content-Type", "application/x-ndjson")...)
		if w.Code != want {
			t.Fatalf("%s: %d %s", query, w.Code, w.Body)
		}
		return w.Body.String()
	}
	ask("dry_run=true", lines, http.StatusUnprocessableEntity)
	dry := ask("lenient=true&dry_run=true", lines, http.StatusOK)
	one := ask("lenient=true", lines, http.StatusOK, "Idempotency-Key", "once")
	if again := ask("lenient=true", lines, http.StatusOK, "Idempotency-Key", "once"); strings.TrimSpace(again) != strings.TrimSpace(one) || h.count() != 2 {
		t.Errorf("first %s, then %s; %d vouchers", one, again, h.count())
	}
	var got v1.ImportFitted
	if err := json.Unmarshal([]byte(one), &got); err != nil || got.Created != 2 || len(got.Refused) != 3 || got.Refused[0].Field != "vouchers[1]" || got.Refused[1].Field != "vouchers[2].username" || got.Refused[2].Field != "vouchers[3].valid_for" {
		t.Errorf("%+v, %v, rehearsed as %s", got, err, dry)
	}
	full := ""
	for range v1.MaxBatch + 1 {
		full += "{}\n"
	}
	ask("lenient=true", full, http.StatusUnprocessableEntity)
}
