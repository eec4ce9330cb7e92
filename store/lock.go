package store

import (
	"context"
	"errors"
	"fmt"
	"os"
	"syscall"
	"time"
)

// lockPoll is how often a lock that another process has is tried again.
const lockPoll = 50 * time.Millisecond

// fileLock is held by the process that has a store open, for as long as it
// has. It is a file of its own, never deleted: the database file changes its
// inode when it is compacted, restored or set aside, and a lock on it would be
// lost. The kernel gives it up when the process dies.
type fileLock struct{ f *os.File }

// acquireLock waits up to a time for the lock on a store.
func acquireLock(ctx context.Context, path string, wait time.Duration) (*fileLock, error) {
	f, err := os.OpenFile(path+".lock", os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	timeout := time.NewTimer(wait)
	defer timeout.Stop()
	retry := time.NewTicker(lockPoll)
	defer retry.Stop()
	for {
		err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err == nil {
			return &fileLock{f}, nil
		}
		if !errors.Is(err, syscall.EWOULDBLOCK) && !errors.Is(err, syscall.EINTR) {
			return nil, errors.Join(fmt.Errorf("lock %s: %w", f.Name(), err), f.Close())
		}
		select {
		case <-retry.C:
		case <-timeout.C:
			return nil, errors.Join(&LockedError{Path: path, Waited: wait}, f.Close())
		case <-ctx.Done():
			return nil, errors.Join(ctx.Err(), f.Close())
		}
	}
}

// release gives the lock up; a second time does nothing.
func (l *fileLock) release() error {
	if err := l.f.Close(); !errors.Is(err, os.ErrClosed) {
		return err
	}
	return nil
}
