package entry

import (
	"net/http"
	"slices"
	"sort"
	"strconv"
	"strings"
	"time"

	"github.com/vouchsafe/vouchsafe/api"
	"github.com/vouchsafe/vouchsafe/hotspot"
	"github.com/vouchsafe/vouchsafe/webui"
	"github.com/vouchsafe/vouchsafe/webui/admin/panel"
	"github.com/vouchsafe/vouchsafe/webui/admin/parts"
)

const (
	keyVenue    = "venue.name"
	keyValidity = "voucher.valid_for"
	// loginPrefix begins the keys of settings that switch login methods.
	loginPrefix = "login."

	fieldCount    = "count"
	fieldValidity = "valid_for"
	presetCount   = "10"
	maxCount      = 200 // the first vouchers; more are made on their own page
)

// steps shows the steps of the first run. Once there is an owner, all but the
// first can be gone to in any order: each does what it does at once.
func steps(q *panel.Request, at string) *stepsView {
	v := &stepsView{Label: q.T("entry.steps")}
	for _, s := range []struct{ path, key string }{
		{panel.PathSetup, "owner"}, {pathVenue, "venue"}, {pathLogins, "logins"}, {pathVouchers, "vouchers"}, {pathDone, "done"},
	} {
		l := parts.LinkView{Text: q.T("entry.step." + s.key), Current: s.path == at}
		if signedIn(q) && !l.Current && s.path != panel.PathSetup && s.path != pathDone {
			l.To = q.To(s.path)
		}
		v.Links = append(v.Links, l)
	}
	return v
}

// step shows one step with a form.
func (e *entry) step(q *panel.Request, status int, key, path string, v *formView) {
	v.Steps = steps(q, path)
	v.Intro = q.T("entry." + key + ".intro")
	v.Form.To, v.Form.Token = q.To(path, onceField, v.Once), q.Token()
	v.Form.Submit = parts.ButtonView{Text: q.T("entry." + key + ".go")}
	if signedIn(q) {
		v.Skip = &parts.LinkView{Text: q.T("entry.skip"), To: q.To("/")}
	}
	q.ShowBareStatus(status, q.T("entry."+key+".title"), v.block())
}

// first reports whether nobody is an operator yet. If somebody is, the answer
// is given.
func (e *entry) first(q *panel.Request) bool {
	empty, err := e.Operators.Empty(q.Context())
	switch {
	case err != nil:
		q.Fail(err)
	case empty:
		return true
	case signedIn(q):
		q.Go(q.To("/"))
	default:
		q.Go(q.To(panel.PathSignIn))
	}
	return false
}

func (e *entry) ownerPage(q *panel.Request) {
	if e.first(q) {
		e.askOwner(q, http.StatusOK, ownerFields(q))
	}
}

func (e *entry) askOwner(q *panel.Request, status int, fields []parts.FieldView) {
	e.step(q, status, "owner", panel.PathSetup, &formView{Fields: fields, More: []string{q.T("entry.lost")}})
}

func ownerFields(q *panel.Request) []parts.FieldView {
	email := emailField(q, q.Form.Get(fieldEmail))
	email.Help = q.T("entry.owner.email")
	return append([]parts.FieldView{email}, newPasswordFields(q)...)
}

// newPasswordFields ask for a password twice, and say what it must be like.
func newPasswordFields(q *panel.Request) []parts.FieldView {
	password := passwordField(q, "entry.password.new", "new-password")
	password.Help = q.T("entry.password.rules", "n", api.MinPassword)
	again := passwordField(q, "entry.password.again", "new-password")
	again.ID, again.Name = fieldRepeat, fieldRepeat
	return []parts.FieldView{password, again}
}

// checkRepeat compares what was typed twice.
func checkRepeat(q *panel.Request) error {
	if q.Form.Get(fieldPassword) != q.Form.Get(fieldRepeat) {
		return hotspot.Invalid(fieldRepeat, "is not the same as the first")
	}
	return nil
}

// owner makes the first operator, and signs them in.
func (e *entry) owner(q *panel.Request) {
	if !e.first(q) {
		return
	}
	in := api.SignIn{Email: q.Form.Get(fieldEmail), Password: q.Form.Get(fieldPassword),
		From: api.Peer(q.Request), Agent: q.UserAgent(), Previous: api.SessionCookie(q.Request)}
	err := checkRepeat(q)
	if err == nil {
		_, err = e.Operators.CreateFirst(q.Context(), api.NewOperator{Email: in.Email, Password: in.Password}, in.From)
	}
	if err != nil {
		fields := ownerFields(q)
		refused(q, err, fields, func() { e.askOwner(q, http.StatusUnprocessableEntity, fields) })
		return
	}
	t, err := e.Operators.Open(q.Context(), in)
	if err != nil {
		// The owner is there, and can sign in as always.
		q.Go(q.To(panel.PathSignIn))
		return
	}
	q.SetCookie(t.Cookie)
	q.Go(q.To(pathVenue))
}

