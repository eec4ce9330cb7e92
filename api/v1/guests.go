package v1

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"
	surface "github.com/vouchsafe/vouchsafe/api"
	"github.com/vouchsafe/vouchsafe/hotspot"
)

type guestIn struct {
	MAC string `path:"mac" doc:"such as 02:00:5E:10:00:01"`
}

// guests registers the operations on the guest network's devices.
func (s *server) guests() {
	register(s, reads(surface.ScopeLive), &huma.Operation{OperationID: "list-guests", Method: http.MethodGet, Path: "/guests",
		Summary: "List the guests let in, in order of login"}, (*server).listGuests)
	register(s, writes(surface.ScopeLive), &huma.Operation{OperationID: "kick-guest", Method: http.MethodDelete, Path: "/guests/{mac}",
		Summary: "End a guest's session; it has to log in again", DefaultStatus: http.StatusNoContent}, (*server).kickGuest)
	register(s, reads(surface.ScopeLive), &huma.Operation{OperationID: "list-hosts", Method: http.MethodGet, Path: "/hosts",
		Summary: "List the devices on the guest network, let in or not"}, (*server).listHosts)
}

func (s *server) listGuests(ctx context.Context, _ *struct{}) (*item[List[Guest]], error) {
	guests, err := s.Service.Guests(ctx)
	if err != nil {
		return nil, err
	}
	list := List[Guest]{Items: make([]Guest, 0, len(guests))}
	for _, g := range guests {
		list.Items = append(list.Items, guestOf(g, s.Service.Zone()))
	}
	return &item[List[Guest]]{list}, nil
}

func (s *server) kickGuest(ctx context.Context, in *guestIn) (*none, error) {
	mac, err := parseMAC(in.MAC)
	if err != nil {
		return nil, err
	}
	err = s.Service.Kick(ctx, mac)
	if err != nil && hotspot.CodeOf(err) == hotspot.CodeNotFound {
		return nil, &hotspot.Error{Code: hotspot.CodeNotFound, Text: "no guest with the address " + mac.String() + " is online", Err: err}
	}
	return nil, err
}

func (s *server) listHosts(ctx context.Context, _ *struct{}) (*item[List[Host]], error) {
	hosts, err := s.Service.GuestHosts(ctx)
	if err != nil {
		return nil, err
	}
	list := List[Host]{Items: make([]Host, 0, len(hosts))}
	for _, h := range hosts {
		list.Items = append(list.Items, hostOf(h))
	}
	return &item[List[Host]]{list}, nil
}
