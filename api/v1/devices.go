package v1

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	surface "github.com/vouchsafe/vouchsafe/api"
	"github.com/vouchsafe/vouchsafe/hotspot"
)

// Devices is what the API needs of [hotspot.Service] for single devices.
type Devices interface {
	Extend(ctx context.Context, m hotspot.MAC, by hotspot.Extension) error
	Block(ctx context.Context, m hotspot.MAC, note string) (hotspot.BlockedDevice, error)
	Unblock(ctx context.Context, m hotspot.MAC) error
	BlockedDevices(ctx context.Context) ([]hotspot.BlockedDevice, error)
}

// BlockedDevice is a device that nothing lets in.
type BlockedDevice struct {
	MAC   hotspot.MAC `json:"mac"`
	Since *time.Time  `json:"since"`
	By    string      `json:"by" doc:"who blocked it"`
	Note  string      `json:"note" doc:"the operator's own; guests never see it"`
	Login string      `json:"login" doc:"who was logged in with it last"`
	Name  string      `json:"name" doc:"as the device calls itself"`
}

// NewBlock names a device to be blocked.
type NewBlock struct {
	MAC  string `json:"mac" doc:"such as 02:00:5E:10:00:01"`
	Note string `json:"note,omitempty" doc:"the operator's own, of at most 200 characters"`
}

// Extension is what a guest is given.
type Extension struct {
	Minutes  int    `json:"minutes,omitempty" minimum:"0" maximum:"527040" doc:"more time, counted from now if it is over" format:"int64"`
	Download uint64 `json:"download,omitempty" doc:"bytes more; an unlimited direction stays so"`
	Upload   uint64 `json:"upload,omitempty" doc:"the same"`
	Total    uint64 `json:"total,omitempty" doc:"bytes more of a voucher's limit of both directions together, if there is one"`
}

type (
	blockIn  struct{ Body NewBlock }
	extendIn struct {
		MAC  string `path:"mac" doc:"such as 02:00:5E:10:00:01"`
		Body Extension
	}
)

// devices registers the operations on single devices.
func (s *server) devices() {
	register(s, writes(surface.ScopeVouchers), &huma.Operation{OperationID: "extend-guest", Method: http.MethodPost, Path: "/guests/{mac}/extend",
		Summary: "Give the account of a guest's device more time or data",
		Description: "A voucher is topped up. Free access lasts longer until its next period begins. " +
			"A device that is offline is extended by the account that it was on last, and let in if it may return by itself.",
		DefaultStatus: http.StatusNoContent}, (*server).extendGuest)
	register(s, reads(surface.ScopeLive), &huma.Operation{OperationID: "list-blocked", Method: http.MethodGet, Path: "/blocked-devices",
		Summary: "List the devices that are blocked"}, (*server).listBlocked)
	register(s, writes(surface.ScopeLive), &huma.Operation{OperationID: "block-device", Method: http.MethodPost, Path: "/blocked-devices",
		Summary:     "Block a device: its session ends, and nothing lets it in",
		Description: "A device that is blocked already gets the new note. At most 1,000 devices can be blocked."}, (*server).blockDevice)
	register(s, writes(surface.ScopeLive), &huma.Operation{OperationID: "unblock-device", Method: http.MethodDelete, Path: "/blocked-devices/{mac}",
		Summary: "Unblock a device", DefaultStatus: http.StatusNoContent}, (*server).unblockDevice)
}

func (s *server) extendGuest(ctx context.Context, in *extendIn) (*none, error) {
	mac, err := parseMAC(in.MAC)
	if err != nil {
		return nil, err
	}
	return nil, s.Service.Extend(ctx, mac, hotspot.Extension{Time: time.Duration(in.Body.Minutes) * time.Minute,
		Data: hotspot.Usage{Down: in.Body.Download, Up: in.Body.Upload}, Total: in.Body.Total})
}

func (s *server) listBlocked(ctx context.Context, _ *struct{}) (*item[List[BlockedDevice]], error) {
	all, err := s.Service.BlockedDevices(ctx)
	if err != nil {
		return nil, err
	}
	list := List[BlockedDevice]{Items: make([]BlockedDevice, 0, len(all))}
	for _, b := range all {
		list.Items = append(list.Items, s.blockedOf(b))
	}
	return &item[List[BlockedDevice]]{list}, nil
}

func (s *server) blockDevice(ctx context.Context, in *blockIn) (*item[BlockedDevice], error) {
	mac, err := parseMAC(in.Body.MAC)
	if err != nil {
		return nil, err
	}
	b, err := s.Service.Block(ctx, mac, in.Body.Note)
	if err != nil {
		return nil, err
	}
	return &item[BlockedDevice]{s.blockedOf(b)}, nil
}

func (s *server) unblockDevice(ctx context.Context, in *guestIn) (*none, error) {
	mac, err := parseMAC(in.MAC)
	if err != nil {
		return nil, err
	}
	return nil, s.Service.Unblock(ctx, mac)
}

func (s *server) blockedOf(b hotspot.BlockedDevice) BlockedDevice {
	return BlockedDevice{b.MAC, in(s.Service.Zone(), b.Since), b.By, b.Note, b.Login, b.Name}
}

func parseMAC(text string) (hotspot.MAC, error) {
	mac, err := hotspot.ParseMAC(text)
	if err != nil {
		return mac, hotspot.Invalid("mac", "%v", err)
	}
	return mac, nil
}

// Extend gives the account of a guest's device more.
func (c *Client) Extend(ctx context.Context, mac hotspot.MAC, by Extension) error {
	return c.call(ctx, http.MethodPost, "/guests/"+segment(mac.String())+"/extend", by, &none{})
}

// BlockedDevices lists the devices that are blocked.
func (c *Client) BlockedDevices(ctx context.Context) ([]BlockedDevice, error) {
	var list List[BlockedDevice]
	err := c.call(ctx, http.MethodGet, "/blocked-devices", nil, &list)
	return list.Items, err
}

// Block blocks a device.
func (c *Client) Block(ctx context.Context, b NewBlock) (BlockedDevice, error) {
	var got BlockedDevice
	err := c.call(ctx, http.MethodPost, "/blocked-devices", b, &got)
	return got, err
}

// Unblock unblocks a device.
func (c *Client) Unblock(ctx context.Context, mac hotspot.MAC) error {
	return c.call(ctx, http.MethodDelete, "/blocked-devices/"+segment(mac.String()), nil, &none{})
}
