package vouchers

import (
	"html"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/vouchsafe/vouchsafe/api"
	"github.com/vouchsafe/vouchsafe/hotspot"
)

func id(v hotspot.VoucherView) string { return strconv.FormatUint(v.ID, 10) }

// Rows that were ticked are disabled at once, and taken back by the button.
func TestPickedRows(t *testing.T) {
	h := venue(t, api.RoleManager)
	room, old := h.voucher("ROOM12"), h.voucher("OLD001")
	to, body := h.post(pathSelect, url.Values{"do": {"disable"}, "id": {id(room), id(old), "x", "0"}, "q": {"o"}, "sort": {"username"}})
	if to != Path+"?q=o&sort=username" {
		t.Errorf("leads to %s", to)
	}
	wants(t, body, "Disabled: 2 vouchers", "undone until today at 17:14")
	if v := h.voucher("ROOM12"); !v.Disabled || v.Online != 0 {
		t.Errorf("%+v", v)
	}
	wants(t, h.undo(body), "As before: 2 vouchers")
	if v := h.voucher("ROOM12"); v.Disabled {
		t.Error("disabled after all")
	}
	_, body = h.post(pathUndo, url.Values{"undo": {undoButton.FindStringSubmatch(body)[2]}})
	wants(t, body, "cannot be undone any more")

	_, body = h.post(pathSelect, url.Values{"do": {"disable"}})
	wants(t, body, "Nothing was picked")
	a := h.Post(t, pathSelect, url.Values{"do": {"print"}, "id": {"1", "2", "3", "9"}})
	if got := a.Header.Get("Location"); got != "/print?ids=1-3%2C9" {
		t.Errorf("print: %s", got)
	}
	a = h.Post(t, pathSelect, url.Values{"do": {"print"}, "all": {"yes"}, "q": {"conf"}, "status": {"new"}})
	if got := a.Header.Get("Location"); got != "/print?q=conf&status=new" {
		t.Errorf("print: %s", got)
	}
	a = h.Post(t, pathSelect, url.Values{"do": {"export"}, "all": {"yes"}, "q": {"conf"}})
	if got := a.Header.Get("Location"); got != pathExport+"?q=conf" {
		t.Errorf("export: %s", got)
	}
}

// All that a search finds is asked about first: how many they are, and whether
// it can be undone.
func TestAllFound(t *testing.T) {
	h := venue(t, api.RoleManager)
	a := h.Post(t, pathSelect, url.Values{"do": {"remove"}, "all": {"yes"}, "q": {"conference"}, "id": {"1"}})
	ask := h.page(a.Header.Get("Location"), http.StatusOK)
	wants(t, ask, "Remove 60 vouchers?", "K7M000", "can be undone for 10 minutes", `name="all" value="yes"`, `name="q" value="conference"`)
	_, body := h.post(pathChange, url.Values{"do": {"remove"}, "all": {"yes"}, "q": {"conference"}, "back": {Path + "?q=conference"}})
	wants(t, body, "Removed: 60 vouchers", "Nothing found")
	h.gone("K7M007")
	wants(t, h.undo(body), "As before: 60 vouchers", "K7M059")

	_, body = h.post(pathChange, url.Values{"do": {"topup"}, "all": {"yes"}, "status": {"used-up"}, "more_down": {"1 GB"}})
	wants(t, body, "Data or time added: 0 vouchers")
	_, body = h.post(pathChange, url.Values{"do": {"topup"}, "all": {"yes"}, "status": {"expired"}, "more_down": {"١ GB"}, "more_time": {"1 day"}})
	wants(t, body, "Data or time added: 1 voucher")
	if v := h.voucher("OLD001"); !v.ExpiresAt.Equal(start.Add(26*time.Hour)) || v.Status != hotspot.VoucherOnline {
		t.Errorf("extended: %+v", v)
	}
	_, body = h.post(pathChange, url.Values{"do": {"note"}, "ids": {id(h.voucher("OLD001"))}, "note": {"gone"}})
	wants(t, body, "Note set: 1 voucher")
	body = h.refused(pathChange, url.Values{"do": {"topup"}, "ids": {"1"}, "more_up": {"lots"}}, http.StatusUnprocessableEntity)
	wants(t, body, "Enter an amount", "lots")
	wants(t, h.refused(pathChange, url.Values{"do": {"topup"}, "ids": {"1"}}, http.StatusUnprocessableEntity), "Enter how much")
	for _, form := range []url.Values{{"do": {"remove"}}, {"do": {"odd"}, "ids": {"1"}}, {"do": {"print"}, "ids": {"1"}}} {
		h.refused(pathChange, form, http.StatusNotFound)
	}
	if _, body := h.post(pathChange, url.Values{"do": {"remove"}, "ids": {"junk"}}); !strings.Contains(body, "Removed: 0 vouchers") {
		t.Error("numbers that are none name vouchers")
	}
}

