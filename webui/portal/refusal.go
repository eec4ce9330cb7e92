package portal

import (
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/vouchsafe/vouchsafe/hotspot"
	"github.com/vouchsafe/vouchsafe/webui"
)

// refusals are the codes that have a message of their own for the guest. The
// others are our fault, whatever their text says.
var refusals = map[hotspot.Code]bool{
	errCodeMissing.Code:      true,
	hotspot.CodeUnknownCode:  true,
	hotspot.CodeTimeUsed:     true,
	hotspot.CodeDownloadUsed: true,
	hotspot.CodeUploadUsed:   true,
	hotspot.CodeDataUsed:     true,
	hotspot.CodeNotYetValid:  true,
	hotspot.CodeOtherDevice:  true,
	hotspot.CodeDisabled:     true,
	hotspot.CodeMethodOff:    true,
	hotspot.CodeTryLater:     true,
	hotspot.CodeInvalid:      true,

	hotspot.CodeWrongPassword: true,
}

// sameAs are codes that are told like another one.
var sameAs = map[hotspot.Code]hotspot.Code{
	// The voucher was removed between its being found and the login.
	hotspot.CodeNotFound: hotspot.CodeUnknownCode,
}

// refusal says why a login was refused. known is false for errors that are not
// refusals, which belong into the log.
func (p *portal) refusal(l *webui.Language, m hotspot.Method, err error) (text string, known bool) {
	var e *hotspot.Error
	if !errors.As(err, &e) {
		return l.T("refused.internal"), false
	}
	code := e.Code
	if as, ok := sameAs[code]; ok {
		code = as
	}
	group := m
	if m == hotspot.MethodEmail {
		group = hotspot.MethodFree // its limits are the same
	}
	switch key := "refused." + string(code); {
	case code == hotspot.CodeInvalid && l.Has(key+"."+e.Field):
		return l.T(key + "." + e.Field), true
	case refusals[code]:
		return p.say(l, key, string(group), e), true
	case code == hotspot.CodeUnavailable:
		return l.T("refused.unavailable"), false
	}
	return l.T("refused.internal"), false
}

// badFields names the fields to correct. Which of code and passcode is wrong
// is not told.
func badFields(err error) []string {
	var e *hotspot.Error
	switch {
	case !errors.As(err, &e):
		return nil
	case e.Code == hotspot.CodeUnknownCode || e.Code == hotspot.CodeNotFound:
		return []string{fieldCode, fieldPasscode}
	case e.Field != "":
		return []string{e.Field}
	}
	return nil
}

// ended says why a session ended.
func (p *portal) ended(l *webui.Language, e *hotspot.Error) string {
	key := "ended." + string(e.Code)
	if !l.Has(key) {
		key = "ended.other"
	}
	return l.T(key)
}

// say picks the most fitting text there is: for the method, with the time.
func (p *portal) say(l *webui.Language, key, method string, e *hotspot.Error) string {
	now, _ := p.cfg.Service.Now()
	keys := []string{key + "." + method + ".at", key + "." + method, key + ".at", key}
	for _, k := range keys {
		timed := strings.HasSuffix(k, ".at")
		if l.Has(k) && (!timed || !e.When.IsZero()) {
			wait := e.When.Sub(p.cfg.Now())
			if wait > time.Minute {
				wait += time.Minute - time.Nanosecond // rather too late than too early
			}
			return l.T(k, "time", l.Time(e.When, now), "wait", l.Duration(wait))
		}
	}
	return l.T("refused.internal")
}

func isTooLarge(err error) bool {
	var e *http.MaxBytesError
	return errors.As(err, &e)
}
