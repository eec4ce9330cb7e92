package printing

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"

	"github.com/vouchsafe/vouchsafe/hotspot"
	"github.com/vouchsafe/vouchsafe/webui"
	"github.com/vouchsafe/vouchsafe/webui/print"
)

// NewPDF returns what writes vouchers as a PDF for programs. A query says what to
// print, and how, as the addresses of the pages do.
func NewPDF(cfg Config) func(ctx context.Context, query url.Values, w io.Writer) error {
	a := &area{Config: cfg}
	var err error
	if a.langs, err = webui.NewLanguages(print.Texts()); err != nil {
		panic(fmt.Sprintf("printing: %v", err)) // files of ours
	}
	return a.writePDF
}

func (a *area) writePDF(ctx context.Context, query url.Values, w io.Writer) error {
	sel, asked, err := parseSelection(query)
	if err == nil && !asked {
		err = hotspot.Invalid("ids", "say which vouchers to print")
	}
	if err != nil {
		return err
	}
	set := a.Service.Settings()
	for _, name := range options {
		if v := query.Get(name); v != "" {
			if set, err = set.With(map[string]string{"print." + name: v}); err != nil {
				return err
			}
		}
	}
	s, err := print.FromSettings(set, a.langs.Negotiate(set.Print.Language), a.Service.Logo(), a.Portal())
	if err != nil {
		return err
	}
	s.Zone = a.Service.Zone()
	j, _, err := print.NewFitting(s)
	if err != nil {
		return err
	}
	_, err = j.PDF(w, a.vouchers(ctx, sel))
	if errors.Is(err, print.ErrLetters) {
		return &hotspot.Error{Code: hotspot.CodeInvalid, Field: "language", Text: "a PDF cannot hold all letters of these vouchers; print them in the panel"}
	}
	return err
}