func (e *entry) venuePage(q *panel.Request) {
	name, err := e.Service.Setting(keyVenue)
	if err != nil {
		q.Fail(err)
		return
	}
	e.askVenue(q, http.StatusOK, venueFields(q, name))
}

func venueFields(q *panel.Request, name string) []parts.FieldView {
	return []parts.FieldView{{ID: "venue", Name: keyVenue, Label: q.T("entry.venue.name"), Value: name,
		Help: q.T("entry.venue.help"), Autocomplete: "organization", MaxLength: 100, Required: true}}
}

func (e *entry) askVenue(q *panel.Request, status int, fields []parts.FieldView) {
	v := &formView{Fields: fields, FactsTitle: q.T("entry.facts"), Facts: e.facts(q)}
	bad := int64(0)
	for i := range v.Facts.Rows {
		if k := v.Facts.Rows[i].Badge.Kind; k == parts.Bad || k == parts.Warning {
			bad++
		}
	}
	if bad > 0 {
		v.Notice = &parts.NoticeView{Kind: parts.Warning, Text: q.Lang.N("entry.facts.bad", bad), Remedy: q.T("entry.facts.later")}
	}
	e.step(q, status, "venue", pathVenue, v)
}

// facts lists what was detected, and the time zone.
func (e *entry) facts(q *panel.Request) *parts.FactsView {
	now := q.Now().In(e.Service.Zone())
	short, offset := now.Zone()
	zone := e.Service.Zone().String()
	if zone == "Local" { // the system's, which has no other name
		zone = short
	}
	row := parts.FactView{Name: q.T("entry.fact.time_zone"), Badge: badge(q, "ok"),
		Text: q.T("entry.zone.found", "zone", zone, "time", q.Lang.Time(now, now))}
	if short == "UTC" && offset == 0 {
		row.Detail = q.T("entry.zone.remedy")
	}
	v := &parts.FactsView{Rows: []parts.FactView{row}}
	if e.Detected == nil {
		return v
	}
	for _, f := range e.Detected(q.Context()) {
		name := q.Words(hotspot.Said(f.Check))
		if key := "entry.fact." + strings.ReplaceAll(f.Check, " ", "_"); q.Lang.Has(key) {
			name = q.T(key)
		}
		v.Rows = append(v.Rows, parts.FactView{Name: name, Badge: badge(q, f.Verdict), Text: q.Words(f.Found), Typed: true, Detail: q.Words(f.Remedy)})
	}
	return v
}

// badge shows a verdict.
func badge(q *panel.Request, verdict string) *parts.BadgeView {
	kinds := map[string]parts.Kind{"ok": parts.Good, "warning": parts.Warning, "problem": parts.Bad}
	if _, known := kinds[verdict]; !known {
		verdict = "unknown"
	}
	return &parts.BadgeView{Kind: kinds[verdict], Text: q.T("entry.verdict." + verdict)}
}

func (e *entry) venue(q *panel.Request) {
	name := q.Form.Get(keyVenue)
	if err := e.Service.SetSetting(q.Context(), keyVenue, name); err != nil {
		fields := venueFields(q, name)
		refused(q, err, fields, func() { e.askVenue(q, http.StatusUnprocessableEntity, fields) })
		return
	}
	q.Go(q.To(pathLogins))
}

// loginKeys are the settings that switch login methods, in the methods' order.
func loginKeys() []hotspot.SettingKey {
	keys := slices.DeleteFunc(hotspot.SettingKeys(), func(k hotspot.SettingKey) bool {
		return k.Kind != "on|off" || !strings.HasPrefix(k.Key, loginPrefix)
	})
	place := func(k hotspot.SettingKey) int {
		i := slices.Index(hotspot.Methods(), hotspot.Method(strings.TrimPrefix(k.Key, loginPrefix)))
		if i < 0 {
			return len(keys)
		}
		return i
	}
	sort.SliceStable(keys, func(i, j int) bool { return place(keys[i]) < place(keys[j]) })
	return keys
}

// loginFields are a box for each login method. on says which are ticked.
func loginFields(q *panel.Request, on func(key string) bool) (fields []parts.FieldView) {
	for _, k := range loginKeys() {
		f := parts.FieldView{ID: strings.ReplaceAll(k.Key, ".", "-"), Name: k.Key, Label: k.Doc, Value: "on", Checkbox: true, Checked: on(k.Key)}
		if key := "entry." + k.Key; q.Lang.Has(key) {
			f.Label, f.Help = q.T(key), q.T(key+".help")
		}
		fields = append(fields, f)
	}
	return fields
}

func (e *entry) loginsPage(q *panel.Request) {
	e.askLogins(q, http.StatusOK, nil, loginFields(q, func(key string) bool {
		v, err := e.Service.Setting(key)
		return err == nil && v == "on"
	}))
}

func (e *entry) askLogins(q *panel.Request, status int, notice *parts.NoticeView, fields []parts.FieldView) {
	e.step(q, status, "logins", pathLogins, &formView{Notice: notice, Legend: q.T("entry.logins.legend"), Fields: fields})
}

