package action_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/vouchsafe/vouchsafe/hotspot"
)

// FuzzParams sends arbitrary queries and bodies. Whatever comes, the answer is
// a JSON object with a status of the contract, and what reaches the service is
// UTF-8 and within bounds.
func FuzzParams(f *testing.F) {
	k := `"api-key": "` + testKey + `", "action": "create_voucher"`
	for _, s := range [][3]string{
		{"", "application/json", "{" + k + "}"},
		{"", "application/json", "{" + k + `, "username": 12, "download_limit": "1e3", "valid_for": "2 days", "valid_from": "2025-01-17 10:00:00"}`},
		{"", "application/json", "{" + k + `, "username": "\ud800", "x": [[[{}]]]}`},
		{"api-key=" + testKey, "application/x-www-form-urlencoded", "action=create_voucher&username=%C3%A9&upload_limit=-1"},
		{"api-key=" + testKey + "&action=create_voucher&fullname=a;b", "", ""},
		{"", "multipart/form-data; boundary=B", multipart("api-key", testKey) + multipart("action", "create_voucher") + "--B--\r\n"},
		{"api-key=" + testKey + "&action=get_voucher_users&limit=1&after_id=45", "text/plain", "x"},
	} {
		f.Add(s[0], s[1], s[2])
	}
	f.Fuzz(func(t *testing.T, query, contentType, body string) {
		fs := fixture(t)
		fs.create = func(c ctx, specs ...hotspot.VoucherSpec) ([]hotspot.Voucher, error) {
			s := specs[0]
			if !utf8.ValidString(s.Username + s.Passcode + s.FullName) {
				t.Errorf("not UTF-8: %+v", s)
			}
			if s.Limit.Down > hotspot.MaxLimitMB*hotspot.MB || s.Limit.Up > hotspot.MaxLimitMB*hotspot.MB {
				t.Errorf("limit out of bounds: %+v", s.Limit)
			}
			return echoCreate(c, s)
		}
		fs.remove = func(_ ctx, name string) error {
			if name == "" || !utf8.ValidString(name) {
				t.Errorf("removes %q", name)
			}
			return nil
		}
		h := newHandler(fs)
		for _, method := range []string{"GET", "POST"} {
			r := httptest.NewRequest(method, "/api/", strings.NewReader(body))
			r.URL.RawQuery = query
			if contentType != "" {
				r.Header.Set("Content-Type", contentType)
			}
			w := serve(h, r)
			var answer map[string]any
			if err := json.Unmarshal(w.Body.Bytes(), &answer); err != nil || !utf8.Valid(w.Body.Bytes()) {
				t.Errorf("%v in %q", err, w.Body)
			}
			switch w.Code {
			case http.StatusOK, http.StatusBadRequest, http.StatusRequestEntityTooLarge, http.StatusUnsupportedMediaType:
			default:
				t.Errorf("status %d", w.Code)
			}
			if detail, _ := answer["detail"].(string); strings.Contains(detail, "internal error") {
				t.Errorf("internal error for %q %q %q", query, contentType, body)
			}
		}
	})
}
