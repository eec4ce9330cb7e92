package main

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/vouchsafe/vouchsafe/api"
	"github.com/vouchsafe/vouchsafe/hotspot"
)

// webhookLab is a lab with three webhooks, one of them hostile.
func webhookLab(t *testing.T) *lab {
	t.Helper()
	l := newLab(t)
	at := l.service.Time
	l.webhooks.Deliveries = []api.WebhookDelivery{
		{Webhook: api.ID{11: 1}, Event: "evt_2", Type: "guest.logout", At: at, Attempt: 3, Status: 500, Took: 1234 * time.Millisecond,
			Error: hotspot.Textf("it answered 500 \x1b[2J"), Next: at.Add(time.Hour)},
		{Webhook: api.ID{11: 2}, Event: "evt_1", Type: "guest.login", At: at, Attempt: 1, OK: true, Status: 204, Took: 7 * time.Millisecond},
	}
	l.serve(filepath.Join(l.dir, "control.sock"))
	l.must("webhook", "add", "https://example.com/hook", "--description", "CRM")
	l.must("webhook", "add", "http://192.168.1.20:8080/", "--types", "guest.login,guest.logout", "--disabled")
	l.must("webhook", "add", "https://example.com/evil", "--description", "evil\x1b[2J\u202e")
	return l
}

func TestGoldenWebhooks(t *testing.T) {
	for _, tc := range []struct{ name, line string }{
		{"webhook_list", "webhook list"}, {"webhook_list_json", "webhook list --json"},
		{"webhook_log", "webhook log"}, {"webhook_log_json", "webhook log CRM --json"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got := webhookLab(t).must(strings.Fields(tc.line)...)
			if strings.ContainsAny(got, "\x1b\u202e") && !strings.Contains(tc.line, "--json") {
				t.Errorf("a terminal would obey: %q", got)
			}
			golden(t, tc.name, got)
		})
	}
}

func TestWebhooks(t *testing.T) {
	l := webhookLab(t)
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"webhook", "add", "https://example.com/2"}, "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\n"},
		{[]string{"webhook", "rotate", "crm"}, "whsec_new\n"},
		{[]string{"webhook", "rotate", "CRM", "--secret", "whsec_mine"}, "whsec_mine\n"},
		{[]string{"webhook", "test", "CRM"}, "taken: 200 in 42 ms\n"},
		{[]string{"webhook", "edit", "000000000000000000000001", "--enabled", "off", "--types", "all", "--url", "https://x.example/"}, ""},
		{[]string{"webhook", "remove", "http://192.168.1.20:8080/"}, ""},
	} {
		if got := l.must(c.args...); got != c.want {
			t.Errorf("%q printed %q, want %q", c.args, got, c.want)
		}
	}
	for want, args := range map[string][]string{
		`no webhook is called "nothing"`:      {"webhook", "remove", "nothing"},
		"the webhook did not take it":         {"webhook", "test", "CRM"}, // it is off by now
		"--enabled is on or off, not \"yes\"": {"webhook", "edit", "CRM", "--enabled", "yes"},
		"URL is missing":                      {"webhook", "add"},
	} {
		if _, stderr, code := l.run(args...); code == 0 || !strings.Contains(stderr, want) {
			t.Errorf("%q: code %d, %q; want %q", args, code, stderr, want)
		}
	}
}