func (e *entry) logins(q *panel.Request) {
	ticked := func(key string) bool { return q.Form.Get(key) != "" }
	if !slices.ContainsFunc(loginKeys(), func(k hotspot.SettingKey) bool { return ticked(k.Key) }) {
		e.askLogins(q, http.StatusUnprocessableEntity, &parts.NoticeView{Kind: parts.Bad, Text: q.T("entry.logins.none")}, loginFields(q, ticked))
		return
	}
	values := map[string]string{}
	for _, k := range loginKeys() {
		values[k.Key] = "off"
		if ticked(k.Key) {
			values[k.Key] = "on"
		}
	}
	if err := e.Service.SetSettings(q.Context(), values); err != nil {
		q.Fail(err)
		return
	}
	q.Go(q.To(pathVouchers))
}

func (e *entry) vouchersPage(q *panel.Request) {
	validity, err := e.Service.Setting(keyValidity)
	if err != nil {
		q.Fail(err)
		return
	}
	e.askVouchers(q, http.StatusOK, voucherFields(q, presetCount, validity))
}

func (e *entry) askVouchers(q *panel.Request, status int, fields []parts.FieldView) {
	e.step(q, status, "vouchers", pathVouchers, &formView{Fields: fields, Once: api.NewID().String()})
}

func voucherFields(q *panel.Request, count, validity string) []parts.FieldView {
	f := parts.FieldView{ID: fieldValidity, Name: fieldValidity, Label: q.T("entry.vouchers.valid"), Value: validity, Help: q.T("entry.vouchers.valid.help")}
	for _, v := range hotspot.Validities() {
		f.Options = append(f.Options, parts.OptionView{Value: v.String(), Text: validityText(q.Lang, v)})
	}
	return []parts.FieldView{
		{ID: fieldCount, Name: fieldCount, Label: q.T("entry.vouchers.count"), Value: count, InputMode: "numeric", MaxLength: 3, Required: true},
		f,
	}
}

func validityText(l *webui.Language, v hotspot.Validity) string {
	if v == hotspot.Always {
		return l.T("entry.always")
	}
	return l.Duration(time.Duration(v))
}

// vouchers makes the first vouchers. A form that is sent twice, as by a double
// click, makes them once.
func (e *entry) vouchers(q *panel.Request) {
	ids, err := e.made.once(q, q.URL.Query().Get(onceField), func() (string, error) { return e.makeVouchers(q) })
	if err != nil {
		fields := voucherFields(q, q.Form.Get(fieldCount), q.Form.Get(fieldValidity))
		refused(q, err, fields, func() { e.askVouchers(q, http.StatusUnprocessableEntity, fields) })
		return
	}
	q.Go(q.To(pathDone, "ids", ids))
}

// makeVouchers makes what the form asks for, and returns their ids, with commas
// between.
func (e *entry) makeVouchers(q *panel.Request) (string, error) {
	count, err := strconv.Atoi(q.Form.Get(fieldCount))
	if err != nil || count < 1 || count > maxCount {
		return "", hotspot.Invalid(fieldCount, "must be a number from 1 to %d", maxCount)
	}
	validity, err := hotspot.ParseValidity(q.Form.Get(fieldValidity))
	if err != nil {
		return "", hotspot.Invalid(fieldValidity, "must be one of the list")
	}
	made, err := e.Service.CreateVouchers(q.Context(), slices.Repeat([]hotspot.VoucherSpec{{ValidFor: &validity}}, count)...)
	if err != nil {
		return "", err
	}
	ids := make([]string, 0, len(made))
	for _, v := range made {
		ids = append(ids, strconv.FormatUint(v.ID, 10))
	}
	return strings.Join(ids, ","), nil
}

// donePage is the end of the first run. The address names the vouchers that
// were made, so that it can be come back to.
func (e *entry) donePage(q *panel.Request) {
	v := &doneView{Steps: steps(q, pathDone), Title: q.T("entry.done.none"), Text: q.T("entry.done.none.text"),
		Start: &parts.LinkView{Text: q.T("entry.done.start"), To: q.To("/")},
		Next:  []string{q.T("entry.done.try"), q.T("entry.done.secure"), q.T("entry.done.backup")}}
	if ids, n := readIDs(q.URL.Query().Get("ids")); n > 0 {
		v.Title, v.Text = q.Lang.N("entry.done.made", int64(n)), q.T("entry.done.text")
		v.Print = &parts.LinkView{Text: q.T("entry.done.print"), To: q.To(pathPrint, "ids", ids)}
	}
	q.ShowBare(q.T("entry.done.title"), v.StreamMain)
}

// readIDs reads numbers with commas between, and writes them again.
func readIDs(s string) (ids string, n int) {
	if len(s) > 21*maxCount {
		return "", 0
	}
	var all []string
	for f := range strings.SplitSeq(s, ",") {
		id, err := strconv.ParseUint(f, 10, 64)
		if err != nil || len(all) == maxCount {
			return "", 0
		}
		all = append(all, strconv.FormatUint(id, 10))
	}
	return strings.Join(all, ","), len(all)
}
