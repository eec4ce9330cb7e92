package keys

import (
	"crypto/aes"
	"crypto/cipher"
	"errors"
)

// sealVersion is the first byte of everything sealed, and part of what is
// authenticated. Another way of sealing gets another number.
const sealVersion = 1

var errSeal = errors.New("not sealed with this device secret")

// sealer seals the secrets of one purpose: AES-256-GCM with a random nonce.
type sealer struct {
	aead    cipher.AEAD
	purpose []byte
}

func newSealer(s Secret, purpose string) (sealer, error) {
	key, err := s.derive(purpose)
	if err != nil {
		return sealer{}, err
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return sealer{}, err
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		return sealer{}, err
	}
	return sealer{aead, append([]byte{sealVersion}, purpose...)}, nil
}

func (s sealer) seal(plain []byte) []byte {
	return s.aead.Seal([]byte{sealVersion}, nil, plain, s.purpose)
}

func (s sealer) open(sealed []byte) ([]byte, error) {
	if len(sealed) == 0 || sealed[0] != sealVersion {
		return nil, errSeal
	}
	plain, err := s.aead.Open(nil, nil, sealed[1:], s.purpose)
	if err != nil {
		return nil, errSeal
	}
	return plain, nil
}
