package integrations

import (
	"errors"
	"net/http"
	"time"

	"github.com/valyala/quicktemplate"

	"github.com/vouchsafe/vouchsafe/api"
	"github.com/vouchsafe/vouchsafe/hotspot"
	"github.com/vouchsafe/vouchsafe/webui/admin/panel"
	"github.com/vouchsafe/vouchsafe/webui/admin/parts"
)

// The addresses of the pages about the cloud endpoint.
const (
	pathCloud       = pathFirst + "/cloud"
	pathCloudSwitch = pathCloud + "/switch"
	pathCloudRotate = pathCloud + "/rotate"
	pathCloudLeave  = pathCloud + "/leave"
)

// cloudPages are those about the cloud endpoint.
func (a *area) cloudPages() []panel.Page {
	owner, get, post := panel.Writes(api.ScopeAll), http.MethodGet, http.MethodPost
	return []panel.Page{
		{Method: get, Path: pathCloud, Access: panel.Reads(api.ScopeSettings), Serve: func(q *panel.Request) { a.showCloud(q, api.NewEnrolment{}, nil) }},
		{Method: post, Path: pathCloud, Access: owner, Serve: a.confirmed(a.enrolCloud)},
		{Method: post, Path: pathCloudSwitch, Access: owner, Serve: a.switchCloud},
		{Method: get, Path: pathCloudRotate, Access: owner, Serve: func(q *panel.Request) { a.askCloud(q, "rotate", pathCloudRotate) }},
		{Method: post, Path: pathCloudRotate, Access: owner, Serve: a.rotateCloud},
		{Method: get, Path: pathCloudLeave, Access: owner, Serve: func(q *panel.Request) { a.askCloud(q, "leave", pathCloudLeave) }},
		{Method: post, Path: pathCloudLeave, Access: owner, Serve: a.leaveCloud},
	}
}

// cloudView is the page about the cloud endpoint.
type cloudView struct {
	Tabs    *parts.TabsView
	Failure *parts.NoticeView
	Card    *parts.CardView
	Address *parts.CopyView  // nil: there is none yet
	Facts   *parts.FactsView // nil: not enrolled
	Switch  *parts.FormView  // nil: for those who only look
	Links   []parts.LinkView
	Enrol   *parts.CardView // nil: enrolled
}

// cloudBadge tells in a word how the endpoint is.
func cloudBadge(q *panel.Request, st api.CloudStatus) *parts.BadgeView {
	b := &parts.BadgeView{Text: q.T("integrations.cloud_none")}
	switch {
	case !st.Enrolled:
		b.Kind = parts.Warning
	case !st.On:
		b.Text = q.T("integrations.off")
	case st.Phase == "up":
		b.Kind, b.Text = parts.Good, q.T("integrations.cloud_up")
	case st.Phase == "connecting":
		b.Text = q.T("integrations.cloud_connecting")
	default:
		b.Kind, b.Text = parts.Bad, q.T("integrations.cloud_down")
	}
	return b
}

// addCloud adds the endpoint to the page API Access.
func (a *area) addCloud(q *panel.Request, v *accessView) {
	st := a.Cloud.Status()
	v.Cloud = &parts.CardView{Title: q.T("integrations.cloud"), Badge: cloudBadge(q, st), Texts: []string{q.T("integrations.cloud_text")}, StreamContent: v.StreamCloudAddress}
	v.Manage = &parts.LinkView{Text: q.T("integrations.cloud_manage"), To: q.To(pathCloud)}
	if st.Host != "" {
		v.Internet = &parts.CopyView{Lang: q.Lang, ID: "cloud", Text: "https://" + st.Host + "/api/"}
		return
	}
	v.Manage.Text = q.T("integrations.cloud_setup")
	v.Cloud.Texts = append(v.Cloud.Texts, q.T("integrations.cloud_way"))
	v.Cloud.List = cloudWay(q)
}

