package operators

import (
	"bytes"
	"errors"

	"github.com/vouchsafe/vouchsafe/api"
)

// Sealer keeps secrets from those who have the store alone.
type Sealer interface {
	Seal(plain []byte) []byte
	Open(sealed []byte) ([]byte, error)
}

var errSeal = errors.New("sealed for another operator")

// seal seals the secret of an operator's authenticator app, for this operator
// only.
func (o *Operators) seal(id api.ID, secret []byte) []byte {
	return o.cfg.Sealer.Seal(append(id[:], secret...))
}

func (o *Operators) unseal(id api.ID, sealed []byte) ([]byte, error) {
	plain, err := o.cfg.Sealer.Open(sealed)
	if err != nil {
		return nil, err
	}
	secret, ok := bytes.CutPrefix(plain, id[:])
	if !ok {
		return nil, errSeal
	}
	return secret, nil
}
