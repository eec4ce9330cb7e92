//go:build !linux

package hosts

import "context"

func newAsker(string) (asker, error) { return nil, ErrUnsupported }

func (t *Table) watch(context.Context) error { return ErrUnsupported }
