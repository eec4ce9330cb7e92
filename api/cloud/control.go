package cloud

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
)

// Control is what the operator's side of a relay asks for, over a socket that
// only the operator can open or without a relay running.
//
//	GET    /accounts                    all accounts
//	POST   /accounts                    {"name"}: an account and its first token
//	POST   /accounts/{id}/license       {"license"}
//	POST   /accounts/{id}/tokens        {"name", "expires"}: another token
//	POST   /accounts/{id}/claims        a claim code
//	GET    /accounts/{id}/routers       its routers
//	DELETE /accounts/{id}/routers/{prefix}
//
// relay is the one that runs; nil: none does.
func Control(a *Accounts, relay *Relay) http.Handler {
	mux := http.NewServeMux()
	handle := func(pattern string, serve func(r *http.Request, fields map[string]json.RawMessage) (any, error)) {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			v, err := func() (any, error) {
				fields, err := readFields(w, r)
				if err != nil {
					return nil, err
				}
				return serve(r, fields)
			}()
			if relay != nil && err == nil {
				relay.operated(r, v)
			}
			writeControl(w, v, err)
		})
	}
	handle("GET /accounts", func(r *http.Request, _ map[string]json.RawMessage) (any, error) { return a.All(r.Context()) })
	handle("POST /accounts", func(r *http.Request, f map[string]json.RawMessage) (any, error) {
		name, err := (&call{fields: f}).text("name")
		if err != nil {
			return nil, err
		}
		acc, token, err := a.Create(r.Context(), name)
		return NewAccount{acc, token}, err
	})
	handle("POST /accounts/{id}/license", func(r *http.Request, f map[string]json.RawMessage) (any, error) {
		text, err := (&call{fields: f}).text("license")
		if err != nil {
			return nil, err
		}
		return a.SetLicense(r.Context(), r.PathValue("id"), text)
	})
	handle("POST /accounts/{id}/tokens", func(r *http.Request, f map[string]json.RawMessage) (any, error) {
		c := &call{fields: f}
		name, err := c.text("name")
		if err != nil {
			return nil, err
		}
		days, err := c.number("expires", 0)
		if err != nil {
			return nil, err
		}
		t, token, err := a.CreateToken(r.Context(), r.PathValue("id"), name, days)
		return tokenView{token, t.Name, unix(t.Expires)}, err
	})
	handle("POST /accounts/{id}/claims", func(r *http.Request, _ map[string]json.RawMessage) (any, error) {
		code, expires, err := a.NewClaim(r.Context(), r.PathValue("id"))
		return NewClaim{code, expires.Unix()}, err
	})
	handle("GET /accounts/{id}/routers", func(r *http.Request, _ map[string]json.RawMessage) (any, error) {
		return a.routersSeen(r.Context(), r.PathValue("id"), relay)
	})
	handle("DELETE /accounts/{id}/routers/{prefix}", func(r *http.Request, _ map[string]json.RawMessage) (any, error) {
		if relay != nil {
			return relay.RemoveRouter(r.Context(), r.PathValue("id"), r.PathValue("prefix"))
		}
		return a.RemoveRouter(r.Context(), r.PathValue("id"), r.PathValue("prefix"))
	})
	return mux
}

// operated writes down what the operator has changed.
func (r *Relay) operated(req *http.Request, made any) {
	account := req.PathValue("id")
	if m, ok := made.(NewAccount); ok {
		account = m.Account.ID
	}
	if req.Method != http.MethodGet {
		r.log.Info("account changed", "account", account, "change", req.Pattern, "by", "operator")
	}
}

// NewAccount is an account just made, with its first token.
type NewAccount struct {
	Account Account `json:"account"`
	Token   string  `json:"token"`
}

// RouterSeen is a router, and whether it is connected, if there is a relay that
// knows.
type RouterSeen struct {
	Router
	Online *bool `json:"online,omitempty"`
}

// routersSeen lists an account's routers.
func (a *Accounts) routersSeen(ctx context.Context, account string, relay *Relay) ([]RouterSeen, error) {
	if _, err := a.Account(ctx, account); err != nil {
		return nil, err
	}
	list, err := a.Routers(ctx, account)
	out := make([]RouterSeen, 0, len(list))
	for _, x := range list {
		if relay == nil {
			out = append(out, RouterSeen{Router: x})
			continue
		}
		s := relay.stateOf(ctx, x)
		out = append(out, RouterSeen{s.Router, &s.Online})
	}
	return out, err
}

// NewClaim is a claim code just made.
type NewClaim struct {
	Code    string `json:"code"`
	Expires int64  `json:"expires"` // Unix seconds
}

func writeControl(w http.ResponseWriter, v any, err error) {
	var refusal *Error
	switch {
	case err == nil:
		writeJSON(w, http.StatusOK, v)
	case asRefusal(err, &refusal):
		writeJSON(w, refusal.Status, failure{refusal.Status, refusal.Text, true})
	default:
		writeJSON(w, http.StatusInternalServerError, failure{http.StatusInternalServerError, err.Error(), true})
	}
}

// All lists the accounts.
func (a *Accounts) All(ctx context.Context) ([]Account, error) {
	out := []Account{}
	for after := ""; ; {
		page, err := a.cfg.Store.List(ctx, accountKey(""), after, 500)
		if err != nil {
			return nil, fmt.Errorf("relay's records: %w", err)
		}
		for _, e := range page {
			after = e.Key
			var acc Account
			if err := json.Unmarshal(e.Value, &acc); err != nil {
				return nil, fmt.Errorf("the record %s is damaged: %w", strings.TrimSpace(e.Key), err)
			}
			out = append(out, acc)
		}
		if len(page) < 500 {
			return out, nil
		}
	}
}
