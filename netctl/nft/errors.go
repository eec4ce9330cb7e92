package nft

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"

	"github.com/vouchsafe/vouchsafe/hotspot"
)

// Error is a refusal of the kernel.
type Error struct {
	Op     string // what was tried, such as "commit" or "dump elements"
	Object string // what it was about; may be empty
	Errno  unix.Errno
}

// Error implements error.
func (e *Error) Error() string {
	if e.Object == "" {
		return fmt.Sprintf("nftables: %s: %v", e.Op, e.Errno)
	}
	return fmt.Sprintf("nftables: %s %s: %v", e.Op, e.Object, e.Errno)
}

// Unwrap returns the kernel's error number.
func (e *Error) Unwrap() error { return e.Errno }

// ErrInterrupted says that what was being read kept changing.
var ErrInterrupted = errors.New("nftables: the rules kept changing while they were read")

// ErrLost says that somebody else has changed or deleted the table.
var ErrLost = errors.New("nftables: the table was changed by somebody else")

// ErrClosed says that the gate was closed.
var ErrClosed = errors.New("nftables: the gate is closed")

// unavailableText is what people read of the kernel's refusals.
const unavailableText = "the packet filter did not answer as it should"

// domain gives an error the code that surfaces show.
func domain(err error) error {
	var known *hotspot.Error
	if err == nil || errors.As(err, &known) {
		return err
	}
	code := hotspot.CodeUnavailable
	for _, fatal := range []unix.Errno{unix.EPERM, unix.EINVAL, unix.EOPNOTSUPP, unix.EPROTONOSUPPORT} {
		if errors.Is(err, fatal) {
			code = hotspot.CodeInternal
		}
	}
	return &hotspot.Error{Code: code, Text: unavailableText, Err: err}
}

// again reports whether an error of reading goes away by reading again.
func again(err error) bool {
	return errors.Is(err, ErrInterrupted) || errors.Is(err, unix.EINTR) ||
		errors.Is(err, unix.EAGAIN) || errors.Is(err, unix.ENOBUFS) || errors.Is(err, unix.EBUSY)
}

// timedOut reports whether a read reached its deadline.
func timedOut(err error) bool { return errors.Is(err, os.ErrDeadlineExceeded) }
