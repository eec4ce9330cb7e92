package vouchers

import (
	"bytes"
	"errors"
	"fmt"
	"mime/multipart"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/vouchsafe/vouchsafe/api"
	"github.com/vouchsafe/vouchsafe/hotspot"
	"github.com/vouchsafe/vouchsafe/webui/admin/paneltest"
)

// send uploads a file as the page's form does.
func (h *house) send(conflict, name, file string) paneltest.Answer {
	h.t.Helper()
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	for _, err := range []error{w.WriteField("token", h.Token()), w.WriteField("conflict", conflict)} {
		if err != nil {
			h.t.Fatal(err)
		}
	}
	part, err := w.CreateFormFile("file", name)
	if err != nil {
		h.t.Fatal(err)
	}
	if _, err := part.Write([]byte(file)); err != nil {
		h.t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		h.t.Fatal(err)
	}
	return h.Send(h.t, pathImport, w.FormDataContentType(), &b)
}

// checked uploads a file and returns the page that says what it would do.
func (h *house) checked(conflict, file string) string {
	h.t.Helper()
	a := h.send(conflict, "guests.csv", file)
	if a.Status != http.StatusSeeOther {
		h.t.Fatalf("upload: %d\n%s", a.Status, a.Body)
	}
	return h.page(a.Header.Get("Location"), http.StatusOK)
}

func TestImport(t *testing.T) {
	h := venue(t, api.RoleManager)
	file := "username;passcode;valid_for;download_limit;devices\nanna;x;2 days;1 GB;2\nROOM12;;1 day;;\n;;;;\nberta;;often;;\nclara;;;lots;\nanna;y;;;\ndora;;always;;500\n"
	body := h.checked("fail", file)
	wants(t, body, "guests.csv", "Import 1 voucher, leave out 5 lines", "Lines that cannot be: 5", "already exists", "is in the file twice", "Write always, or a length", "A limit is at most", "number from 0 to 100")
	h.gone("anna")
	for _, line := range []string{"3", "5", "6", "7", "8"} {
		wants(t, body, `data-label="Line"><div>`+line)
	}
	body = h.checked("update", file)
	wants(t, body, "Import 2 vouchers, leave out 4 lines")
	_, body = h.post(pathCheck, url.Values{"conflict": {"update"}})
	wants(t, body, "Imported: 1 new, 1 changed, 0 passed over.", "Lines left out: 4")
	if v := h.voucher("anna"); v.Passcode != "x" || v.Limit.Down != 1<<30 || v.Devices != 2 {
		t.Errorf("%+v", v.Voucher)
	}
	if v := h.voucher("ROOM12"); v.ValidFor != hotspot.Validity(hotspotDay) || v.Passcode != "ABC234" || v.Limit.Down != 0 {
		t.Errorf("%+v", v.Voucher)
	}
	_, body = h.post(pathCheck, url.Values{"conflict": {"update"}})
	wants(t, body, "not there any more")
	_, body = h.post(pathCheck, nil)
	wants(t, body, "not there any more")

	body = h.checked("skip", "username\nanna\nemil\n")
	wants(t, body, "Import 1 voucher")
	_, body = h.post(pathCheck, url.Values{"conflict": {"skip"}})
	wants(t, body, "Imported: 1 new, 0 changed, 1 passed over.")
	lacks(t, body, "Lines left out")
}

func TestImportFaults(t *testing.T) {
	h := newHouse(t, api.RoleManager)
	for name, file := range map[string]string{
		"empty": "", "no column": "color\nred\n", "quote": "username\n\"a", "UTF-16": "\xff\xfeu\x00", "HTML": "<script>alert(1)</script>",
		"too long": "username\n" + strings.Repeat("x", 64<<10),
	} {
		body := h.checked("fail", file)
		wants(t, body, "cannot be read to its end")
		if lacks(t, body, "<script>alert", `name="conflict" value`); t.Failed() {
			t.Fatal(name)
		}
	}
	wants(t, h.checked("fail", "username\n"), "New vouchers")
	wants(t, h.checked("odd", "devices\n"+strings.Repeat("x\n", 1100)), "more than 1,000 lines")
	big := "note\n" + strings.Repeat(strings.Repeat("x", 1000)+"\n", maxFile/1000)
	if a := h.send("fail", "big.csv", big); a.Status != http.StatusUnprocessableEntity || !strings.Contains(a.Body, "larger than 10 MB") {
		t.Errorf("too large: %d", a.Status)
	}
	if a := h.Send(t, pathImport, "multipart/form-data; boundary=x", strings.NewReader("--x\r\nContent-Disposition: form-data; name=\"token\"\r\n\r\n"+h.Token()+"\r\n--x--\r\n")); a.Status != http.StatusUnprocessableEntity || !strings.Contains(a.Body, "Choose a file first") {
		t.Errorf("no file: %d", a.Status)
	}
	if all, _ := h.service.Vouchers(t.Context(), 0, 1); len(all) != 0 {
		t.Error("something was imported")
	}
}

// A large file goes in batches, each one transaction.
func TestImportLarge(t *testing.T) {
	h := newHouse(t, api.RoleManager)
	var b strings.Builder
	b.WriteString("username\n")
	for i := range atOnce + 10 {
		fmt.Fprintf(&b, "u%d\n", i)
	}
	b.WriteString("u0\n") // of another batch
	wants(t, h.checked("skip", b.String()), "Import 5010 vouchers, leave out 1 lines")
	before := h.store.Updates()
	_, body := h.post(pathCheck, url.Values{"conflict": {"skip"}})
	wants(t, body, "Imported: 5010 new")
	if n := h.store.Updates() - before; n != 2 {
		t.Errorf("%d transactions", n)
	}
}

// A file is for whoever sent it, for a while.
func TestUploads(t *testing.T) {
	var u uploads
	now := time.Unix(0, 0)
	if err := u.put(api.ID{1}, "a", strings.NewReader("x"), now); err != nil {
		t.Fatal(err)
	}
	if u.get(api.ID{2}, now) != nil || u.get(api.ID{1}, now) == nil {
		t.Error("a file is somebody else's")
	}
	if u.get(api.ID{1}, now.Add(uploadTime+1)) != nil || u.kept != nil {
		t.Error("a file is there for ever")
	}
	if err := u.put(api.ID{1}, "a", iotest.ErrReader(errors.New("lost")), now); err == nil || u.kept != nil {
		t.Error("half a file is kept")
	}
}

// FuzzImport uploads any file, and looks at what it would do, and does it.
func FuzzImport(f *testing.F) {
	f.Add("username,passcode\na,b\n", "update")
	f.Add("username;note\n\"a;b\";\"<script>\"\n'=1;x\n", "skip")
	f.Add("\xef\xbb\xbfvalid_from\tdevices\n2026-01-01\t3\n", "")
	f.Fuzz(func(t *testing.T, file, conflict string) {
		h := newHouse(t, api.RoleManager)
		if body := h.checked("", file); strings.Contains(body, "<script>") {
			t.Error("a cell is markup")
		}
		if a := h.Post(t, pathCheck, url.Values{"conflict": {conflict}}); a.Status >= http.StatusInternalServerError {
			t.Errorf("%d", a.Status)
		}
	})
}
