package frame

import "golang.org/x/net/bpf"

// EtherTypes of the frames that a [Decoder] reads.
const (
	EtherTypeARP  = 0x0806
	EtherTypeIPv4 = 0x0800
	EtherTypeIPv6 = 0x86dd
)

// Filter returns the kernel's filter for one EtherType. Every frame that
// guests send meets it, so it drops the common ones first.
func Filter(etherType int) ([]bpf.RawInstruction, error) {
	switch etherType {
	case EtherTypeIPv4:
		return bpf.Assemble(dhcpRequests())
	case EtherTypeIPv6:
		return bpf.Assemble(discovery())
	default:
		return bpf.Assemble([]bpf.Instruction{bpf.RetConstant{Val: 64}})
	}
}

// dhcpRequests lets through: udp dst port 67, not fragmented.
func dhcpRequests() []bpf.Instruction {
	return []bpf.Instruction{
		bpf.LoadAbsolute{Off: 23, Size: 1}, // protocol
		bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: 17, SkipTrue: 6},
		bpf.LoadAbsolute{Off: 20, Size: 2}, // fragment
		bpf.JumpIf{Cond: bpf.JumpBitsSet, Val: 0x3fff, SkipTrue: 4},
		bpf.LoadMemShift{Off: 14},          // the header's length
		bpf.LoadIndirect{Off: 16, Size: 2}, // destination port
		bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: 67, SkipTrue: 1},
		bpf.RetConstant{Val: Max},
		bpf.RetConstant{Val: 0},
	}
}

// discovery lets through: icmp6 type router-solicit, neigh-solicit and
// neigh-advert; udp dst port 547. Extension headers are not allowed there.
func discovery() []bpf.Instruction {
	return []bpf.Instruction{
		bpf.LoadAbsolute{Off: 20, Size: 1}, // next header
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: 17, SkipTrue: 5},
		bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: 58, SkipTrue: 7},
		bpf.LoadAbsolute{Off: 54, Size: 1}, // type
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: 133, SkipTrue: 4},
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: 135, SkipTrue: 3},
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: 136, SkipTrue: 2, SkipFalse: 3},
		bpf.LoadAbsolute{Off: 56, Size: 2}, // destination port
		bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: 547, SkipTrue: 1},
		bpf.RetConstant{Val: Max},
		bpf.RetConstant{Val: 0},
	}
}
