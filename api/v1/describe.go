package v1

import (
	"encoding/json"
	"net/http"

	"github.com/danielgtaylor/huma/v2"
)

// securitySchemes are the ways to say who calls.
func securitySchemes() map[string]*huma.SecurityScheme {
	return map[string]*huma.SecurityScheme{
		bearerScheme: {Type: "http", Scheme: "bearer", Description: "An API key, or an access token of POST /api/token. Behind each operation stands the scope that it needs; the scope all has every other in it."},
		headerScheme: {Type: "apiKey", In: "header", Name: "x-api-key", Description: "An API key, or an access token; the same."},
	}
}

// describe serves the API's own description. It is no secret: whoever wants to
// write a program reads it before there is a key.
func (s *server) describe(api huma.API) {
	s.mux.Handle("GET "+Prefix+"/docs", &route{"get-docs", forAll(), false, s.docs(api)})
	s.mux.Handle("GET "+Prefix+"/openapi.json", &route{"get-openapi", forAll(), false, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, err := json.Marshal(api.OpenAPI())
		if err != nil {
			panic(err) // a mistake of ours
		}
		w.Header().Set("Content-Type", "application/vnd.oai.openapi+json;version=3.1")
		if _, err := w.Write(b); err != nil {
			cutShort(r, err)
		}
	})})
}
