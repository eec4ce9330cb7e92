package api

import "github.com/vouchsafe/vouchsafe/hotspot"

// Actor is the principal as the audit log names it.
func (p *Principal) Actor() hotspot.Actor {
	if p == nil || p.Kind == "" {
		return hotspot.Actor{Kind: hotspot.ActorSystem}
	}
	a := hotspot.Actor{Kind: actorKind(p.Kind), Name: p.Name, Role: string(p.Role), Addr: p.From, Token: p.Token}
	if p.ID != (ID{}) {
		a.ID = p.ID.String()
	}
	return a
}

func actorKind(k CallerKind) hotspot.ActorKind {
	switch k {
	case CallerDevice:
		return hotspot.ActorDevice
	case CallerKey:
		return hotspot.ActorKey
	case CallerOperator:
		return hotspot.ActorOperator
	case CallerLocal:
		return hotspot.ActorLocal
	}
	return hotspot.ActorKind(k)
}
