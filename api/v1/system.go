package v1

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	surface "github.com/vouchsafe/vouchsafe/api"
	"github.com/vouchsafe/vouchsafe/hotspot"
)

// DeviceKey is the action API's key.
type DeviceKey struct {
	Key          string     `json:"key"`
	LastUsed     *time.Time `json:"last_used" doc:"null: never"`
	LastUsedFrom string     `json:"last_used_from" doc:"the address it was last used from; empty: none is known"`
}

// ClockState is what the clock is told to be.
type ClockState struct {
	Synced bool `json:"synced" enum:"true" doc:"the system's clock is right"`
}

type clockIn struct {
	Body ClockState
}

// system registers the operations on the daemon itself.
func (s *server) system() {
	register(s, forKnown(), &huma.Operation{OperationID: "get-status", Method: http.MethodGet, Path: "/status",
		Summary: "Tell how the daemon fares"}, (*server).status)
	register(s, writes(surface.ScopeAll), &huma.Operation{OperationID: "get-device-key", Method: http.MethodGet, Path: "/device-key",
		Summary: "Show the key of the action API"}, (*server).deviceKey)
	register(s, writes(surface.ScopeAll), &huma.Operation{OperationID: "regenerate-device-key", Method: http.MethodPost, Path: "/device-key/regenerate",
		Summary: "Replace the key of the action API; the old one is refused at once"}, (*server).regenerate)
	register(s, writes(surface.ScopeSettings), &huma.Operation{OperationID: "put-clock", Method: http.MethodPut, Path: "/clock",
		Summary: "Tell the daemon that the system's clock is right", DefaultStatus: http.StatusNoContent}, (*server).clock)
}

func (s *server) status(ctx context.Context, _ *struct{}) (*item[Status], error) {
	guests, err := s.Service.Guests(ctx)
	if err != nil {
		return nil, err
	}
	st := s.Info(ctx)
	now, believed := s.Service.Now()
	st.Time = in(s.Service.Zone(), now)
	if st.Zone = s.Service.Zone().String(); st.Zone == "Local" || st.Zone == "" {
		st.Zone = now.In(s.Service.Zone()).Format("MST") // the zone has no name but this
	}
	st.ClockBelieved = believed
	st.GuestsOnline = len(guests)
	if st.Notices == nil {
		st.Notices = []string{}
	}
	return &item[Status]{st}, nil
}

func (s *server) deviceKey(ctx context.Context, _ *struct{}) (*item[DeviceKey], error) {
	key, err := s.Keys.DeviceKey(ctx)
	if err != nil {
		return nil, err
	}
	at, from, err := s.Keys.DeviceUse(ctx)
	out := DeviceKey{Key: key, LastUsed: in(s.Service.Zone(), at)}
	if from.IsValid() {
		out.LastUsedFrom = from.String()
	}
	return &item[DeviceKey]{out}, err
}

func (s *server) regenerate(ctx context.Context, _ *struct{}) (*item[DeviceKey], error) {
	key, err := s.Keys.Regenerate(ctx)
	return &item[DeviceKey]{DeviceKey{Key: key}}, err
}

func (s *server) clock(ctx context.Context, _ *clockIn) (*none, error) {
	if s.ClockSynced == nil {
		return nil, &hotspot.Error{Code: hotspot.CodeUnavailable, Text: "no daemon is running that could be told about the clock"}
	}
	return nil, s.ClockSynced(ctx)
}
