package v1

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	surface "github.com/vouchsafe/vouchsafe/api"
	"github.com/vouchsafe/vouchsafe/hotspot"
)

// onceHeader is draft-ietf-httpapi-idempotency-key-header's.
const onceHeader = "Idempotency-Key"

// maxOnceKey bounds a key, in characters.
const maxOnceKey = 255

// Codes of problems with an Idempotency-Key.
const (
	CodeInProgress hotspot.Code = "in_progress"
	CodeKeyReused  hotspot.Code = "idempotency_key_reused"
)

// onceParam describes the header in the OpenAPI document.
func onceParam() *huma.Param {
	least, most := 1, maxOnceKey+2
	return &huma.Param{Name: onceHeader, In: "header", Schema: &huma.Schema{Type: "string", MinLength: &least, MaxLength: &most},
		Description: "A text that is new for each thing to be done, such as a UUID. The same request with the same key is carried out once; asked again within 24 hours, the answer is the first one's."}
}

// onceKey reads the header: a string as the draft has it, in quotes, or the
// bare text that most programs send.
func onceKey(r *http.Request) (string, *Problem) {
	all := r.Header.Values(onceHeader)
	if len(all) == 0 {
		return "", nil
	}
	bad := inputProblem(http.StatusBadRequest, onceHeader, "must be 1 to 255 printable ASCII characters without spaces at the ends, once, with or without quotes around")
	key := strings.TrimSpace(all[0])
	if inner, quoted := strings.CutPrefix(key, `"`); quoted {
		inner, quoted = strings.CutSuffix(inner, `"`)
		if !quoted || strings.Contains(strings.NewReplacer(`\\`, "", `\"`, "").Replace(inner), `"`) {
			return "", bad
		}
		key = strings.NewReplacer(`\\`, `\`, `\"`, `"`).Replace(inner)
	}
	if len(all) > 1 || key == "" || len(key) > maxOnceKey {
		return "", bad
	}
	for _, c := range []byte(key) {
		if c < ' ' || c > '~' {
			return "", bad
		}
	}
	return key, nil
}

// askedBy names a caller's key. Callers do not get one another's answers.
func askedBy(p *surface.Principal, key string) (n receiptName) {
	sum := sha256.Sum256([]byte(string(p.Kind) + "\x00" + p.ID.String() + "\x00" + p.Owner.String() + "\x00" + key))
	copy(n[:], sum[:])
	return n
}

// asked is what a request asks for.
func asked(r *http.Request, body []byte) [sha256.Size]byte {
	h := sha256.New()
	for _, part := range []string{r.Method, r.URL.EscapedPath(), r.URL.Query().Encode()} {
		h.Write([]byte(part + "\x00"))
	}
	h.Write(body)
	return [sha256.Size]byte(h.Sum(nil))
}

// once lets a request with an Idempotency-Key be carried out once. Its run goes
// on with the context, and ends with done; if done is nil, the request was
// answered. What becomes of the answer is made of what was made.
func (s *server) once(w http.ResponseWriter, r *http.Request, id string, status int, body []byte, answer func(made any) any) (ctx context.Context, done func()) {
	ctx = r.Context()
	key, problem := onceKey(r)
	if problem != nil {
		writeProblem(w, problem)
		return ctx, nil
	}
	if key == "" {
		return ctx, func() {}
	}
	if s.Receipts == nil {
		writeProblem(w, inputProblem(http.StatusBadRequest, onceHeader, "cannot be heeded here, since no daemon is running"))
		return ctx, nil
	}
	c, stored, err := s.Receipts.begin(ctx, askedBy(surface.PrincipalOf(ctx), key), asked(r, body))
	switch {
	case errors.Is(err, errReceiptBusy):
		p := inputProblem(http.StatusConflict, onceHeader, err.Error())
		p.Code, p.retry = CodeInProgress, 1
		writeProblem(w, p)
	case errors.Is(err, errReceiptOther):
		p := inputProblem(http.StatusUnprocessableEntity, onceHeader, err.Error())
		p.Code = CodeKeyReused
		writeProblem(w, p)
	case err != nil:
		writeProblem(w, s.problem(ctx, id, err))
	case stored != nil:
		w.Header().Set("Content-Type", jsonType)
		w.Header().Set("Idempotency-Replayed", "true")
		w.WriteHeader(status)
		if err := stored.writeTo(w); err != nil {
			cutShort(r, err)
		}
	default:
		c.answer = func(made any) ([]byte, error) { return json.Marshal(answer(made)) }
		return hotspot.WithReceipt(ctx, c.put), func() { c.end(ctx) }
	}
	return ctx, nil
}
