package action_test

import (
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/vouchsafe/vouchsafe/hotspot"
)

// creator returns a handler and the last specification that reached the
// service, nil if none did.
func creator(t *testing.T) (create func(members string) (msg, detail string), last func() *hotspot.VoucherSpec) {
	var spec *hotspot.VoucherSpec
	f := &fakeService{t: t, settings: on}
	f.create = func(c ctx, s ...hotspot.VoucherSpec) ([]hotspot.Voucher, error) {
		spec = &s[0]
		return echoCreate(c, s...)
	}
	h := newHandler(f)
	return func(members string) (string, string) {
		spec = nil
		return message(t, postJSON(h, `"action": "create_voucher", `+members))
	}, func() *hotspot.VoucherSpec { return spec }
}

// acceptedValidities is the documentation's list, written out on its own.
func acceptedValidities() map[string]time.Duration {
	m := map[string]time.Duration{"always": 0, "1 hour": time.Hour, "1 day": 24 * time.Hour}
	for h := 2; h <= 23; h++ {
		m[fmt.Sprintf("%d hours", h)] = time.Duration(h) * time.Hour
	}
	for d := 2; d <= 30; d++ {
		m[fmt.Sprintf("%d days", d)] = time.Duration(d) * 24 * time.Hour
	}
	for _, d := range []int{35, 40, 45, 50, 55, 60, 90, 120, 150, 180, 365} {
		m[fmt.Sprintf("%d days", d)] = time.Duration(d) * 24 * time.Hour
	}
	return m
}

func TestValidFor(t *testing.T) {
	create, last := creator(t)
	accepted := acceptedValidities()
	if len(accepted) != 1+23+30+11 {
		t.Fatalf("%d values", len(accepted))
	}
	for s, d := range accepted {
		if msg, detail := create(`"valid_for": ` + strconv.Quote(s)); msg != "User added successfully" || detail != "" {
			t.Errorf("%q: %q %q", s, msg, detail)
		} else if got := last().ValidFor; got == nil || time.Duration(*got) != d {
			t.Errorf("%q became %v", s, got)
		}
	}
	refused := []string{
		"3 weeks", "0 hours", "0 days", "1 hours", "1 days", "2 hour", "2 day", "24 hours", "25 hours", "31 days",
		"34 days", "36 days", "61 days", "100 days", "364 days", "366 days", "1000 days", "-1 days", "-1 day", "+2 days",
		"1.5 days", "01 day", "1  day", " 1 day", "1 day ", "1day", "1 Day", "1 DAY", "Always", "ALWAYS", "never", "1",
		"day", "1 month", "1 year", "1 week", "30 minutes", "1 dаy", "１ day", "1 day\x00", "1\u00a0day", "always;", "365 hours",
	}
	for d := 31; d <= 400; d++ {
		if s := fmt.Sprintf("%d days", d); accepted[s] == 0 {
			refused = append(refused, s)
		}
	}
	for _, s := range refused {
		msg, detail := create(`"valid_for": ` + jsonQuote(s))
		if msg != "An error occurred" || !strings.HasPrefix(detail, "valid_for: ") || last() != nil {
			t.Errorf("%q: %q %q, spec %v", s, msg, detail, last())
		}
	}
	for _, raw := range []string{"1", "0", "24", "true", "false", "[]", `["1 day"]`, `{}`, `{"a":"1 day"}`} {
		if msg, _ := create(`"valid_for": ` + raw); msg != "An error occurred" || last() != nil {
			t.Errorf("%s: %q", raw, msg)
		}
	}
	for _, raw := range []string{`""`, "null"} {
		if msg, _ := create(`"valid_for": ` + raw); msg != "User added successfully" || last().ValidFor != nil {
			t.Errorf("%s: %q, not the preset", raw, msg)
		}
	}
}

func jsonQuote(s string) string {
	return strings.ReplaceAll(strings.ReplaceAll(strconv.Quote(s), `\x00`, `\u0000`), `\U`, `\u`)
}