// cloudWay is what it takes to set the endpoint up.
func cloudWay(q *panel.Request) []string {
	return []string{q.T("integrations.cloud_way.account"), q.T("integrations.cloud_way.code"), q.T("integrations.cloud_way.internet")}
}

// renewAfter is how often the page is loaded again while the router connects.
const renewAfter = "3"

// showCloud shows the page; after a refused enrolment, what was typed.
func (a *area) showCloud(q *panel.Request, typed api.NewEnrolment, refused error) {
	status := http.StatusOK
	st := a.Cloud.Status()
	v := &cloudView{Tabs: tabs(q), Card: &parts.CardView{Title: q.T("integrations.cloud"), Badge: cloudBadge(q, st), Texts: []string{q.T("integrations.cloud_text")}}}
	v.Card.StreamContent = v.StreamState
	may := q.May(panel.Writes(api.ScopeAll))
	if st.Enrolled {
		v.addState(q, st, may)
		if st.On && st.Phase == "connecting" {
			q.W.Header().Set("Refresh", renewAfter)
		}
	} else {
		v.Card.Texts = append(v.Card.Texts, q.T("integrations.cloud_way"))
		v.Card.List = cloudWay(q)
		if may {
			ok := false
			if ok, status = v.addEnrolment(q, typed, refused); !ok {
				return
			}
		}
	}
	q.ShowStatus(status, q.T("integrations.cloud"), v.StreamMain)
}

// addState adds how the endpoint is, and what can be done about it.
func (v *cloudView) addState(q *panel.Request, st api.CloudStatus, may bool) {
	if st.Host != "" {
		v.Address = &parts.CopyView{Lang: q.Lang, ID: "cloud", Text: "https://" + st.Host + "/api/"}
	}
	v.Facts = &parts.FactsView{Rows: []parts.FactView{{Name: q.T("integrations.cloud_relay"), Text: st.Domain, Code: true}}}
	if st.Phase == "up" && !st.Since.IsZero() {
		v.Facts.Rows = append(v.Facts.Rows, parts.FactView{Name: q.T("integrations.cloud_since"), Text: q.Lang.Time(st.Since.In(q.Now().Location()), q.Now())})
	}
	if st.Latency > 0 {
		v.Facts.Rows = append(v.Facts.Rows, parts.FactView{Name: q.T("integrations.cloud_latency"),
			Text: q.T("integrations.milliseconds", "n", max(1, st.Latency.Round(time.Millisecond).Milliseconds()))})
	}
	if st.On && !st.Failure.IsZero() && st.Phase != "up" {
		v.Failure = &parts.NoticeView{Kind: parts.Bad, Text: q.T("integrations.cloud_failure", "reason", q.Words(st.Failure)), Remedy: q.T("integrations.cloud_failure_remedy")}
	}
	if !may {
		return
	}
	v.Switch = &parts.FormView{To: q.To(pathCloudSwitch), Token: q.Token(),
		Submit: parts.ButtonView{Text: q.T("integrations.cloud_on"), Name: "on", Value: "on"}}
	if st.On {
		v.Switch.Submit = parts.ButtonView{Text: q.T("integrations.cloud_off"), Name: "on", Value: "off", Second: true}
	}
	v.Links = []parts.LinkView{{Text: q.T("integrations.cloud_rotate"), To: q.To(pathCloudRotate)}, {Text: q.T("integrations.cloud_leave"), To: q.To(pathCloudLeave)}}
}

