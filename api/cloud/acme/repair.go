package acme

import (
	"context"
	"errors"
	"io/fs"

	"github.com/caddyserver/certmagic"
)

// The library writes a certificate's key, the certificate and what it knows of
// it one after another. A relay that dies in between leaves a key that belongs
// to another certificate, which would stop the library for good.

// load takes the certificate of the records, if there is one.
func (m *Manager) load(ctx context.Context) error {
	useless, err := m.take(ctx)
	if useless {
		m.log.Warn("the certificate in the records cannot be used; another one is asked for", "error", err)
		m.useless = true
		return nil
	}
	return err
}

// take does the same, and reports whether there is one that cannot be used.
func (m *Manager) take(ctx context.Context) (useless bool, err error) {
	_, err = m.library.CacheManagedCertificate(ctx, m.name)
	if err == nil || errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	for _, name := range m.files() {
		if _, err := m.storage.read(ctx, name); err != nil && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, errDamaged) {
			return false, err // the records cannot be read, which says nothing of what is in them
		}
	}
	return true, err
}

// files are where the library keeps the certificate.
func (m *Manager) files() []string {
	issuer, keys := m.library.Issuers[0].IssuerKey(), certmagic.StorageKeys
	return []string{keys.SiteCert(issuer, m.name), keys.SitePrivateKey(issuer, m.name), keys.SiteMeta(issuer, m.name)}
}

// repair deletes a certificate that cannot be used, unless another relay has put
// a good one into its place meanwhile.
func (m *Manager) repair(ctx context.Context) error {
	lock := "issue_cert_" + m.name // the one that the library orders under
	if err := m.storage.Lock(ctx, lock); err != nil {
		return err
	}
	useless, err := m.take(ctx)
	if useless {
		err = nil
		for _, name := range m.files() {
			err = errors.Join(err, m.storage.Delete(ctx, name))
		}
	}
	m.useless = err != nil
	return errors.Join(err, m.storage.Unlock(context.WithoutCancel(ctx), lock))
}