func TestValidFrom(t *testing.T) {
	create, last := creator(t)
	for _, s := range []string{"2018-08-24 00:00:00", "2025-01-17 10:00:00", "2024-02-29 23:59:59", "9999-12-31 23:59:59", "1970-01-01 00:00:00"} {
		if msg, _ := create(`"valid_from": "` + s + `"`); msg != "User added successfully" || !last().ValidFrom.Equal(at(s)) {
			t.Errorf("%q: %q", s, msg)
		}
	}
	for _, s := range []string{
		"2018:08:24 00:00:00", "2018-08-24", "2018-08-24T00:00:00", "2018-08-24 00:00", "2018-08-24 0:00:00", "2018-8-24 00:00:00",
		"2018-08-24 00:00:00.5", "2018-08-24 00:00:00,5", "2018-08-24 00:00:00Z", "2018-08-24 00:00:00 ", " 2018-08-24 00:00:00",
		"2018-02-29 00:00:00", "2018-13-01 00:00:00", "2018-00-01 00:00:00", "2018-01-32 00:00:00", "2018-01-01 24:00:00",
		"2018-01-01 00:60:00", "2018-01-01 00:00:60", "24.08.2018 00:00:00", "tomorrow", "now", "0", "1735689600", "-2018-01-01 00:00:00",
		"20180-01-01 00:00:0", "２018-08-24 00:00:00",
	} {
		msg, detail := create(`"valid_from": "` + s + `"`)
		if msg != "An error occurred" || !strings.HasPrefix(detail, "valid_from: ") || last() != nil {
			t.Errorf("%q: %q %q", s, msg, detail)
		}
	}
	for _, raw := range []string{"1735689600", "true", "{}", "[]"} {
		if msg, _ := create(`"valid_from": ` + raw); msg != "An error occurred" {
			t.Errorf("%s: %q", raw, msg)
		}
	}
	for _, raw := range []string{`""`, "null"} {
		if msg, _ := create(`"valid_from": ` + raw); msg != "User added successfully" || !last().ValidFrom.IsZero() {
			t.Errorf("%s: %q", raw, msg)
		}
	}
}

func TestLimits(t *testing.T) {
	create, last := creator(t)
	for _, name := range []string{"download_limit", "upload_limit"} {
		check := func(raw string, wantMB uint64, wantNote bool) {
			t.Helper()
			msg, detail := create(`"` + name + `": ` + raw)
			if msg != "User added successfully" || (detail != "") != wantNote || last() == nil {
				t.Errorf("%s %s: %q %q", name, raw, msg, detail)
				return
			}
			got, other := last().Limit.Down, last().Limit.Up
			if name == "upload_limit" {
				got, other = other, got
			}
			if got != wantMB*1048576 || other != 0 {
				t.Errorf("%s %s: %d bytes, want %d MB; the other limit is %d", name, raw, got, wantMB, other)
			}
		}
		for raw, mb := range map[string]uint64{
			"1": 1, `"1"`: 1, "1024": 1024, `"1024"`: 1024, "9437184": 9437184, `"9437184"`: 9437184, `" 7 "`: 7, `"007"`: 7,
			"10.0": 10, "10.9": 10, `"10.5"`: 10, "1e3": 1000, `"1e3"`: 1000, `"+5"`: 5, "9437184.9": 9437184,
		} {
			check(raw, mb, false)
		}
		for _, raw := range []string{"0", `"0"`, `""`, `" "`, "null"} {
			check(raw, 0, false)
		}
		for _, raw := range []string{
			"-1", `"-1"`, "9437185", `"9437185"`, "0.5", "-0.5", "1e308", "1e999", `"1e999"`, "-1e999", "18446744073709551616",
			"18446744073709551617", "99999999999999999999999999", `"abc"`, `"1 GB"`, `"NaN"`, `"Inf"`, `"-Infinity"`, `"0x10"`, `"1_000"`,
			`"1,000"`, `"1024MB"`, `"٣"`, `"1\u0000"`, `"--1"`, `"e"`, `"."`,
		} {
			check(raw, 0, true)
		}
		for _, raw := range []string{"true", "false", "{}", "[]", "[1]", `{"mb": 1}`} {
			if msg, detail := create(`"` + name + `": ` + raw); msg != "An error occurred" || detail != name+": must be a number" || last() != nil {
				t.Errorf("%s %s: %q %q", name, raw, msg, detail)
			}
		}
	}
}

