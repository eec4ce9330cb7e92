package keys

import (
	"net/http"
	"strings"

	"github.com/vouchsafe/vouchsafe/api"
)

// maxBody bounds the bodies of these endpoints, in bytes.
const maxBody = 64 << 10

// credential is what a caller shows to get an access token: a key, or an
// operator's e-mail address and password, or nothing.
type credential struct{ key, email, password string }

// readCredential reads a credential from wherever it may be. Two different
// ones are refused: which of them counts would be a guess. Passwords are taken
// from bodies only, since addresses end up in logs.
func readCredential(w http.ResponseWriter, r *http.Request) (c credential, err error) {
	body, err := api.ReadParams(w, r, api.ParamRules{MaxBody: maxBody, Known: func(name string) bool {
		return name == "key" || name == "email" || name == "password"
	}})
	if err != nil {
		return c, err
	}
	query, err := api.ReadQuery(r, func(name string) bool { return name == "key" })
	if err != nil {
		return c, err
	}
	bearer, err := bearer(r)
	if err != nil {
		return c, err
	}
	header, err := single(r, "X-Api-Key")
	if err != nil {
		return c, err
	}
	for name, v := range body {
		if v.Kind == api.KindOther {
			return c, api.BadRequest(name + " must be text")
		}
	}
	for _, key := range []string{bearer, header, body["key"].Text, query["key"].Text} {
		switch {
		case key == "":
		case c.key != "" && c.key != key:
			return c, api.BadRequest("there are two different keys")
		default:
			c.key = key
		}
	}
	c.email, c.password = body["email"].Text, body["password"].Text
	if c.key != "" && c.email+c.password != "" {
		return c, api.BadRequest("there are both a key and an e-mail address or password")
	}
	return c, nil
}

// bearer returns what stands behind "Authorization: Bearer"; "" if there is no
// such header, or one of another scheme.
func bearer(r *http.Request) (string, error) {
	v, err := single(r, "Authorization")
	if err != nil {
		return "", err
	}
	scheme, token, _ := strings.Cut(v, " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return "", nil
	}
	return strings.TrimSpace(token), nil
}

// single returns a header that may be there once.
func single(r *http.Request, name string) (string, error) {
	switch v := r.Header.Values(name); len(v) {
	case 0:
		return "", nil
	case 1:
		return strings.TrimSpace(v[0]), nil
	}
	return "", api.BadRequest("the header " + name + " is given twice")
}
