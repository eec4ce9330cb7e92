//go:build !linux

package links

import "context"

// Read returns the interfaces as they are now.
func Read() (State, error) { return nil, ErrUnsupported }

// Watch follows the interfaces; this system's cannot be.
func Watch(context.Context, func(State), func()) error { return ErrUnsupported }
