package v1

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	surface "github.com/vouchsafe/vouchsafe/api"
	"github.com/vouchsafe/vouchsafe/hotspot"
)

// Cloud tells how the address on the internet is.
type Cloud struct {
	Enrolled bool       `json:"enrolled" doc:"the router belongs to an account at a relay"`
	On       bool       `json:"on" doc:"it is wanted"`
	Domain   string     `json:"domain" doc:"of the relay"`
	Endpoint string     `json:"endpoint" doc:"where integrations on the internet reach the action API; empty: nowhere"`
	Phase    string     `json:"phase" enum:"off,connecting,up,waiting" doc:"what the connection to the relay does"`
	Since    *time.Time `json:"since"`
	Latency  int64      `json:"latency_us" doc:"microseconds of a round trip to the relay; 0: not measured yet"`
	Failure  string     `json:"failure" doc:"why the last attempt failed; empty: none has"`
}

// CloudEnrolment makes the router one of an account's.
type CloudEnrolment struct {
	Domain string `json:"domain" doc:"of the relay, such as cloud.example.com"`
	Code   string `json:"code" doc:"a claim code of the account; it is good for 15 minutes, once"`
	Name   string `json:"name,omitempty" doc:"of this router, for the account's owner"`
}

// CloudSwitch turns the address on the internet on or off.
type CloudSwitch struct {
	On bool `json:"on"`
}

// CloudLeft tells how leaving went.
type CloudLeft struct {
	Told bool `json:"told" doc:"the relay knows; if not, remove the router in the cloud account"`
}

type enrolIn struct{ Body CloudEnrolment }

type switchIn struct{ Body CloudSwitch }

// cloud registers the operations on the address on the internet.
func (s *server) cloud() {
	register(s, reads(surface.ScopeSettings), &huma.Operation{OperationID: "get-cloud", Method: http.MethodGet, Path: "/cloud",
		Summary: "Tell how the address on the internet is"}, (*server).getCloud)
	register(s, writes(surface.ScopeAll), &huma.Operation{OperationID: "enrol-cloud", Method: http.MethodPost, Path: "/cloud",
		Summary: "Make the router one of an account's at a relay, and reachable from the internet"}, (*server).enrolCloud)
	register(s, writes(surface.ScopeAll), &huma.Operation{OperationID: "switch-cloud", Method: http.MethodPut, Path: "/cloud",
		Summary: "Turn the address on the internet on or off"}, (*server).switchCloud)
	register(s, writes(surface.ScopeAll), &huma.Operation{OperationID: "rotate-cloud", Method: http.MethodPost, Path: "/cloud/rotate",
		Summary: "Get another address; the one before leads nowhere from then on"}, (*server).rotateCloud)
	register(s, writes(surface.ScopeAll), &huma.Operation{OperationID: "leave-cloud", Method: http.MethodDelete, Path: "/cloud",
		Summary: "Take the router out of the account"}, (*server).leaveCloud)
}

// noCloud answers where nobody keeps a way to a relay.
type noCloud struct{}

func (noCloud) refuse() error {
	return &hotspot.Error{Code: hotspot.CodeUnavailable, Text: "no daemon is running that could be reached from the internet"}
}

func (noCloud) Status() surface.CloudStatus                         { return surface.CloudStatus{Phase: "off"} }
func (n noCloud) Enrol(context.Context, surface.NewEnrolment) error { return n.refuse() }
func (n noCloud) Switch(context.Context, bool) error                { return n.refuse() }
func (n noCloud) Rotate(context.Context) error                      { return n.refuse() }
func (n noCloud) Leave(context.Context) (bool, error)               { return false, n.refuse() }

func (s *server) cloudNow() *item[Cloud] {
	st := s.Cloud.Status()
	out := Cloud{Enrolled: st.Enrolled, On: st.On, Domain: st.Domain, Phase: st.Phase, Since: in(s.Service.Zone(), st.Since),
		Latency: st.Latency.Microseconds(), Failure: st.Failure.String()}
	if st.Host != "" {
		out.Endpoint = "https://" + st.Host + "/api/"
	}
	return &item[Cloud]{out}
}

func (s *server) getCloud(context.Context, *struct{}) (*item[Cloud], error) { return s.cloudNow(), nil }

func (s *server) enrolCloud(ctx context.Context, r *enrolIn) (*item[Cloud], error) {
	err := s.Cloud.Enrol(ctx, surface.NewEnrolment{Domain: r.Body.Domain, Code: r.Body.Code, Name: r.Body.Name})
	return s.cloudNow(), err
}

func (s *server) switchCloud(ctx context.Context, r *switchIn) (*item[Cloud], error) {
	err := s.Cloud.Switch(ctx, r.Body.On)
	return s.cloudNow(), err
}

func (s *server) rotateCloud(ctx context.Context, _ *struct{}) (*item[Cloud], error) {
	err := s.Cloud.Rotate(ctx)
	return s.cloudNow(), err
}

func (s *server) leaveCloud(ctx context.Context, _ *struct{}) (*item[CloudLeft], error) {
	told, err := s.Cloud.Leave(ctx)
	return &item[CloudLeft]{CloudLeft{told}}, err
}

// Cloud tells how the address on the internet is.
func (c *Client) Cloud(ctx context.Context) (Cloud, error) {
	var got Cloud
	err := c.call(ctx, http.MethodGet, "/cloud", nil, &got)
	return got, err
}

// EnrolCloud makes the router one of an account's at a relay.
func (c *Client) EnrolCloud(ctx context.Context, e CloudEnrolment) (Cloud, error) {
	var got Cloud
	err := c.call(ctx, http.MethodPost, "/cloud", e, &got)
	return got, err
}

// SwitchCloud turns the address on the internet on or off.
func (c *Client) SwitchCloud(ctx context.Context, on bool) (Cloud, error) {
	var got Cloud
	err := c.call(ctx, http.MethodPut, "/cloud", CloudSwitch{on}, &got)
	return got, err
}

// RotateCloud gets another address.
func (c *Client) RotateCloud(ctx context.Context) (Cloud, error) {
	var got Cloud
	err := c.call(ctx, http.MethodPost, "/cloud/rotate", nil, &got)
	return got, err
}

// LeaveCloud takes the router out of its account.
func (c *Client) LeaveCloud(ctx context.Context) (CloudLeft, error) {
	var got CloudLeft
	err := c.call(ctx, http.MethodDelete, "/cloud", nil, &got)
	return got, err
}
