package integrations

import (
	"strings"

	"github.com/vouchsafe/vouchsafe/api"
	"github.com/vouchsafe/vouchsafe/webui/admin/panel"
	"github.com/vouchsafe/vouchsafe/webui/admin/parts"
)

// referenceView explains the action API.
type referenceView struct {
	Title    string
	Texts    []string
	Groups   []groupView
	Messages *parts.FactsView
	Said     string // the title of these
	More     []parts.LinkView
}

// groupView is what the actions of one scope have in common.
type groupView struct {
	Title   string
	Actions []actionView
}

// actionView is one action.
type actionView struct {
	Name, Text string
	Params     *parts.FactsView
	Post, Get  string // what the examples are called
	Example    *parts.CopyView
	ByGet      *parts.CopyView
}

// messages are all texts that the action API answers, with the keys of what they
// mean.
var messages = [...][2]string{
	{"API is not enabled", "off"}, {"API Key is incorrect", "wrong_key"}, {"API Key not set or method not allowed", "no_key"},
	{"Username already exists", "taken"}, {"User added successfully", "added"}, {"Username doesn't exist", "unknown"},
	{"No username set", "no_username"}, {"User removed successfully", "removed"}, {"An error occurred", "error"},
}

// reference explains every action; with a key, the examples have it in them.
func (a *area) reference(q *panel.Request, key string) *referenceView {
	v := &referenceView{Title: q.T("integrations.reference"), Texts: []string{q.T("integrations.reference_text"), q.T("integrations.reference_key")},
		Said: q.T("integrations.messages"), Messages: &parts.FactsView{},
		More: []parts.LinkView{{Text: q.T("integrations.rest"), To: q.To("/api/v1/docs")}}}
	if key != "" {
		v.Texts[1] = q.T("integrations.reference_shown")
	}
	scope := api.Scope("")
	for _, act := range api.Actions() {
		if act.Scope != scope {
			scope = act.Scope
			v.Groups = append(v.Groups, groupView{Title: q.T("integrations.group." + string(scope))})
		}
		g := &v.Groups[len(v.Groups)-1]
		g.Actions = append(g.Actions, a.action(q, &act, key))
	}
	for _, m := range messages {
		v.Messages.Rows = append(v.Messages.Rows, parts.FactView{Name: m[0], Text: q.T("integrations.message." + m[1])})
	}
	return v
}

func (a *area) action(q *panel.Request, act *api.Action, key string) actionView {
	v := actionView{Name: act.Name, Text: q.T("integrations.action." + act.Name), Params: &parts.FactsView{Rows: []parts.FactView{
		{Name: "api-key", Text: q.T("integrations.param.api_key"), Badge: required(q)}, {Name: "action", Text: act.Name, Code: true, Badge: required(q)}}}}
	for _, p := range act.Params {
		row := parts.FactView{Name: p.Name, Text: q.T("integrations.param." + p.Name)}
		if p.Required {
			row.Badge = required(q)
			row.Text = q.T("integrations.param." + p.Name + "." + act.Name)
		}
		v.Params.Rows = append(v.Params.Rows, row)
	}
	v.Post = q.T("integrations.example_post")
	v.Example = &parts.CopyView{Lang: q.Lang, ID: "post-" + act.Name, Text: curlPost(endpoint(q), act, key)}
	if a.Service.Settings().APIGet {
		v.Get = q.T("integrations.example_get")
		v.ByGet = &parts.CopyView{Lang: q.Lang, ID: "get-" + act.Name, Text: curlGet(endpoint(q), act, key)}
	}
	return v
}

func required(q *panel.Request) *parts.BadgeView {
	return &parts.BadgeView{Text: q.T("integrations.required")}
}

// curlPost is a command that uses an action by POST. The values of the table and
// keys have nothing in them that a shell or JSON would take for its own.
func curlPost(to string, act *api.Action, key string) string {
	if key == "" {
		key = `'"$KEY"'`
	}
	var b strings.Builder
	b.WriteString("curl " + to + ` -H 'Content-Type: application/json' -d '{"api-key": "` + key + `", "action": "` + act.Name + `"`)
	for _, p := range act.Params {
		switch {
		case p.Example == "":
		case p.Number:
			b.WriteString(`, "` + p.Name + `": ` + p.Example)
		default:
			b.WriteString(`, "` + p.Name + `": "` + p.Example + `"`)
		}
	}
	return b.String() + "}'"
}

// curlGet is the same by GET.
func curlGet(to string, act *api.Action, key string) string {
	if key == "" {
		key = "$KEY"
	}
	var b strings.Builder
	b.WriteString("curl -G " + to + ` -d "api-key=` + key + `" -d action=` + act.Name)
	for _, p := range act.Params {
		if p.Example != "" {
			b.WriteString(" --data-urlencode '" + p.Name + "=" + p.Example + "'")
		}
	}
	return b.String()
}
