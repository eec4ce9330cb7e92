package keys

import (
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
)

const secretSize = 32

// ErrSecretDamaged is a secret file that does not hold a secret. It is never
// overwritten by itself: what it sealed would be lost for good.
var ErrSecretDamaged = errors.New("the device secret's file is damaged: put back a copy of it, " +
	"or delete it and then run `vouchsafe key regenerate`")

// Secret is the device secret, from which the keys for sealing are derived. It
// never appears in text.
type Secret struct{ b [secretSize]byte }

// String hides the secret.
func (Secret) String() string { return "[device secret]" }

// GoString hides the secret.
func (s Secret) GoString() string { return s.String() }

// LogValue hides the secret.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }

// derive returns a key for one purpose, so that no two uses share one.
func (s Secret) derive(purpose string) ([]byte, error) {
	return hkdf.Key(sha256.New, s.b[:], nil, "vouchsafe "+purpose, 32)
}

// LoadOrCreateSecret reads the device secret, or makes it on the first boot:
// durably, readable by the owner only, and whole or not at all whatever
// happens in between. It may wait for the kernel's random numbers, which take
// seconds on a router that has just started.
func LoadOrCreateSecret(path string) (Secret, error) {
	s, err := loadSecret(path)
	if !errors.Is(err, fs.ErrNotExist) {
		return s, err
	}
	if err := createSecret(path); err != nil {
		return Secret{}, fmt.Errorf("making the device secret: %w", err)
	}
	// Read back, so that two processes that started together agree.
	return loadSecret(path)
}

func loadSecret(path string) (Secret, error) {
	f, err := os.Open(path)
	if err != nil {
		return Secret{}, fmt.Errorf("opening the device secret: %w", err)
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		return Secret{}, fmt.Errorf("opening the device secret: %w", err)
	}
	if !st.Mode().IsRegular() {
		return Secret{}, fmt.Errorf("%s is not a regular file: %w", path, ErrSecretDamaged)
	}
	if st.Mode().Perm()&0o077 != 0 { // as a restore may have left it
		if err := f.Chmod(0o600); err != nil {
			return Secret{}, fmt.Errorf("making %s private: %w", path, err)
		}
	}
	b, err := io.ReadAll(io.LimitReader(f, secretSize+1))
	if err != nil {
		return Secret{}, fmt.Errorf("reading the device secret: %w", err)
	}
	if len(b) != secretSize {
		return Secret{}, fmt.Errorf("%s: %w", path, ErrSecretDamaged)
	}
	return Secret{[secretSize]byte(b)}, nil
}

// createSecret puts a complete file in place in one step. A secret that
// another process has put there first stays.
func createSecret(path string) (err error) {
	dir := filepath.Dir(path)
	f, err := os.CreateTemp(dir, ".secret-*") // mode 0600
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(f.Name()) }()
	b := make([]byte, secretSize)
	_, _ = rand.Read(b) // never fails
	_, err = f.Write(b)
	if err == nil {
		err = f.Sync()
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		return err
	}
	if err := os.Link(f.Name(), path); err != nil && !errors.Is(err, fs.ErrExist) {
		// A filesystem without links (FAT).
		if err := os.Rename(f.Name(), path); err != nil {
			return err
		}
	}
	return syncDir(dir)
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}
