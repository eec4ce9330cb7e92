package hotspot

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
)

// Bounds of a logo.
const (
	MaxLogo     = 64 << 10 // bytes
	MaxLogoSide = 2000     // pixels
)

// Logo is the venue's picture, for the login page and for printed vouchers: a
// PNG or JPEG file. Those are data and nothing else, and both browsers and PDF
// take them as they are. An SVG is a document: it can have scripts and load
// from elsewhere, to clean it needs an XML parser, and to draw it in a PDF a
// renderer; so none is taken. A logo must not be changed.
type Logo struct {
	Type          string // media type
	Width, Height int    // in pixels
	// Data is the file without what no reader needs to show it: places and
	// names that a camera wrote, comments, and what follows its end.
	Data []byte
	Gray bool     // without colours
	PNG  *LogoPNG // nil: a JPEG
}

// Version changes with the picture: for addresses that browsers may keep.
func (l *Logo) Version() string {
	sum := sha256.Sum256(l.Data)
	return hex.EncodeToString(sum[:8])
}

// String sums a logo up for the audit log.
func (l *Logo) String() string {
	if l == nil {
		return "none"
	}
	return fmt.Sprintf("%s, %d × %d pixels, %d bytes", l.Type, l.Width, l.Height, len(l.Data))
}

// ParseLogo checks a file and looks at what is needed to show and to print it.
func ParseLogo(data []byte) (*Logo, error) {
	if len(data) > MaxLogo {
		return nil, Invalid("logo", "the file has %d bytes, and may have %d: save it smaller", len(data), MaxLogo)
	}
	l := &Logo{}
	var err error
	switch {
	case bytes.HasPrefix(data, []byte(pngSignature)):
		err = l.parsePNG(data)
	case bytes.HasPrefix(data, []byte("\xff\xd8\xff")):
		err = l.parseJPEG(data)
	default:
		err = Invalid("logo", "the file is neither a PNG nor a JPEG picture: save it as PNG")
	}
	if err != nil {
		return nil, err
	}
	return l, nil
}

// errLogoCut is made anew each time: errors are not for sharing.
func errLogoCut() error {
	return Invalid("logo", "the file is damaged or cut off: save it again")
}

// setSize takes the size over, if it is within bounds.
func (l *Logo) setSize(w, h uint32) error {
	if w < 1 || h < 1 || w > MaxLogoSide || h > MaxLogoSide {
		return Invalid("logo", "the picture has %d × %d pixels, and may have %d on a side: save it smaller", w, h, MaxLogoSide)
	}
	l.Width, l.Height = int(w), int(h)
	return nil
}

// What the logo is called in the store, which keeps it among its named values,
// and in the audit log.
const (
	logoRecord  = "venue.logo"
	logoSetting = "venue.logo"
)

// Logo returns the venue's logo; nil: there is none.
func (s *Service) Logo() *Logo { return s.logo.Load() }

// loadLogo reads the stored logo.
func (s *Service) loadLogo(r Reader) error {
	data, err := r.Secret(logoRecord)
	if errors.Is(err, ErrNotFound) {
		s.logo.Store(nil)
		return nil
	}
	if err != nil {
		return err
	}
	l, err := ParseLogo(data)
	if err != nil {
		s.log.Warn("the stored logo does not hold any more; none is shown", "error", err)
	}
	s.logo.Store(l)
	return nil
}

// SetLogo makes the picture in a file the venue's logo, in force at once. No
// data removes the logo.
func (s *Service) SetLogo(ctx context.Context, data []byte) (*Logo, error) {
	var next *Logo
	if len(data) > 0 {
		var err error
		if next, err = ParseLogo(data); err != nil {
			return nil, err
		}
	}
	s.settingsMu.Lock()
	defer s.settingsMu.Unlock()
	was, m := s.logo.Load(), s.moment()
	if was == next || was != nil && next != nil && slices.Equal(was.Data, next.Data) {
		return was, nil
	}
	err := s.cfg.Store.Update(ctx, func(tx Tx) error {
		var err error
		if next == nil {
			err = tx.DeleteSecret(logoRecord)
		} else {
			err = tx.PutSecret(logoRecord, next.Data)
		}
		if err != nil {
			return err
		}
		row := s.audit(ctx, m, AuditSettingChanged, logoSetting, Change{logoSetting, was.String(), next.String()})
		return tx.PutAudit(&row)
	})
	if err != nil {
		return nil, fmt.Errorf("store the logo: %w", err)
	}
	s.logo.Store(next)
	s.log.Info("logo changed", "logo", next.String())
	return next, nil
}
