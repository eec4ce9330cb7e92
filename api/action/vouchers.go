package action

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/vouchsafe/vouchsafe/api"
	"github.com/vouchsafe/vouchsafe/hotspot"
)

// done is the answer of an action that changed something.
type done struct {
	Message string   `json:"message"`
	User    *newUser `json:"user,omitempty"`
	Error   bool     `json:"error"`
	// Detail says what was not taken as the client may have meant it.
	Detail string `json:"detail,omitempty"`
}

// newUser is a new voucher as its maker sees it. The limits are texts here and
// numbers in the list: so has the contract.
type newUser struct {
	ID            uint64 `json:"id"`
	Username      string `json:"username"`
	Passcode      string `json:"passcode"`
	FullName      string `json:"fullname"`
	ValidFor      string `json:"valid_for"`
	ValidFrom     string `json:"valid_from"`
	DownloadLimit string `json:"download_limit"`
	UploadLimit   string `json:"upload_limit"`
}

func createVoucher(c *call) error {
	spec, notes, err := voucherSpec(c.params, c.Zone())
	if err != nil {
		return err
	}
	ctx, cancel := c.change()
	defer cancel()
	vs, err := c.CreateVouchers(ctx, spec)
	if errors.Is(err, hotspot.ErrUsernameTaken) {
		return documented(msgTaken)
	}
	if err != nil {
		return err
	}
	if len(vs) != 1 {
		return errors.New("the service did not return the new voucher")
	}
	v := vs[0]
	c.answer(done{
		Message: msgAdded,
		User: &newUser{
			ID: v.ID, Username: v.Username, Passcode: v.Passcode, FullName: v.FullName,
			ValidFor:      v.ValidFor.String(),
			ValidFrom:     validFrom(v).In(c.Zone()).Format(timeLayout),
			DownloadLimit: strconv.FormatUint(megabytes(v.Limit.Down), 10),
			UploadLimit:   strconv.FormatUint(megabytes(v.Limit.Up), 10),
		},
		Detail: notes,
	})
	return nil
}

// voucherSpec reads the parameters in the order of the documentation; the
// first that is wrong answers. The bounds of texts are the service's to check.
func voucherSpec(p params, zone *time.Location) (spec hotspot.VoucherSpec, notes string, err error) {
	if spec.Username, err = p.textOf("username"); err != nil {
		return spec, "", err
	}
	if spec.Passcode, err = p.textOf("passcode"); err != nil {
		return spec, "", err
	}
	if spec.FullName, err = p.textOf("fullname"); err != nil {
		return spec, "", err
	}
	if spec.ValidFor, err = p.validityOf("valid_for"); err != nil {
		return spec, "", err
	}
	if spec.ValidFrom, err = p.timeOf("valid_from", zone); err != nil {
		return spec, "", err
	}
	var down, up string
	if spec.Limit.Down, down, err = p.limitOf("download_limit"); err != nil {
		return spec, "", err
	}
	if spec.Limit.Up, up, err = p.limitOf("upload_limit"); err != nil {
		return spec, "", err
	}
	return spec, strings.TrimPrefix(strings.TrimSuffix(down+"; "+up, "; "), "; "), nil
}

func removeVoucher(c *call) error {
	name, err := c.params.textOf("username")
	if err != nil {
		return err
	}
	if name == "" {
		return documented(msgNoUsername)
	}
	ctx, cancel := c.change()
	defer cancel()
	err = c.RemoveVoucher(ctx, name)
	if errors.Is(err, hotspot.ErrNotFound) {
		return documented(msgUnknown)
	}
	if err != nil {
		return err
	}
	c.answer(done{Message: msgRemoved})
	return nil
}

// change returns the context of an action that changes something.
func (c *call) change() (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(c.ctx), changeTimeout)
}

func (c *call) answer(v any) { api.WriteJSON(c.w, http.StatusOK, v) }

// validFrom is the time from which a voucher may be used.
func validFrom(v hotspot.Voucher) time.Time {
	if v.ValidFrom.IsZero() {
		return v.Created
	}
	return v.ValidFrom
}

// megabytes rounds up, so that a small limit does not read as none.
func megabytes(bytes uint64) uint64 {
	mb := bytes / hotspot.MB
	if bytes%hotspot.MB != 0 {
		mb++
	}
	return mb
}