// What is too much to be undone is said before.
func TestTooManyToUndo(t *testing.T) {
	h := newHouse(t, api.RoleManager)
	h.make(make([]hotspot.VoucherSpec, hotspot.MaxUndo+1)...)
	wants(t, h.page(pathChange+"?do=remove&all=yes", http.StatusOK), "Remove 5001 vouchers?", "cannot be undone")
	_, body := h.post(pathChange, url.Values{"do": {"remove"}, "all": {"yes"}})
	wants(t, body, "Removed: 5001 vouchers", "No vouchers yet")
	lacks(t, body, `name="undo"`)
}

func TestOnePage(t *testing.T) {
	h := venue(t, api.RoleManager)
	room := h.voucher("ROOM12")
	body := h.page(Path+"/ROOM12", http.StatusOK)
	wants(t, body, "ABC234", "Amber Otter", "02:00:00:00:00:01", "0 received, of 500 MB", "<meter", "until 16 July 2026 at 17:04", "online now", "Remove voucher ROOM12?", "1 of 3")
	odd := h.voucher("a/b ?#<i>")
	wants(t, h.page(byNumber(odd.ID), http.StatusOK), "a/b ?#&lt;i&gt;")
	wants(t, h.page(Path+"?q=a%2Fb", http.StatusOK), `href="`+byNumber(odd.ID)+`"`)
	for _, path := range []string{Path + "/nobody", Path + "/by-id/99999", Path + "/by-id/0", Path + "/by-id/x"} {
		h.page(path, http.StatusNotFound)
	}
	one := byNumber(room.ID) + "/change"
	for _, do := range []string{"disable", "enable", "unbind", "reset"} {
		_, body := h.post(one, url.Values{"do": {do}})
		wants(t, body, "ROOM12", `name="undo"`)
		if do == "unbind" {
			h.undo(body)
		}
	}
	if v := h.voucher("ROOM12"); len(v.Bound) != 1 || v.Disabled {
		t.Errorf("%+v", v)
	}
	_, body = h.post(one, url.Values{"do": {"topup"}, "more_down": {"500"}, "more_time": {"2 hours"}})
	wants(t, body, "has more now", "of 1000 MB", "2 days 2 hours")
	wants(t, h.refused(one, url.Values{"do": {"topup"}, "more_down": {"x"}}, http.StatusUnprocessableEntity), "Enter an amount")
	h.refused(one, url.Values{"do": {"odd"}}, http.StatusNotFound)
	_, body = h.post(pathChange, url.Values{"do": {"remove"}, "ids": {id(room)}})
	wants(t, body, "Removed: 1 voucher")
	h.gone("ROOM12")
	h.undo(body)
	h.voucher("ROOM12")
}

// form is what the page's form holds for a voucher.
func form(h *house, name string) url.Values {
	v := h.voucher(name)
	f := url.Values{"version": {v.Version()}}
	for field, value := range (&area{Config: Config{Service: h.service}}).values(v.Voucher) {
		f.Set(field, value)
	}
	return f
}

func TestEdit(t *testing.T) {
	h := venue(t, api.RoleManager)
	was := h.voucher("ROOM12")
	path := byNumber(was.ID)
	f := form(h, "ROOM12")
	f.Set("username", "ROOM١٣")
	f.Set("note", "moved")
	f.Set("limit_up", "1 GB")
	f.Set("limit_total", "1200 MB")
	f.Set("valid_from", "2026-07-01T08:30")
	to, body := h.post(path, f)
	if to != Path+"/ROOM13" {
		t.Errorf("leads to %s", to)
	}
	wants(t, body, "Saved.", "moved", `value="2026-07-01T08:30"`, `value="1 GB"`, `value="1200 MB"`, "of 1200 MB together")
	v := h.voucher("ROOM13")
	if v.Limit != (hotspot.Usage{Down: 500 * hotspot.MB, Up: 1 << 30}) || v.LimitTotal != 1200*hotspot.MB || v.Passcode != "ABC234" || v.ValidFor != was.ValidFor || v.Devices != 3 {
		t.Errorf("edited: %+v", v.Voucher)
	}
	h.undo(body)
	if v := h.voucher("ROOM12"); v.Note != was.Note || !v.ValidFrom.IsZero() {
		t.Errorf("after all: %+v", v.Voucher)
	}
	for name, value := range map[string]string{"username": "old001", "passcode": strings.Repeat("x", 65), "limit_down": "x", "devices": "101", "valid_from": "x", "valid_for": "x", "note": strings.Repeat("x", 1001)} {
		f := form(h, "ROOM12")
		f.Set(name, value)
		wants(t, h.refused(path, f, http.StatusUnprocessableEntity), `aria-invalid="true"`, value)
	}
	if v := h.voucher("ROOM12"); v.Version() != was.Version() {
		t.Errorf("changed: %+v", v.Voucher)
	}
}

