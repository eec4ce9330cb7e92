package daemon

import (
	"compress/gzip"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/vouchsafe/vouchsafe/api"
	"github.com/vouchsafe/vouchsafe/hotspot"
)

// supportText is the file that says what is beside it.
const supportText = `What Vouchsafe knows of itself, to find a fault by:

about.json          the program and the machine
configuration.json  what the configuration file sets
settings.json       the operator's settings; texts and passwords are only said to be there
findings.json       what an examination found (vouchsafe doctor)
counts.json         how many vouchers, users, logins and so on there are
log.txt             the newest lines of the log
guests.json         who is on the guest network; only if the operator asked for it

Keys, passwords, passcodes and the addresses of webhooks are never in it.
`

// Support implements [api.System].
func (s systemPort) Support(ctx context.Context, w io.Writer, personal bool) error {
	d := s.d
	if err := d.auditSupport(ctx, personal); err != nil {
		return err
	}
	gz := gzip.NewWriter(w)
	b := &bundle{w: gz, at: time.Now()}
	b.text("README.txt", supportText)
	plain := func(text string) string { // of what the daemon says of itself
		if text = addresses.ReplaceAllString(text, "(address)"); !personal {
			text = scrub(text)
		}
		return text
	}
	about := s.About(ctx)
	for i, n := range about.Notices {
		about.Notices[i] = hotspot.Said(plain(n.String()))
	}
	about.RestoreError = hotspot.Said(plain(about.RestoreError.String()))
	b.json("about.json", about)
	b.json("configuration.json", s.Configuration())
	b.json("settings.json", plainSettings(d.service.Settings()))
	counts, err := d.db.Count(ctx)
	b.json("counts.json", counts)
	b.err = firstError(b.err, err)
	lines := d.opts.ring.find(api.LogQuery{})
	slices.Reverse(lines)
	b.text("log.txt", plainLog(lines, personal))
	if personal {
		guests, err := d.onGuestNetwork(ctx)
		b.json("guests.json", guests)
		b.err = firstError(b.err, err)
	}
	var found []api.Finding
	s.Examine(ctx, func(f api.Finding) {
		f.Found, f.Remedy = hotspot.Said(plain(f.Found.String())), hotspot.Said(plain(f.Remedy.String()))
		found = append(found, f)
	})
	b.json("findings.json", found)
	b.end()
	return firstError(b.err, gz.Close())
}

func (d *hotspotDaemon) auditSupport(ctx context.Context, personal bool) error {
	at, believed := d.service.Now()
	what := "without guests"
	if personal {
		what = "with guests"
	}
	row := hotspot.NewAudit(ctx, at, believed, hotspot.AuditSupportMade, what)
	return d.db.Update(ctx, func(tx hotspot.Tx) error {
		row.ID = 0
		return tx.PutAudit(&row)
	})
}

// onGuestNetwork lists what is known of those on the guest network.
func (d *hotspotDaemon) onGuestNetwork(ctx context.Context) ([]map[string]string, error) {
	hosts, err := d.service.GuestHosts(ctx)
	out := []map[string]string{}
	for _, h := range hosts {
		row := map[string]string{"mac": h.MAC.String(), "name": h.Name, "addresses": fmt.Sprint(h.Addrs)}
		if h.Guest != nil {
			row["login"] = h.Guest.Login
		}
		out = append(out, row)
	}
	return out, err
}

// plainSettings are the settings as strangers may see them: texts are the
// operator's own, and any of them may be a password.
func plainSettings(set hotspot.Settings) map[string]string {
	out := map[string]string{}
	for _, k := range hotspot.SettingKeys() {
		v := set.Value(k.Key)
		if (k.Kind == "text" || k.Secret || !plainKind(k.Kind)) && v != "" {
			v = "(set, " + strconv.Itoa(len(v)) + " bytes)"
		}
		out[k.Key] = v
	}
	return out
}

// plainKind reports whether a setting's values are numbers or words of ours.
func plainKind(kind string) bool {
	return strings.Contains(kind, "|") || strings.Contains(kind, "–") || slices.Contains([]string{"duration", "days", "MB", "validity"}, kind)
}

