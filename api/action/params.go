package action

import (
	"net/http"

	"github.com/vouchsafe/vouchsafe/api"
)

// params are the parameters of a request, by name.
type params api.Params

// knownParams are the names of all parameters; others are ignored.
func knownParams() map[string]bool {
	known := map[string]bool{"api-key": true, "action": true}
	for _, a := range api.Actions() {
		for _, p := range a.Params {
			known[p.Name] = true
		}
	}
	return known
}

// scalar returns the text of a parameter that is there, not empty, and text
// or a number.
func (p params) scalar(name string) (string, bool) { return api.Params(p).Scalar(name) }

// readParams reads the parameters of a GET or POST. The query string of a POST
// fills in what its body lacks, if query allows.
func (h *handler) readParams(w http.ResponseWriter, r *http.Request, query bool) (params, error) {
	p, err := api.ReadParams(w, r, api.ParamRules{Known: func(name string) bool { return h.known[name] }, MaxBody: maxBody, Query: query})
	return params(p), err
}
