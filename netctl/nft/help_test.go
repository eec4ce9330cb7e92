package nft

import (
	"errors"

	"golang.org/x/sys/unix"
)

func isErrno(err error, e unix.Errno) bool { return errors.Is(err, e) }
