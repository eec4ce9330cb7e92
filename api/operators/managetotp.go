package operators

import (
	"context"
	"fmt"
	"time"

	"github.com/vouchsafe/vouchsafe/api"
	"github.com/vouchsafe/vouchsafe/hotspot"
)

// offer is a secret for an authenticator app that no code was shown of yet.
type offer struct {
	secret  []byte
	session api.ID // that it was made for
	until   time.Duration
}

// offerFor is how long a secret may be confirmed.
const offerFor = 15 * time.Minute

// OfferTOTP makes a secret for an operator's authenticator app. issuer names the
// venue there. The same session is offered the same secret for a while, so that
// a page can show it again.
func (o *Operators) OfferTOTP(ctx context.Context, by *api.Principal, id api.ID, issuer string) (api.TOTPOffer, error) {
	if !himself(by, id) {
		return api.TOTPOffer{}, forbidden("only who signs in with it sets up an authenticator app")
	}
	if err := o.confirmed(by); err != nil {
		return api.TOTPOffer{}, err
	}
	if _, believed := o.cfg.Now(); !believed {
		return api.TOTPOffer{}, &hotspot.Error{Code: hotspot.CodeUnavailable, Text: "the router does not know the time for sure yet, which codes depend on: connect it to the internet, or say that its clock is right"}
	}
	p, err := o.person(ctx, id)
	if err != nil {
		return api.TOTPOffer{}, err
	}
	mono := o.cfg.Mono()
	o.mu.Lock()
	defer o.mu.Unlock()
	of, ok := o.offers[id]
	if !ok || of.session != by.Session || mono >= of.until {
		of = offer{newTOTPSecret(), by.Session, mono + offerFor}
		o.offers[id] = of
	}
	return api.TOTPOffer{Secret: totpEncoding().EncodeToString(of.secret), URI: totpURI(of.secret, issuer, p.Email)}, nil
}

// ConfirmTOTP turns codes on, once one of the secret that was offered is shown,
// and returns recovery codes, which are not shown again.
func (o *Operators) ConfirmTOTP(ctx context.Context, by *api.Principal, id api.ID, code string) ([]string, error) {
	if !himself(by, id) {
		return nil, forbidden("only who signs in with it sets up an authenticator app")
	}
	o.mu.Lock()
	of, ok := o.offers[id]
	o.mu.Unlock()
	if !ok || of.session != by.Session || o.cfg.Mono() >= of.until {
		return nil, hotspot.Invalid("code", "comes too late: begin again")
	}
	now, _ := o.cfg.Now()
	step, ok := checkTOTP(of.secret, code, now, 0)
	if !ok {
		return nil, hotspot.Invalid("code", "is not the one that the app shows now; is the time right on the phone and here?")
	}
	codes, hashes := newRecovery()
	_, err := o.edit(ctx, by, id, hotspot.AuditTOTPOn, func(_ *person, rec *record) ([]hotspot.Change, error) {
		rec.TOTP, rec.Step, rec.Recovery = o.seal(id, of.secret), step, hashes
		return nil, nil
	})
	if err != nil {
		return nil, err
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	delete(o.offers, id)
	return codes, nil
}

// DropTOTP turns codes off.
func (o *Operators) DropTOTP(ctx context.Context, by *api.Principal, id api.ID) error {
	p, err := o.person(ctx, id)
	if err != nil {
		return hidden(by, id, err)
	}
	if err := o.maySecure(by, p); err != nil {
		return err
	}
	_, err = o.edit(ctx, by, id, hotspot.AuditTOTPOff, func(p *person, rec *record) ([]hotspot.Change, error) {
		if len(rec.TOTP) == 0 {
			return nil, hotspot.Invalid("", "no code is asked of %s", p.Email)
		}
		rec.TOTP, rec.Step, rec.Recovery = nil, 0, nil
		return nil, o.maySecure(by, p)
	})
	return err
}

// NewRecovery replaces an operator's recovery codes.
func (o *Operators) NewRecovery(ctx context.Context, by *api.Principal, id api.ID) ([]string, error) {
	if !himself(by, id) {
		return nil, forbidden("only who signs in with them makes recovery codes")
	}
	if err := o.confirmed(by); err != nil {
		return nil, err
	}
	codes, hashes := newRecovery()
	_, err := o.edit(ctx, by, id, hotspot.AuditRecoveryCodes, func(_ *person, rec *record) ([]hotspot.Change, error) {
		if len(rec.TOTP) == 0 {
			return nil, hotspot.Invalid("", "set up an authenticator app first")
		}
		rec.Recovery = hashes
		return []hotspot.Change{{Field: "codes", New: fmt.Sprint(len(hashes))}}, nil
	})
	if err != nil {
		return nil, err
	}
	return codes, nil
}