// Two operators at one voucher do not overwrite one another.
func TestConflict(t *testing.T) {
	h := venue(t, api.RoleManager)
	path := byNumber(h.voucher("ROOM12").ID)
	mine := form(h, "ROOM12")
	mine.Set("note", "mine")
	if _, err := h.service.EditVoucher(t.Context(), "ROOM12", hotspot.VoucherEdit{Note: ptr("theirs"), LimitDown: new(uint64)}); err != nil {
		t.Fatal(err)
	}
	body := h.refused(path, mine, http.StatusConflict)
	wants(t, body, "Somebody changed this voucher", "Now: theirs", "Now: empty", "mine</textarea>", `value="500 MB"`, h.voucher("ROOM12").Version())
	mine.Set("version", h.voucher("ROOM12").Version())
	h.post(path, mine)
	if v := h.voucher("ROOM12"); v.Note != "mine" || v.Limit.Down != 500*hotspot.MB {
		t.Errorf("%+v", v.Voucher)
	}
	mine.Del("version")
	h.refused(path, mine, http.StatusConflict)
}

func ptr[T any](v T) *T { return &v }

// An undo is for whoever made the change.
func TestForeignUndo(t *testing.T) {
	h := venue(t, api.RoleManager)
	var u hotspot.Undo
	ctx := hotspot.WithActor(t.Context(), hotspot.Actor{Kind: hotspot.ActorOperator, ID: "somebody else"})
	if _, err := h.service.RemoveVouchers(hotspot.WithUndo(ctx, &u), []uint64{h.voucher("OLD001").ID}, nil); err != nil {
		t.Fatal(err)
	}
	note, _, err := h.service.KeepUndo(ctx, &u)
	if err != nil {
		t.Fatal(err)
	}
	_, body := h.post(pathUndo, url.Values{"undo": {note.ID}})
	wants(t, body, "cannot be undone")
	h.gone("OLD001")
}

// What was changed since stays, and is named.
func TestUndoLeaves(t *testing.T) {
	h := newHouse(t, api.RoleManager)
	h.make(hotspot.VoucherSpec{Username: "anna"}, hotspot.VoucherSpec{Username: "berta"})
	_, body := h.post(pathChange, url.Values{"do": {"note"}, "all": {"yes"}, "note": {"x"}})
	if _, err := h.service.EditVoucher(t.Context(), "anna", hotspot.VoucherEdit{Note: ptr("y")}); err != nil {
		t.Fatal(err)
	}
	wants(t, h.undo(body), "As before: 1 voucher", "Left as they are: 1 voucher", "anna")
	if a, b := h.voucher("anna").Note, h.voucher("berta").Note; a != "y" || b != "" {
		t.Errorf("notes %q, %q", a, b)
	}
}

// Whoever takes a change back is where it was made: at the same search, or at
// the voucher, even if its code is another one again.
func TestUndoLeadsBack(t *testing.T) {
	h := venue(t, api.RoleManager)
	press := func(body string) string {
		t.Helper()
		m := undoButton.FindStringSubmatch(body)
		to, _ := h.post(html.UnescapeString(m[1]), url.Values{"undo": {m[2]}})
		return to
	}
	room := h.voucher("ROOM12")
	_, body := h.post(pathSelect, url.Values{"do": {"disable"}, "id": {id(room)}, "q": {"o"}, "sort": {"username"}})
	if to := press(body); to != Path+"?q=o&sort=username" {
		t.Errorf("from a search: %s", to)
	}
	form := url.Values{"username": {"ROOM13"}, "passcode": {room.Passcode}, "full_name": {room.FullName}, "valid_for": {"1 day"}, "version": {room.Version()}}
	to, body := h.post(byNumber(room.ID), form)
	if to != Path+"/ROOM13" {
		t.Fatalf("saved: %s\n%s", to, body)
	}
	if to := press(body); to != byNumber(room.ID) {
		t.Errorf("from a voucher: %s", to)
	}
	for path, want := range map[string]string{pathSelect + "?lang=ar": Path + "?lang=ar&q=o", byNumber(room.ID) + "/change?lang=ar": byNumber(room.ID) + "?lang=ar"} {
		_, body := h.post(path, url.Values{"do": {"disable"}, "id": {id(room)}, "q": {"o"}})
		if to := press(body); to != want {
			t.Errorf("in Arabic, from %s: %s", path, to)
		}
	}
}

// The address to go back to is one of ours, whatever a link says.
func TestBack(t *testing.T) {
	h := venue(t, api.RoleManager)
	for _, back := range []string{"https://evil.example/", "//evil.example/", `/\evil.example/`, "javascript:alert(1)", "\tx"} {
		a := h.Post(t, pathChange, url.Values{"do": {"note"}, "ids": {"1"}, "back": {back}})
		if to := a.Header.Get("Location"); a.Status != http.StatusSeeOther || !strings.HasPrefix(to, "/") || strings.Contains(to, "evil") {
			t.Errorf("%q leads to %q (%d)", back, to, a.Status)
		}
		if to := h.Post(t, pathUndo+"?back="+url.QueryEscape(back), url.Values{"undo": {"00"}}).Header.Get("Location"); to == "" || strings.Contains(to, "evil") {
			t.Errorf("taken back, %q leads to %q", back, to)
		}
		lacks(t, h.page(pathChange+"?do=note&ids=1&back="+url.QueryEscape(back), http.StatusOK), `href="`+back, `href="//`)
	}
}
