package action

import (
	"net/http"

	"github.com/vouchsafe/vouchsafe/api"
)

// params are the parameters of a request, by name.
type params api.Params

// known are the names of all parameters; others are ignored.
func known(name string) bool {
	switch name {
	case "api-key", "action", "username", "passcode", "fullname", "valid_for",
		"valid_from", "download_limit", "upload_limit", "limit", "after_id":
		return true
	}
	return false
}

// scalar returns the text of a parameter that is there, not empty, and text
// or a number.
func (p params) scalar(name string) (string, bool) { return api.Params(p).Scalar(name) }

// readParams reads the parameters of a GET or POST. The query string of a POST
// fills in what its body lacks, if query allows.
func readParams(w http.ResponseWriter, r *http.Request, query bool) (params, error) {
	p, err := api.ReadParams(w, r, api.ParamRules{Known: known, MaxBody: maxBody, Query: query})
	return params(p), err
}
