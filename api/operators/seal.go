package operators

import (
	"crypto/aes"
	"crypto/cipher"
	"errors"

	"github.com/vouchsafe/vouchsafe/api"
)

// sealVersion is the first byte of everything sealed. Another way of sealing
// gets another number.
const sealVersion = 1

var errSeal = errors.New("not sealed with this device secret")

// sealer seals the secrets of authenticator apps: AES-256-GCM with a random
// nonce, bound to the operator.
type sealer struct{ aead cipher.AEAD }

func newSealer(key []byte) (sealer, error) {
	if len(key) != 32 {
		return sealer{}, errors.New("the key must have 32 bytes")
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return sealer{}, err
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	return sealer{aead}, err
}

func (s sealer) seal(id api.ID, plain []byte) []byte {
	return s.aead.Seal([]byte{sealVersion}, nil, plain, id[:])
}

func (s sealer) open(id api.ID, sealed []byte) ([]byte, error) {
	if len(sealed) == 0 || sealed[0] != sealVersion {
		return nil, errSeal
	}
	plain, err := s.aead.Open(nil, nil, sealed[1:], id[:])
	if err != nil {
		return nil, errSeal
	}
	return plain, nil
}
