package v1

import (
	"context"
	"io"
	"net/http"

	"github.com/danielgtaylor/huma/v2"
	surface "github.com/vouchsafe/vouchsafe/api"
	"github.com/vouchsafe/vouchsafe/hotspot"
)

type (
	// About says what runs here, and what it takes.
	About = surface.About
	// Configuration says what the configuration file sets.
	Configuration = surface.Configuration
	// Clock says what the clock is worth.
	Clock = surface.Clock
	// LogLine is one line of the daemon's log.
	LogLine = surface.LogLine
	// Snapshot is a backup that the router made by itself.
	Snapshot = surface.Snapshot
	// HealthFact says how one part of the hotspot is.
	HealthFact = surface.Finding
)

type logIn struct {
	Level string `query:"level" enum:"debug,info,warn,error" doc:"the least important kind of line"`
	Text  string `query:"q" maxLength:"100" doc:"what lines have in them, in any case of letters"`
	Limit int    `query:"limit" minimum:"1" maximum:"1000" default:"100" format:"int64"`
}

// bundleType is that of the support bundle.
const bundleType = "application/gzip"

// machine registers the operations on the daemon's surroundings.
func (s *server) machine() {
	register(s, reads(surface.ScopeSettings), &huma.Operation{OperationID: "get-about", Method: http.MethodGet, Path: "/about",
		Summary: "Tell what runs here, and what it takes of the machine"}, askDaemon(func(ctx context.Context, d surface.System) About { return d.About(ctx) }))
	register(s, reads(surface.ScopeSettings), &huma.Operation{OperationID: "get-configuration", Method: http.MethodGet, Path: "/configuration",
		Summary: "Show what the configuration file sets, and the certificate for HTTPS"},
		askDaemon(func(_ context.Context, d surface.System) Configuration { return d.Configuration() }))
	register(s, reads(surface.ScopeSettings), &huma.Operation{OperationID: "get-clock", Method: http.MethodGet, Path: "/clock",
		Summary: "Tell the time, and who vouches for it"}, askDaemon(func(_ context.Context, d surface.System) Clock { return d.Clock() }))
	register(s, writes(surface.ScopeSettings), &huma.Operation{OperationID: "examine", Method: http.MethodPost, Path: "/examination",
		Summary: "Examine the machine, the network and the files, as vouchsafe doctor does; it takes five seconds at most"},
		askDaemon(func(ctx context.Context, d surface.System) List[HealthFact] {
			list := List[HealthFact]{Items: []HealthFact{}}
			d.Examine(ctx, func(f surface.Finding) { list.Items = append(list.Items, f) })
			return list
		}))
	register(s, writes(surface.ScopeAll), &huma.Operation{OperationID: "list-log", Method: http.MethodGet, Path: "/log",
		Summary: "List the newest lines of the daemon's log, newest first"}, (*server).listLog)
	s.raw(writes(surface.ScopeAll), &huma.Operation{OperationID: "get-support-bundle", Method: http.MethodGet, Path: "/support-bundle",
		Summary:     "Pack what helps to find a fault, without secrets, as .tar.gz",
		Description: "Nothing in it says who a guest is, unless personal is true.",
		Parameters:  []*huma.Param{query("personal", "boolean", "with guests' addresses and names")},
	}, "", fileAnswer(bundleType), func(w http.ResponseWriter, r *http.Request) error {
		if s.System == nil {
			return errStopped()
		}
		return s.sendFile(w, bundleType, func(out io.Writer) error {
			return s.System.Support(r.Context(), out, r.URL.Query().Get("personal") == "true")
		})
	})
}

// errStopped says that only a running daemon could tell.
func errStopped() error {
	return &hotspot.Error{Code: hotspot.CodeUnavailable, Text: "no daemon is running that could tell; start it first"}
}

// askDaemon is an operation without input that asks the daemon.
func askDaemon[T any](ask func(context.Context, surface.System) T) func(*server, context.Context, *struct{}) (*item[T], error) {
	return func(s *server, ctx context.Context, _ *struct{}) (*item[T], error) {
		if s.System == nil {
			return nil, errStopped()
		}
		return &item[T]{ask(ctx, s.System)}, nil
	}
}

func (s *server) listLog(_ context.Context, in *logIn) (*item[List[LogLine]], error) {
	if s.System == nil {
		return nil, errStopped()
	}
	return &item[List[LogLine]]{List[LogLine]{s.System.LogLines(surface.LogQuery{Level: in.Level, Text: in.Text, Limit: in.Limit})}}, nil
}

// fileAnswer describes an answer that is a file.
func fileAnswer(contentType string) *huma.Response {
	return &huma.Response{Content: map[string]*huma.MediaType{contentType: {Schema: &huma.Schema{Type: "string", Format: "binary"}}}}
}
