package keys

import "fmt"

// Sealer seals what others keep in the store, such as the secrets of webhooks,
// with the device secret.
type Sealer struct{ s sealer }

// NewSealer returns a sealer for one purpose: what another one sealed, it does
// not open.
func NewSealer(s Secret, purpose string) (*Sealer, error) {
	sealer, err := newSealer(s, "sealed for "+purpose)
	if err != nil {
		return nil, fmt.Errorf("preparing the device secret: %w", err)
	}
	return &Sealer{sealer}, nil
}

// Seal encrypts, so that nobody can read or change it unnoticed.
func (s *Sealer) Seal(plain []byte) []byte { return s.s.seal(plain) }

// Open reads what Seal made. What another device secret sealed is an error.
func (s *Sealer) Open(sealed []byte) ([]byte, error) { return s.s.open(sealed) }
