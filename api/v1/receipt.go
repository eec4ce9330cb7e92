package v1

import (
	"bytes"
	"compress/flate"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"io"
	"time"
)

// receipt is an answer as the store keeps it.
type receipt struct {
	created     time.Time
	provisional bool              // created was read from a clock that could not be believed
	asked       [sha256.Size]byte // hash of the request
	body        []byte
	size        int // as it is stored
}

const (
	receiptVersion     = 1
	receiptProvisional = 1 // a flag
	receiptHead        = 2 + 8 + sha256.Size
	// maxAnswerBytes bounds what a stored answer unpacks to.
	maxAnswerBytes = 16 << 20
)

// encode writes a version, flags, the time in milliseconds, the hash, and the
// answer, deflated: the answer to a batch is much the same text many times.
func (r receipt) encode() ([]byte, error) {
	var b bytes.Buffer
	head := make([]byte, 2, receiptHead)
	head[0] = receiptVersion
	if r.provisional {
		head[1] = receiptProvisional
	}
	head = binary.BigEndian.AppendUint64(head, uint64(r.created.UnixMilli()))
	b.Write(append(head, r.asked[:]...))
	w, err := flate.NewWriter(&b, flate.BestSpeed)
	if err == nil {
		_, err = w.Write(r.body)
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		return nil, fmt.Errorf("pack an answer: %w", err)
	}
	return b.Bytes(), nil
}

// parseReceipt reads what encode wrote, but for the answer.
func parseReceipt(b []byte) (*receipt, bool) {
	if len(b) < receiptHead || b[0] != receiptVersion {
		return nil, false
	}
	r := &receipt{provisional: b[1]&receiptProvisional != 0, size: len(b), body: b[receiptHead:]}
	r.created = time.UnixMilli(int64(binary.BigEndian.Uint64(b[2:])))
	copy(r.asked[:], b[10:])
	return r, true
}

// writeTo writes the answer of a receipt that was read.
func (r *receipt) writeTo(w io.Writer) error {
	_, err := io.Copy(w, io.LimitReader(flate.NewReader(bytes.NewReader(r.body)), maxAnswerBytes))
	return err
}

func (r *receipt) meta() *receiptMeta {
	return &receiptMeta{created: r.created, provisional: r.provisional, asked: r.asked, size: r.size}
}
