package frame

import (
	"encoding/binary"

	"github.com/google/gopacket"
)

// dhcp is a DHCP message (RFC 2131) from or for a device on Ethernet.
type dhcp struct {
	layer
	operation uint8
	hardware  []byte // the client's
	address   []byte // the client's, which it has already
	hostName  []byte // nil if there is none
}

const (
	bootRequest = 1
	dhcpMagic   = 0x63825363
)

// Options of DHCP (RFC 2132).
const (
	optionPad      = 0
	optionHostName = 12
	optionEnd      = 255
)

func (d *dhcp) CanDecode() gopacket.LayerClass { return layerDHCP }

func (d *dhcp) DecodeFromBytes(b []byte, _ gopacket.DecodeFeedback) error {
	if len(b) < 240 {
		return errShort
	}
	if b[2] != 6 || binary.BigEndian.Uint32(b[236:]) != dhcpMagic {
		return errOther
	}
	d.operation = b[0]
	d.address, d.hardware = b[12:16], b[28:34]
	d.ends()
	return d.options(b[240:])
}

// options reads the options that are wanted. The last one of a kind counts.
func (d *dhcp) options(b []byte) error {
	d.hostName = nil
	for len(b) > 0 && b[0] != optionEnd {
		if b[0] == optionPad {
			b = b[1:]
			continue
		}
		if len(b) < 2 || int(b[1]) > len(b)-2 {
			return errShort
		}
		value := b[2 : 2+int(b[1])]
		if b[0] == optionHostName {
			d.hostName = value
		}
		b = b[2+len(value):]
	}
	return nil
}
