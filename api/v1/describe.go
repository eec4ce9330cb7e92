package v1

import (
	"encoding/json"
	"net/http"

	"github.com/danielgtaylor/huma/v2"
)

// newDocument returns the OpenAPI document before there are operations in it.
//
// It is made here, and not by huma.NewAPI, which would bring what we have
// ourselves or do without: pages, YAML, older versions, links to schemas. They
// are some 110 kB of a router's flash.
func newDocument() *huma.OpenAPI {
	return &huma.OpenAPI{
		OpenAPI: "3.1.0",
		Info:    &huma.Info{Title: "Vouchsafe", Version: "1", Description: "Vouchers, guests and settings of a Vouchsafe hotspot."},
		Components: &huma.Components{
			Schemas:         huma.NewMapRegistry("#/components/schemas/", huma.DefaultSchemaNamer),
			SecuritySchemes: securitySchemes(),
		},
	}
}

// securitySchemes are the ways to say who calls.
func securitySchemes() map[string]*huma.SecurityScheme {
	return map[string]*huma.SecurityScheme{
		bearerScheme: {Type: "http", Scheme: "bearer", Description: "An API key, or an access token of POST /api/token. Behind each operation stands the scope that it needs; the scope all has every other in it."},
		headerScheme: {Type: "apiKey", In: "header", Name: "x-api-key", Description: "An API key, or an access token; the same."},
	}
}

// describe serves the API's own description. It is no secret: whoever wants to
// write a program reads it before there is a key.
func (s *server) describe() {
	s.mux.Handle("GET "+Prefix+"/docs", &route{"get-docs", forAll(), false, false, s.docs()})
	s.mux.Handle("GET "+Prefix+"/openapi.json", &route{"get-openapi", forAll(), false, false, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, err := json.Marshal(s.doc)
		if err != nil {
			panic(err) // a mistake of ours
		}
		w.Header().Set("Content-Type", "application/vnd.oai.openapi+json;version=3.1")
		if _, err := w.Write(b); err != nil {
			cutShort(r, err)
		}
	})})
}

// orNull describes that a field which holds an object can be null. The tag
// nullable cannot say that of what is described elsewhere in the document.
func (s *server) orNull(field string, schemas ...string) {
	for _, name := range schemas {
		f := s.doc.Components.Schemas.Map()[name].Properties[field]
		*f = huma.Schema{Description: f.Description, AnyOf: []*huma.Schema{{Ref: f.Ref}, {Type: "null"}}}
	}
}
