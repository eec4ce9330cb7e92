package v1

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"
	surface "github.com/vouchsafe/vouchsafe/api"
	"github.com/vouchsafe/vouchsafe/hotspot"
)

// Prefix is where the API lives.
const Prefix = "/api/v1"

// Service is what the API needs of [hotspot.Service].
type Service interface {
	CreateVouchers(ctx context.Context, specs ...hotspot.VoucherSpec) ([]hotspot.Voucher, error)
	EditVoucher(ctx context.Context, username string, e hotspot.VoucherEdit) (hotspot.VoucherView, error)
	RemoveVoucher(ctx context.Context, username string) error
	Voucher(ctx context.Context, username string) (hotspot.VoucherView, error)
	Vouchers(ctx context.Context, after uint64, limit int) ([]hotspot.VoucherView, error)
	Guests(ctx context.Context) ([]hotspot.Guest, error)
	GuestHosts(ctx context.Context) ([]hotspot.GuestHost, error)
	Kick(ctx context.Context, m hotspot.MAC) error
	Setting(key string) (string, error)
	SetSetting(ctx context.Context, key, value string) error
	Now() (t time.Time, believed bool)
	Zone() *time.Location
}

var _ Service = (*hotspot.Service)(nil)

// Keys keeps the device key of the action API.
type Keys interface {
	DeviceKey(ctx context.Context) (string, error)
	// Regenerate replaces the key and returns the new one. The old one is
	// refused from then on.
	Regenerate(ctx context.Context) (string, error)
}

// Config is what the API is made of.
type Config struct {
	Service Service      // must not be nil
	Keys    Keys         // must not be nil
	Log     *slog.Logger // must not be nil; gets what clients are not told
	// Info tells what the daemon knows of itself; the API fills in the clock,
	// the zone and the guests. Must not be nil.
	Info func(context.Context) Status
	// ClockSynced is told that the system's clock is right now. Nil where no
	// daemon runs that would care.
	ClockSynced func(context.Context) error
}

// server carries the parts to the operations.
type server struct {
	Config
}

// New returns the API's handler for paths under [Prefix].
func New(c Config) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		writeProblem(w, problemOf(&hotspot.Error{Code: hotspot.CodeNotFound, Text: "there is nothing at this path for this method"}))
	})
	config := huma.DefaultConfig("Vouchsafe", "1")
	config.Info.Description = "Vouchers, guests and settings of a Vouchsafe hotspot."
	config.OpenAPIPath = Prefix + "/openapi"
	config.DocsPath = ""    // its pages would load assets from elsewhere
	config.SchemasPath = "" // the schemas are in the OpenAPI document
	config.CreateHooks = nil
	config.RejectUnknownQueryParameters = true
	config.Transformers = []huma.Transformer{problemsOnly}
	api := humago.New(mux, config)

	s := &server{c}
	s.vouchers(api)
	s.guests(api)
	s.settings(api)
	s.system(api)
	forgetErrorModel(api)
	internal := func(w http.ResponseWriter, _ *http.Request) { writeProblem(w, problemOf(nil)) }
	return surface.Recover(c.Log, internal, hangUps(mux))
}

// hangUps tells a client that went away from a mistake of ours: the framework
// panics when an answer cannot be written.
func hangUps(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			v := recover()
			if v == nil {
				return
			}
			var lost *net.OpError
			if err, ok := v.(error); ok && (r.Context().Err() != nil || errors.As(err, &lost)) {
				panic(http.ErrAbortHandler)
			}
			panic(v)
		}()
		next.ServeHTTP(w, r)
	})
}

// item is an answer whose body is one value.
type item[T any] struct {
	Body T
}

// none is an answer without a body.
type none struct{}

// register adds an operation. Its errors go through the one table.
func register[I, O any](s *server, api huma.API, op huma.Operation, h func(context.Context, *I) (*O, error)) {
	op.Path = Prefix + op.Path
	op.MaxBodyBytes = 64 << 10
	op.Responses = map[string]*huma.Response{"default": problemResponse(api)}
	huma.Register(api, op, func(ctx context.Context, in *I) (*O, error) {
		out, err := h(ctx, in)
		if err != nil {
			return nil, s.problem(ctx, op.OperationID, err)
		}
		return out, nil
	})
}

// problem turns an error into what the client may know of it. What it is not
// told, the cause of a failure, is logged.
func (s *server) problem(ctx context.Context, operation string, err error) *Problem {
	p := problemOf(err)
	var e *hotspot.Error
	told := errors.As(err, &e) && e.Err == nil
	if p.Status >= http.StatusInternalServerError && !told && ctx.Err() == nil {
		s.Log.Error("request failed", "operation", operation, "err", err)
	}
	return p
}