// addEnrolment adds the form. Not ok: the answer is given.
func (v *cloudView) addEnrolment(q *panel.Request, typed api.NewEnrolment, refused error) (ok bool, status int) {
	status = http.StatusOK
	field, text := "", ""
	if refused != nil {
		if field, text, ok = q.RefusedBy("integrations", refused); !ok {
			q.Fail(refused)
			return false, 0
		}
		status = http.StatusUnprocessableEntity
		var e *hotspot.Error
		if errors.As(refused, &e) && e.Code == hotspot.CodeUnavailable {
			text = q.T("integrations.cloud_unreachable", "reason", q.Words(e))
		}
	}
	if field == "" && text != "" {
		v.Failure = &parts.NoticeView{Kind: parts.Bad, Text: text}
	}
	wrong := func(name string) string {
		if name == field {
			return text
		}
		return ""
	}
	name := typed.Name
	if name == "" {
		name = q.Site()
	}
	v.Enrol = parts.FormCard(q.T("integrations.cloud_enrol"), &parts.FormView{To: q.To(pathCloud), Token: q.Token(),
		Submit: parts.ButtonView{Text: q.T("integrations.cloud_enrol_submit")}, Cancel: &parts.LinkView{Text: q.T("integrations.keep"), To: q.To(pathAPI)},
		StreamFields: parts.Fields(
			&parts.FieldView{ID: "domain", Name: "domain", Label: q.T("integrations.cloud_domain"), Help: q.T("integrations.cloud_domain_help"), Value: typed.Domain,
				Error: wrong("domain"), Required: true, MaxLength: 200, Autocomplete: "off", InputMode: "url"},
			&parts.FieldView{ID: "code", Name: "code", Label: q.T("integrations.cloud_code"), Help: q.T("integrations.cloud_code_help"), Value: typed.Code,
				Error: wrong("code"), Required: true, MaxLength: 64, Autocomplete: "off"},
			&parts.FieldView{ID: "name", Name: "name", Label: q.T("integrations.cloud_name"), Help: q.T("integrations.cloud_name_help"), Value: name,
				Error: wrong("name"), MaxLength: 64, Autocomplete: "off"})})
	return true, status
}

// enrolCloud makes the router one of an account's.
func (a *area) enrolCloud(q *panel.Request) {
	n := api.NewEnrolment{Domain: q.Form.Get("domain"), Code: q.Form.Get("code"), Name: q.Form.Get("name")}
	if err := a.Cloud.Enrol(q.Context(), n); err != nil {
		a.showCloud(q, n, err)
		return
	}
	done(q, "integrations.cloud_enrolled", pathCloud)
}

// switchCloud turns the endpoint on or off.
func (a *area) switchCloud(q *panel.Request) {
	on := q.Form.Get("on") == "on"
	if err := a.Cloud.Switch(q.Context(), on); err != nil {
		q.Fail(err)
		return
	}
	key := "integrations.cloud_switched_off"
	if on {
		key = "integrations.cloud_switched_on"
	}
	done(q, key, pathCloud)
}

// askCloud asks before the endpoint gets another address, or none.
func (a *area) askCloud(q *panel.Request, what, path string) {
	if !a.Cloud.Status().Enrolled {
		q.Go(q.To(pathCloud))
		return
	}
	key := "integrations.cloud_" + what
	v := &parts.ConfirmView{Texts: []string{q.T(key + "_ask")},
		Form: parts.FormView{To: q.To(path), Token: q.Token(), Submit: parts.ButtonView{Text: q.T(key), Kind: parts.Bad},
			Cancel: &parts.LinkView{Text: q.T("integrations.keep"), To: q.To(pathCloud)}}}
	q.Show(q.T(key), func(w *quicktemplate.Writer) { parts.StreamConfirm(w, v) })
}

// rotateCloud gets another address.
func (a *area) rotateCloud(q *panel.Request) {
	if err := a.Cloud.Rotate(q.Context()); err != nil {
		q.Fail(err)
		return
	}
	done(q, "integrations.cloud_rotated", pathCloud)
}

// leaveCloud takes the router out of its account.
func (a *area) leaveCloud(q *panel.Request) {
	told, err := a.Cloud.Leave(q.Context())
	if err != nil {
		q.Fail(err)
		return
	}
	if told {
		done(q, "integrations.cloud_left", pathCloud)
		return
	}
	q.Say(parts.NoticeView{Kind: parts.Warning, Text: q.T("integrations.cloud_left"), Remedy: q.T("integrations.cloud_left_untold")})
	q.Go(q.To(pathCloud))
}
