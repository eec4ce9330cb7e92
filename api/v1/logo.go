package v1

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strconv"

	"github.com/danielgtaylor/huma/v2"
	surface "github.com/vouchsafe/vouchsafe/api"
	"github.com/vouchsafe/vouchsafe/hotspot"
)

// Logo keeps the venue's logo, as a part of [Service].
type Logo interface {
	Logo() *hotspot.Logo // nil: there is none
	// SetLogo takes a file in; none removes the logo.
	SetLogo(ctx context.Context, file []byte) (*hotspot.Logo, error)
}

// maxLogoBody is how much of a file is read, so that one that is too large can
// be told how large it may be.
const maxLogoBody = 1 << 20

// logo registers the operations on the venue's logo.
func (s *server) logo() {
	picture := func() map[string]*huma.MediaType {
		file := &huma.MediaType{Schema: &huma.Schema{Type: "string", Format: "binary"}}
		return map[string]*huma.MediaType{"image/png": file, "image/jpeg": file}
	}
	s.raw(reads(surface.ScopeSettings), &huma.Operation{OperationID: "get-logo", Method: http.MethodGet, Path: "/logo",
		Summary: "Copy the venue's logo"}, "", &huma.Response{Content: picture()}, s.getLogo)
	s.raw(writes(surface.ScopeSettings), &huma.Operation{OperationID: "put-logo", Method: http.MethodPut, Path: "/logo",
		Summary:       "Set the venue's logo, for the login page and printed vouchers",
		Description:   "A PNG or JPEG file of at most 64 KiB and 2000 pixels on a side. What a camera or a program wrote beside the picture is not stored.",
		DefaultStatus: http.StatusNoContent, RequestBody: &huma.RequestBody{Required: true, Content: picture()}}, "", &huma.Response{}, s.putLogo)
	register(s, writes(surface.ScopeSettings), &huma.Operation{OperationID: "remove-logo", Method: http.MethodDelete, Path: "/logo",
		Summary: "Remove the venue's logo", DefaultStatus: http.StatusNoContent}, (*server).removeLogo)
}

func errNoLogo() error {
	return &hotspot.Error{Code: hotspot.CodeNotFound, Text: "the venue has no logo"}
}

func (s *server) getLogo(w http.ResponseWriter, _ *http.Request) error {
	l := s.Service.Logo()
	if l == nil {
		return errNoLogo()
	}
	w.Header().Set("Content-Type", l.Type)
	w.Header().Set("Content-Length", strconv.Itoa(len(l.Data)))
	// A failed write means that the client went away.
	_, _ = w.Write(l.Data)
	return nil
}

func (s *server) putLogo(w http.ResponseWriter, r *http.Request) error {
	file, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxLogoBody))
	if large := (*http.MaxBytesError)(nil); errors.As(err, &large) {
		return hotspot.Invalid("logo", "the file is too large: it may have %d bytes", hotspot.MaxLogo)
	}
	if err != nil {
		return hotspot.Invalid("logo", "the file did not arrive whole: send it again")
	}
	if len(file) == 0 {
		return hotspot.Invalid("logo", "there is no file; to have no logo, use DELETE")
	}
	if _, err := s.Service.SetLogo(r.Context(), file); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

func (s *server) removeLogo(ctx context.Context, _ *struct{}) (*none, error) {
	if s.Service.Logo() == nil {
		return nil, errNoLogo()
	}
	_, err := s.Service.SetLogo(ctx, nil)
	return nil, err
}
