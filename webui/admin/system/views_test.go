package system

import (
	"net/http/httptest"
	"testing"

	"github.com/vouchsafe/vouchsafe/webui"
	"github.com/vouchsafe/vouchsafe/webui/admin/parts"
	"github.com/vouchsafe/vouchsafe/webui/pagetest"
)

// FuzzViews puts a text into every field that a template prints.
func FuzzViews(f *testing.F) {
	for _, s := range pagetest.Hostile {
		f.Add(s)
	}
	langs, err := webui.NewLanguages(parts.Files, Files)
	if err != nil {
		f.Fatal(err)
	}
	l := langs.Default()
	to := webui.Local("/x", nil)
	reset := &parts.ButtonView{Name: "reset"}
	all := &struct {
		Measured, Refused, Plain *settingRow
		Findings                 *findings
		Upload, Refuse           *uploadView
		Wait                     *waitView
		Use                      *snapshotForm
		Line                     *lineView
		Compare                  *compareView
		Hidden                   [2]string
	}{
		&settingRow{Unit: "u", Units: []parts.OptionView{{}}, Reset: reset}, &settingRow{Suffix: "s", FieldView: parts.FieldView{Error: "e"}}, &settingRow{},
		&findings{Rows: []findingView{{Badge: &parts.BadgeView{Kind: parts.Good}}, {Badge: &parts.BadgeView{Kind: parts.Bad}, Remedy: "r"}}},
		&uploadView{To: to}, &uploadView{To: to, Refused: true}, &waitView{Next: to}, &snapshotForm{To: to, Restore: *reset}, &lineView{Component: "c", Details: "d"}, &compareView{}, [2]string{},
	}
	f.Fuzz(func(t *testing.T, hostile string) {
		pagetest.Injection(t, hostile, all, func() string {
			w := httptest.NewRecorder()
			webui.Render(w, 200, &parts.Shell{Page: webui.Page{Lang: l}, StreamMain: together(all.Measured.StreamRow, all.Refused.StreamRow, all.Plain.StreamRow,
				all.Findings.StreamList, all.Upload.StreamForm, all.Refuse.StreamForm, all.Wait.StreamMain, all.Use.StreamForm, all.Line.StreamLine,
				all.Compare.StreamRow, hidden(all.Hidden[0], all.Hidden[1]))})
			return w.Body.String()
		})
	})
}
