package doctor

import (
	"encoding/binary"
	"net/netip"
	"strings"
)

// Of DNS, one question and the addresses in its answer: too little for a
// library.
const (
	dnsHeader   = 12
	dnsTypeA    = 1
	dnsClassIN  = 1
	dnsQR       = 0x8000 // it is an answer
	dnsRD       = 0x0100 // recursion is desired
	dnsRcode    = 0x000f
	dnsPointer  = 0xc0
	dnsMostName = 255
	maxAnswers  = 32
)

// The codes of answers that are judged.
const (
	rcodeOK       = 0
	rcodeServFail = 2
	rcodeNoName   = 3
	rcodeRefused  = 5
)

// question asks for the IPv4 addresses of a name.
func question(id uint16, name string) []byte {
	b := binary.BigEndian.AppendUint16(nil, id)
	b = append(b, dnsRD>>8, 0, 0, 1, 0, 0, 0, 0, 0, 0)
	for label := range strings.SplitSeq(strings.TrimSuffix(name, "."), ".") {
		label = label[:min(len(label), 63)]
		b = append(append(b, byte(len(label))), label...)
	}
	return append(b, 0, 0, dnsTypeA, 0, dnsClassIN)
}

// decodeReply reads an answer to a question. ok is false for anything else.
func decodeReply(b []byte, id uint16) (a answer, ok bool) {
	if len(b) < dnsHeader || binary.BigEndian.Uint16(b) != id {
		return a, false
	}
	flags := binary.BigEndian.Uint16(b[2:])
	if flags&dnsQR == 0 {
		return a, false
	}
	a.code = uint8(flags & dnsRcode)
	questions, answers := binary.BigEndian.Uint16(b[4:]), binary.BigEndian.Uint16(b[6:])
	rest := b[dnsHeader:]
	for range min(questions, maxAnswers) {
		if rest = skipName(rest); len(rest) < 4 {
			return a, true
		}
		rest = rest[4:]
	}
	for range min(answers, maxAnswers) {
		if rest = skipName(rest); len(rest) < 10 {
			return a, true
		}
		typ, n := binary.BigEndian.Uint16(rest), int(binary.BigEndian.Uint16(rest[8:]))
		if rest = rest[10:]; n > len(rest) {
			return a, true
		}
		if typ == dnsTypeA && n == 4 {
			a.addrs = append(a.addrs, netip.AddrFrom4([4]byte(rest)))
		}
		rest = rest[n:]
	}
	return a, true
}

// skipName returns what follows a name, or nothing.
func skipName(b []byte) []byte {
	for n := 0; len(b) > 0 && n < dnsMostName; n++ {
		switch l := int(b[0]); {
		case l == 0:
			return b[1:]
		case l&dnsPointer != 0:
			return b[min(2, len(b)):]
		default:
			b = b[min(1+l, len(b)):]
		}
	}
	return nil
}