// TestTexts: bounds are the service's; here only types count, and nothing may
// be changed on the way.
func TestTexts(t *testing.T) {
	create, last := creator(t)
	for _, name := range []string{"username", "passcode", "fullname"} {
		for raw, want := range map[string]string{
			`"a"`: "a", `" a "`: " a ", `"<script>"`: "<script>", `"é王\ud83d\ude00"`: "é王😀", `"a\u0000b"`: "a\x00b", `"\ufffd"`: "\ufffd",
			`"'; DROP TABLE"`: "'; DROP TABLE", "12": "12", "1.50": "1.50", `""`: "", "null": "", `"` + strings.Repeat("x", 60000) + `"`: strings.Repeat("x", 60000),
		} {
			if msg, detail := create(`"` + name + `": ` + raw); msg != "User added successfully" {
				t.Errorf("%s %.40s: %q %q", name, raw, msg, detail)
				continue
			}
			got := map[string]string{"username": last().Username, "passcode": last().Passcode, "fullname": last().FullName}[name]
			if got != want {
				t.Errorf("%s %.40s became %.40q", name, raw, got)
			}
		}
		for _, raw := range []string{"true", "false", "{}", "[]", `["a"]`} {
			if msg, detail := create(`"` + name + `": ` + raw); msg != "An error occurred" || detail != name+": must be text" || last() != nil {
				t.Errorf("%s %s: %q %q", name, raw, msg, detail)
			}
		}
	}
}

// TestWindow: limit and after_id of lists, by what the service is asked for.
func TestWindow(t *testing.T) {
	type ask struct {
		after uint64
		limit int
	}
	var asked []ask
	f := &fakeService{t: t, settings: on}
	f.vouchers = func(_ ctx, after uint64, limit int) ([]hotspot.VoucherView, error) {
		asked = append(asked, ask{after, limit})
		return nil, nil
	}
	h := newHandler(f)
	for _, c := range []struct {
		query string
		want  ask
	}{
		{"", ask{0, 256}}, {"limit=&after_id=", ask{0, 256}}, {"limit=1", ask{0, 1}}, {"limit=10000", ask{0, 256}},
		{"after_id=0", ask{0, 256}}, {"after_id=45&limit=2", ask{45, 2}}, {"after_id=18446744073709551615", ask{18446744073709551615, 256}},
		{"limit=2.0", ask{0, 2}},
	} {
		asked = nil
		w := get(t, h, "action=get_voucher_users&"+c.query)
		if w.Body.String() != "{\"users\":[]}\n" || len(asked) != 1 || asked[0] != c.want {
			t.Errorf("%q: %s, asked %v", c.query, w.Body, asked)
		}
	}
	for _, q := range []string{
		"limit=0", "limit=-1", "limit=10001", "limit=1.5", "limit=x", "limit=1e9", "limit=99999999999999999999", "limit=0x1", "limit=%20",
		"after_id=-1", "after_id=x", "after_id=18446744073709551616", "after_id=1.5", "after_id=1e30",
	} {
		asked = nil
		msg, detail := message(t, get(t, h, "action=get_voucher_users&"+q))
		name, _, _ := strings.Cut(q, "=")
		if msg != "An error occurred" || !strings.HasPrefix(detail, name+": must be a whole number") || asked != nil {
			t.Errorf("%q: %q %q", q, msg, detail)
		}
	}
	for _, raw := range []string{"true", "{}", "[1]"} {
		if msg, _ := message(t, postJSON(h, `"action": "get_voucher_users", "limit": `+raw)); msg != "An error occurred" {
			t.Errorf("limit %s: %q", raw, msg)
		}
	}
}

func TestQuerySpelling(t *testing.T) {
	var spec hotspot.VoucherSpec
	f := &fakeService{t: t, settings: on}
	f.create = func(c ctx, s ...hotspot.VoucherSpec) ([]hotspot.Voucher, error) {
		spec = s[0]
		return echoCreate(c, s...)
	}
	h := newHandler(f)
	for q, want := range map[string]string{
		"username=John%20Doe": "John Doe", "username=John+Doe": "John Doe", "username=a;b": "a;b", "username=a%26b": "a&b",
		"username=a=b": "a=b", "user%6eame=x": "x", "Username=x": "", "username": "", "&&username=x&": "x", "username[]=x": "",
	} {
		if msg, detail := message(t, get(t, h, "action=create_voucher&"+q)); msg != "User added successfully" || spec.Username != want {
			t.Errorf("%q: %q %q, username %q", q, msg, detail, spec.Username)
		}
	}
	for _, q := range []string{"username=%zz", "username=100%", "%=1", "username=%ff", "username=a&username=b", "action=x"} {
		if w := get(t, h, "action=create_voucher&"+q); w.Code != 400 {
			t.Errorf("%q: %d", q, w.Code)
		}
	}
	if _, err := url.ParseQuery("a;b"); err == nil {
		t.Error("net/url reads semicolons now: decodeForm may go")
	}
}
