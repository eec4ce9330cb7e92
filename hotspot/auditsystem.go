package hotspot

// The actions about the system as a whole.
const (
	AuditSupportMade   Action = "support.bundle_made"
	AuditClockDeclared Action = "clock.declared_right"
)