// plainLog writes lines of the log as strangers may see them.
func plainLog(lines []api.LogLine, personal bool) string {
	var b strings.Builder
	for _, l := range lines {
		text := l.Text
		if !personal {
			text = scrub(text)
		}
		fmt.Fprintf(&b, "%s %-5s %-10s %s", l.Time.Format(time.RFC3339), l.Level, l.Component, addresses.ReplaceAllString(text, "(address)"))
		for name, value := range details(l.Details) {
			if v, ok := plainDetail(name, value, personal); ok {
				b.WriteString(" " + name + "=" + v)
			}
		}
		b.WriteByte('\n')
	}
	return b.String()
}

// What names of details may be seen by strangers: nothing that says who a
// guest or an operator is.
var plainDetails = []string{"error", "err", "version", "backend", "after", "took", "from", "to", "count", "sessions", "sessions_ended", "online",
	"closed", "created", "updated", "skipped", "code", "type", "action", "interface", "status", "key", "by", "off_by", "failures", "bytes_before",
	"bytes_after", "wrong", "operation", "until", "path", "method", "did"}

// plainDetail returns a detail of a line as strangers may see it.
func plainDetail(name, value string, personal bool) (string, bool) {
	switch {
	case name == "url" || name == "value": // a webhook's may hold a token, a setting's a password
		return "", false
	case !personal && !slices.Contains(plainDetails, name):
		return "", false
	case !personal:
		value = scrub(value)
	}
	value = addresses.ReplaceAllString(value, "(address)")
	if strings.ContainsAny(value, " =") {
		value = quoted(value)
	}
	return value, true
}

// details reads names and values as [addDetail] writes them.
func details(s string) func(yield func(name, value string) bool) {
	return func(yield func(name, value string) bool) {
		for s != "" {
			name, rest, ok := strings.Cut(s, "=")
			if !ok {
				return
			}
			value := ""
			if strings.HasPrefix(rest, `"`) {
				value, s, _ = strings.Cut(rest[1:], `"`)
				s = strings.TrimPrefix(s, " ")
			} else {
				value, s, _ = strings.Cut(rest, " ")
			}
			if !yield(name, value) {
				return
			}
		}
	}
}

var (
	addresses = regexp.MustCompile(`(?i)https?://\S+`)
	// who matches what may say who somebody is: what is in quotes, e-mail
	// addresses, MAC addresses, IPv6 and IPv4 addresses.
	who = regexp.MustCompile(`'[^']*'|"[^"]*"|\S+@\S+|(?i:[0-9a-f]{2}(?:[:-][0-9a-f]{2}){5})|(?i:[0-9a-f]{1,4}:[0-9a-f:]*:[0-9a-f.]*|::[0-9a-f]+[0-9a-f:.]*)|\d{1,3}(?:\.\d{1,3}){3}`)
)

// scrub takes out of a text what may say who somebody is.
func scrub(s string) string {
	return who.ReplaceAllString(addresses.ReplaceAllString(s, "(address)"), "(left out)")
}

// firstError is the first of two errors that is one.
func firstError(a, b error) error {
	if a != nil {
		return a
	}
	return b
}

// bundle writes a tar file. It knows small files with short names only, which
// takes a fraction of the code of one that knows all.
type bundle struct {
	w   io.Writer
	at  time.Time
	err error
}

func (b *bundle) json(name string, v any) {
	text, err := json.MarshalIndent(v, "", "  ")
	b.err = firstError(b.err, err)
	b.text(name, string(text)+"\n")
}

// tarBlock is the size of a tar file's blocks.
const tarBlock = 512

func (b *bundle) text(name, text string) {
	var head [tarBlock]byte
	copy(head[:100], "vouchsafe-support/"+name)
	octal := func(at, digits int, n int64) { copy(head[at:], fmt.Sprintf("%0*o", digits, n)) }
	octal(100, 7, 0o600)
	octal(108, 7, 0)
	octal(116, 7, 0)
	octal(124, 11, int64(len(text)))
	octal(136, 11, max(0, b.at.Unix()))
	copy(head[148:], "        ") // the sum's own place counts as spaces
	head[156] = '0'
	copy(head[257:], "ustar\x0000")
	sum := int64(0)
	for _, c := range head {
		sum += int64(c)
	}
	copy(head[148:], fmt.Sprintf("%06o\x00 ", sum))
	b.write(head[:])
	b.write([]byte(text))
	b.write(make([]byte, (tarBlock-len(text)%tarBlock)%tarBlock))
}

func (b *bundle) end() { b.write(make([]byte, 2*tarBlock)) }

func (b *bundle) write(p []byte) {
	if b.err == nil {
		_, b.err = b.w.Write(p)
	}
}
