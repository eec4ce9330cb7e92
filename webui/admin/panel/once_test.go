package panel_test

import (
	"strings"
	"testing"

	"github.com/valyala/quicktemplate"

	"github.com/vouchsafe/vouchsafe/api"
	"github.com/vouchsafe/vouchsafe/hotspot"
	"github.com/vouchsafe/vouchsafe/webui/admin/panel"
	"github.com/vouchsafe/vouchsafe/webui/admin/paneltest"
)

// TestOnce: what is shown once is on the page that it is for, and not again.
func TestOnce(t *testing.T) {
	var once panel.Once
	show := func(q *panel.Request) {
		text := once.Take(q)
		q.Show("T", func(w *quicktemplate.Writer) { w.E().S(text) })
	}
	s := paneltest.Serve(t, api.RoleOwner, panel.Section{Pages: []panel.Page{
		{Method: "POST", Path: "/made", Access: panel.SignedIn(), Serve: func(q *panel.Request) {
			once.Put(q, "/made", "THE-SECRET")
			q.Go(q.To("/made"))
		}},
		{Method: "GET", Path: "/made", Access: panel.SignedIn(), Serve: show},
		{Method: "GET", Path: "/other", Access: panel.SignedIn(), Serve: show},
	}})
	if a := s.Post(t, "/made", nil); a.Status != 303 {
		t.Fatal(a.Status)
	}
	for i, step := range []struct {
		path string
		want bool
	}{{"/other", false}, {"/made", true}, {"/made", false}} {
		if got := strings.Contains(s.Get(t, step.path).Body, "THE-SECRET"); got != step.want {
			t.Errorf("step %d, %s: %v", i, step.path, got)
		}
	}
	s.Post(t, "/made", nil)
	s.By.Session = api.ID{9}
	if strings.Contains(s.Get(t, "/made").Body, "THE-SECRET") {
		t.Error("another session sees it")
	}
}

func TestRefusedBy(t *testing.T) {
	var field, text string
	s := paneltest.Serve(t, api.RoleOwner, panel.Section{Pages: []panel.Page{
		{Method: "GET", Path: "/x", Access: panel.SignedIn(), Serve: func(q *panel.Request) {
			field, text, _ = q.RefusedBy("panel", hotspot.Invalid("label", "must be set"))
			q.Show("T", func(*quicktemplate.Writer) {})
		}},
	}})
	s.Get(t, "/x")
	if field != "label" || text != "Must be set." {
		t.Errorf("%q %q", field, text)
	}
}
