package hotspot

import "context"

// Receipt stores, in the transaction of a creation, what was made: []Voucher,
// ImportResult, ImportFitted, or what another package makes. So whoever asks again can be
// told, even if the first answer was lost with the power. It can run more than
// once, as [Store] says.
type Receipt func(tx Tx, made any) error

type receiptKey struct{}

// WithReceipt returns a context whose creation leaves a receipt.
func WithReceipt(ctx context.Context, r Receipt) context.Context {
	return context.WithValue(ctx, receiptKey{}, r)
}

// StoreReceipt leaves the receipt that the context asks for, if it does. It is
// called last in the transaction.
func StoreReceipt(ctx context.Context, tx Tx, made any) error {
	if r, ok := ctx.Value(receiptKey{}).(Receipt); ok && r != nil {
		return r(tx, made)
	}
	return nil
}
