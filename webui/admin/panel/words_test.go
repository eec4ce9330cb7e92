package panel_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/valyala/quicktemplate"

	"github.com/vouchsafe/vouchsafe/api"
	"github.com/vouchsafe/vouchsafe/hotspot"
	"github.com/vouchsafe/vouchsafe/webui/admin/panel"
	"github.com/vouchsafe/vouchsafe/webui/admin/paneltest"
)

// TestWords: what the rules say is told in the page's language, with numbers and
// times as that has them, and names in their own direction.
func TestWords(t *testing.T) {
	inner := hotspot.Worded("%q is not a whole number from %d to %d", "<1\n", 1, 100)
	day, tell := 24*time.Hour, teller(t)
	for _, tc := range []struct {
		said       error
		en, it, ar string
	}{
		{hotspot.Invalid("limit", "a limit is at most %d MB", uint64(9437184)), "A limit is at most 9437184 MB.", "Un limite è al massimo 9.437.184 MB.", "الحد الأقصى [9,437,184] ميغابايت."},
		{hotspot.Invalid("devices", "%s", inner), `"<1\n" is not a whole number from 1 to 100.`, `«<1\n» non è un numero intero da 1 a 100.`, `«[<1\n]» ليس عددًا صحيحًا من [1] إلى [100].`},
		{hotspot.Invalid("x", "%q is not a duration of whole seconds from 0s to %s, such as 90s, 30m or 12h", "soon", 2*day),
			`"soon" is not a duration of whole seconds from 0s to 48h0m0s, such as 90s, 30m or 12h.`, "«soon» non è una durata in secondi interi fino a 2 giorni, come 90s, 30m o 12h.",
			"«[soon]» ليس مدة بثوانٍ صحيحة أقصاها [يومان]، مثل [90s] أو [30m] أو [12h]."},
		{hotspot.Invalid("time", "must be from 0 to %d days", 365*day/day), "Must be from 0 to 365 days.", "Deve essere da 0 a 365 giorni.", "يجب أن يكون عدد الأيام من 0 إلى [365]."},
		{hotspot.Invalid("file", "cell %d, %q, is in no column; put quotes around a cell that has a %q in it", 3, "x", ','), `Cell 3, "x", is in no column; put quotes around a cell that has a ',' in it.`,
			"La cella 3, «x», non appartiene a nessuna colonna; metti tra virgolette una cella che contiene «,».", "الخلية [3]، «[x]»، ليست في أي عمود؛ ضع الخلية التي فيها «[,]» بين علامتي اقتباس."},
		{hotspot.Invalid("", "page %d is odd", 7).Meaning("this is the last owner; make somebody else an owner first"), "Page 7 is odd.",
			"È l’ultimo proprietario; prima rendi proprietario qualcun altro.", "هذا آخر مالك؛ اجعل شخصًا آخر مالكًا أولًا."},
		{hotspot.Invalid("url", "%s", hotspot.Worded("%s is %s: webhooks do not go there unless the setting webhook.local is on", "::1", hotspot.Worded("this router itself"))),
			"::1 is this router itself: webhooks do not go there unless the setting webhook.local is on.", "::1 è questo stesso router: i webhook non vanno lì, a meno che l’impostazione webhook.local sia attiva.",
			"[::1] هو هذا الموجّه نفسه: لا تُرسل خطافات الويب إلى هناك ما لم يكن الإعداد [webhook.local] مفعّلًا."},
		{hotspot.Refuse(hotspot.CodeNameTaken, "", "this router is enrolled already; leave that account first"), "This router is enrolled already; leave that account first.",
			"Questo router appartiene già a un account; prima lascia quello.", "هذا الموجّه تابع لحساب بالفعل؛ غادر ذلك الحساب أولًا."},
		{hotspot.Refuse(hotspot.CodeNameTaken, "label", "another API key has this label"), "This name is taken. Choose another one.", "Questo nome è già in uso. Scegline un altro.", "هذا الاسم مستخدم. اختر غيره."},
		{hotspot.Invalid("x", "is there a quote missing?"), "Is there a quote missing?", "Is there a quote missing?", "Is there a quote missing?"},
		{hotspot.Invalid("x", "%s", errors.New("who knows")), "Who knows.", "In inglese: «who knows».", "بالإنجليزية: «[who knows]»."},
		{hotspot.Invalid("x", "%s", hotspot.Because(fmt.Errorf("restore: %w", &fs.PathError{Op: "write", Path: "/data/x", Err: syscall.ENOSPC}))), "Restore: write /data/x: no space left on device.",
			"/data/x: non c’è più spazio sul disco.", "[/data/x]: لم تبقَ مساحة على القرص."},
		{hotspot.Invalid("x", "whether random numbers are good: %v", &net.OpError{Op: "dial", Net: "tcp", Addr: &net.TCPAddr{IP: net.IPv4(192, 0, 2, 1), Port: 443}, Err: os.NewSyscallError("connect", syscall.ENETUNREACH)}),
			"Whether random numbers are good: dial tcp 192.0.2.1:443: connect: network is unreachable.", "Se i numeri casuali sono buoni: 192.0.2.1:443: la rete non è raggiungibile.",
			"هل الأرقام العشوائية جيدة: [192.0.2.1:443]: لا يمكن الوصول إلى الشبكة."},
		{hotspot.Invalid("x", "%s", fmt.Errorf("restore: %w", syscall.EXDEV)), "Restore: invalid cross-device link.", "In inglese: «restore: invalid cross-device link».", "بالإنجليزية: «[restore: invalid cross-device link]»."},
		{hotspot.Invalid("x", "%s", hotspot.Because(errors.Join(context.DeadlineExceeded, fmt.Errorf("a: %w", hotspot.ErrInvalid)))), "Context deadline exceeded; a: not valid.", "Nessuna risposta in tempo; non è valido.", "لا جواب في الوقت المحدد؛ غير صالح."},
	} {
		for lang, want := range map[string]string{"en": tc.en, "it": tc.it, "ar": tc.ar} {
			if got := tell(lang, tc.said); got != want {
				t.Errorf("%s, %v:\n got %q\nwant %q", lang, tc.said, got, want)
			}
		}
	}
}

// teller returns what tells the text of an error on a page in a language, with
// brackets for the characters that isolate a direction.
func teller(t *testing.T) func(lang string, err error) string {
	var said error
	var text string
	s := paneltest.Serve(t, api.RoleOwner, panel.Section{Pages: []panel.Page{
		{Method: "GET", Path: "/x", Access: panel.SignedIn(), Serve: func(q *panel.Request) {
			_, text, _ = q.Refusal(said)
			q.Show("T", func(*quicktemplate.Writer) {})
		}},
	}})
	return func(lang string, err error) string {
		said = err
		if a := s.Get(t, "/x?lang="+lang); !strings.Contains(a.Body, `<html lang="`+lang+`"`) {
			t.Fatal(a.Body)
		}
		return strings.NewReplacer("\u2066", "[", "\u2068", "[", "\u2069", "]").Replace(text)
	}
}
