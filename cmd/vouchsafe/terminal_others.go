//go:build !linux

package main

import (
	"errors"
	"os"
)

// hideInput makes a terminal not show what is typed; not on this system.
func hideInput(*os.File) (restore func(), err error) { return nil, errors.ErrUnsupported }
