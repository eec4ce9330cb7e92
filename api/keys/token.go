package keys

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/vouchsafe/vouchsafe/api"
	"github.com/vouchsafe/vouchsafe/hotspot"
)

const (
	tokenIssuer = "vouchsafe"
	// tokenHeader is the only header that there is: it names the one algorithm.
	tokenHeader = `{"typ":"JWT","alg":"HS256"}`
	tokenLife   = time.Hour
	// tokenSlack forgives a clock that was set back a little.
	tokenSlack = time.Minute
)

// The letters that begin a token's jti: for what it was issued.
const (
	forDevice   = 'd'
	forKey      = 'k'
	forOperator = 'o'
)

// claims are a token's, in this order.
type claims struct {
	Issuer    string `json:"iss"`
	Subject   string `json:"sub"` // the operator
	IssuedAt  int64  `json:"iat"`
	NotBefore int64  `json:"nbf"`
	Expires   int64  `json:"exp"`
	// ID is a letter, the id of what it was issued for, its epoch, and what
	// makes it unique, with dashes between.
	ID string `json:"jti"`
}

func encoding() *base64.Encoding { return base64.RawURLEncoding.Strict() }

// IssueToken returns an access token for a principal that Check or SignIn
// returned, and when it expires. It is not kept anywhere.
func (k *Keys) IssueToken(ctx context.Context, p *api.Principal) (string, time.Time, error) {
	letter, id := byte(forKey), p.ID
	switch p.Kind {
	case api.CallerDevice:
		d, err := k.loadDevice(ctx)
		if err != nil {
			return "", time.Time{}, err
		}
		letter, id = forDevice, d.id()
	case api.CallerOperator:
		letter = forOperator
	case api.CallerKey:
	default:
		return "", time.Time{}, &hotspot.Error{Code: hotspot.CodeForbidden, Text: "access tokens are issued for keys and operators only"}
	}
	if p.Revoked() {
		return "", time.Time{}, api.ErrWrongKey
	}
	now, _ := k.cfg.Now()
	expires := now.Add(tokenLife)
	c := claims{
		Issuer: tokenIssuer, Subject: p.Owner.String(), IssuedAt: now.Unix(), NotBefore: now.Unix(), Expires: expires.Unix(),
		ID: fmt.Sprintf("%c%s-%d-%s", letter, id, p.Epoch, rand.Text()[:16]),
	}
	body, err := json.Marshal(c)
	if err != nil {
		return "", time.Time{}, err
	}
	text := encoding().EncodeToString([]byte(tokenHeader)) + "." + encoding().EncodeToString(body)
	return text + "." + encoding().EncodeToString(k.sign(text)), time.Unix(c.Expires, 0).UTC(), nil
}

func (k *Keys) sign(text string) []byte {
	m := hmac.New(sha256.New, k.signer)
	_, _ = m.Write([]byte(text)) // never fails
	return m.Sum(nil)
}

// TokenFor returns an access token for a key, without the key: for whoever may
// do all. The zero id stands for the device key.
func (k *Keys) TokenFor(ctx context.Context, by *api.Principal, id api.ID) (string, time.Time, error) {
	if err := may(by, api.ScopeAll); err != nil {
		return "", time.Time{}, err
	}
	if id == (api.ID{}) {
		d, err := k.loadDevice(ctx)
		if err != nil {
			return "", time.Time{}, err
		}
		return k.IssueToken(ctx, d.principal(by.From))
	}
	e, err := k.entry(ctx, by, id)
	if err != nil {
		return "", time.Time{}, err
	}
	if k.expired(e) {
		return "", time.Time{}, hotspot.Invalid("id", "the API key has expired")
	}
	return k.IssueToken(ctx, e.principal(by.From))
}

// CheckToken returns for whom an access token was issued, and notes that the
// key was used. One that opens nothing is [api.ErrWrongKey]; genuine tells one
// that this device once issued from one that somebody made up.
func (k *Keys) CheckToken(ctx context.Context, token string, from netip.Addr) (p *api.Principal, genuine bool, err error) {
	c, ok := k.verify(token)
	if !ok {
		return nil, false, api.ErrWrongKey
	}
	now, _ := k.cfg.Now()
	if now.Unix() >= c.Expires || now.Add(tokenSlack).Unix() < c.NotBefore {
		return nil, true, api.ErrWrongKey
	}
	p, note, err := k.holder(ctx, c, from)
	if err != nil {
		return nil, true, err
	}
	if note != nil {
		k.note(note, from)
	}
	who := *p // an operator's may be shared
	who.Token, who.From = true, from
	return &who, true, nil
}

// verify checks who made a token, not whether it still counts.
func (k *Keys) verify(token string) (c claims, ok bool) {
	// The decoder would overlook line breaks.
	if len(token) > maxCredential || strings.ContainsAny(token, "\r\n") {
		return c, false
	}
	i := strings.LastIndexByte(token, '.')
	if i < 0 {
		return c, false
	}
	sum, err := encoding().DecodeString(token[i+1:])
	if err != nil || !hmac.Equal(sum, k.sign(token[:i])) {
		return c, false
	}
	header, body, _ := strings.Cut(token[:i], ".")
	b, err := encoding().DecodeString(body)
	if header != encoding().EncodeToString([]byte(tokenHeader)) || err != nil {
		return c, false
	}
	return c, json.Unmarshal(b, &c) == nil && c.Issuer == tokenIssuer
}

// holder finds for whom a token was issued, if that still counts.
func (k *Keys) holder(ctx context.Context, c claims, from netip.Addr) (p *api.Principal, u *usage, err error) {
	parts := strings.Split(c.ID, "-")
	if len(parts) != 3 || parts[0] == "" {
		return p, nil, api.ErrWrongKey
	}
	id, err := api.ParseID(parts[0][1:])
	epoch, perr := strconv.ParseUint(parts[1], 10, 32)
	if err != nil || perr != nil {
		return p, nil, api.ErrWrongKey
	}
	switch parts[0][0] {
	case forDevice:
		d, err := k.loadDevice(ctx)
		if err != nil {
			return p, nil, err
		}
		if d.id() != id {
			return p, nil, api.ErrWrongKey
		}
		p, u = d.principal(from), d.usage
	case forKey:
		e, err := k.holderKey(ctx, id)
		if err != nil {
			return p, nil, err
		}
		if p, err = k.ofOwner(ctx, e.principal(from)); err != nil {
			return p, nil, err // the operator may be gone
		}
		u = e.usage
	case forOperator:
		if k.cfg.Operators == nil {
			return p, nil, api.ErrWrongKey
		}
		if p, err = k.cfg.Operators.Operator(ctx, id); err != nil {
			return p, nil, err
		}
	default:
		return p, nil, api.ErrWrongKey
	}
	if p.Epoch != uint32(epoch) || p.Owner.String() != c.Subject {
		return p, nil, api.ErrWrongKey
	}
	return p, u, nil
}

func (k *Keys) holderKey(ctx context.Context, id api.ID) (*entry, error) {
	r, err := k.loadNamed(ctx)
	if err != nil {
		return nil, err
	}
	for _, e := range r.entries {
		if e.id == id && !k.expired(e) {
			return e, nil
		}
	}
	return nil, api.ErrWrongKey
}
