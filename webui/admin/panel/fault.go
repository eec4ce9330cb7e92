package panel

import (
	"crypto/x509"
	"errors"
	"io/fs"
	"net"
	"syscall"

	"github.com/vouchsafe/vouchsafe/hotspot"
	"github.com/vouchsafe/vouchsafe/webui"
	"github.com/vouchsafe/vouchsafe/webui/admin/panel/machine"
)

// because tells an error that may be of anybody, such as the kernel. What the
// rules do not say themselves is looked up by its English text, without what it
// passed through, and is quoted if there are no words for it.
func because(l *webui.Language, err error) string {
	var said message
	if errors.As(err, &said) {
		return tell(l, said)
	}
	why := cause(err)
	format, _ := why.Message()
	if !l.Has(machine.Key(format)) {
		text := err.Error()
		quoted := hotspot.Textf("in English: %q", text)
		if format, _ = quoted.Message(); !l.Has(machine.Key(format)) {
			return text // the page is English
		}
		return tell(l, quoted)
	}
	if at := about(err); at != "" {
		why = hotspot.Textf("%s: %s", at, why)
	}
	return tell(l, why)
}

// cause is what an error began with.
func cause(err error) hotspot.Text {
	var errno syscall.Errno
	var timeout interface{ Timeout() bool }
	var name *net.DNSError
	var expired x509.CertificateInvalidError
	var other x509.HostnameError
	var unknown x509.UnknownAuthorityError
	switch {
	case errors.As(err, &errno):
		return hotspot.Said(errno.Error())
	case errors.As(err, &timeout) && timeout.Timeout():
		return hotspot.Textf("no answer in time")
	case errors.As(err, &name):
		return hotspot.Textf("the name %s is not known, or no name server answers", name.Name)
	case errors.As(err, &expired) && expired.Reason == x509.Expired:
		return hotspot.Textf("the certificate has expired, or the clock is wrong")
	case errors.As(err, &other):
		return hotspot.Textf("the certificate is for another name")
	case errors.As(err, &unknown):
		return hotspot.Textf("the certificate is not from an authority that is trusted here")
	}
	return hotspot.Said(hotspot.Innermost(err).Error())
}

// about is the file or the address that an error is about, if it says.
func about(err error) string {
	var file *fs.PathError
	var at *net.OpError
	switch {
	case errors.As(err, &file):
		return file.Path
	case errors.As(err, &at) && at.Addr != nil:
		return at.Addr.String()
	}
	return ""
}
