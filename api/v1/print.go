package v1

import (
	"context"
	"io"
	"net/http"
	"net/url"

	"github.com/danielgtaylor/huma/v2"
	surface "github.com/vouchsafe/vouchsafe/api"
	"github.com/vouchsafe/vouchsafe/hotspot"
)

const pdfType = "application/pdf"

// printing registers the operation that makes vouchers to be printed. Paper
// tells passcodes, so it counts as writing.
func (s *server) printing() {
	s.raw(writes(surface.ScopeVouchers), &huma.Operation{OperationID: "print-vouchers", Method: http.MethodGet, Path: "/print/vouchers.pdf",
		Summary:     "Write vouchers as a PDF for printing",
		Description: "How they look is what the settings print.* say. At most 5,000 at a time.",
		Parameters: []*huma.Param{
			query("ids", "string", "which: numbers and ranges, such as 5,9-14"),
			query("q", "string", "instead: those that a search finds"),
			query("status", "string", "the same, with this status only"),
			query("layout", "string", "instead of the setting print.layout"),
			query("cut", "string", "instead of the setting print.cut"),
			query("language", "string", "instead of the setting print.language"),
		}}, "", fileAnswer(pdfType), func(w http.ResponseWriter, r *http.Request) error {
		return s.sendFile(w, pdfType, func(out io.Writer) error { return s.PDF(r.Context(), r.URL.Query(), out) })
	})
}

// noPDF answers where nobody can print.
func noPDF(context.Context, url.Values, io.Writer) error {
	return &hotspot.Error{Code: hotspot.CodeUnavailable, Text: "no daemon is running that could print"}
}
