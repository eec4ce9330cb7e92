package api

import (
	"context"
	"io"
	"time"

	"github.com/vouchsafe/vouchsafe/hotspot"
)

// System tells of the daemon and the machine that it runs on.
type System interface {
	// About says what runs here, and what it takes.
	About(ctx context.Context) About
	// Configuration says what the configuration file sets.
	Configuration() Configuration
	// Clock says what the clock is worth.
	Clock() Clock
	// SayClockRight is told that the system's clock is right now.
	SayClockRight(ctx context.Context) error
	// Examine looks at the machine, the network and the files that the daemon
	// depends on, and reports each finding as it is made.
	Examine(ctx context.Context, report func(Finding))
	// LogLines returns the newest lines of the log that match, newest first.
	LogLines(q LogQuery) []LogLine
	// LogNews raises a signal when the log has grown, until ctx ends.
	LogNews(ctx context.Context) <-chan struct{}
	// Support writes what helps to find a fault as a gzipped tar file. Secrets are
	// never in it; what is about guests is only if personal is set.
	Support(ctx context.Context, w io.Writer, personal bool) error
}

// About says what runs here, and what it takes. Amounts are bytes; 0 stands for
// what is not known.
type About struct {
	Version      string        `json:"version"`
	Go           string        `json:"go" doc:"version of the compiler"`
	Arch         string        `json:"arch" doc:"kind of processor that the program was built for"`
	Revision     string        `json:"revision" doc:"of the source; empty: not known"`
	Backend      string        `json:"backend" doc:"what decides about packets"`
	Kernel       string        `json:"kernel"`
	Host         string        `json:"host" doc:"the machine's name"`
	Uptime       int64         `json:"uptime" doc:"seconds since the daemon started"`
	HostUptime   int64         `json:"host_uptime" doc:"seconds since the machine started"`
	Resident     uint64        `json:"resident" doc:"memory that the daemon takes, in bytes"`
	Memory       uint64        `json:"memory" doc:"the machine's memory, in bytes"`
	MemoryFree   uint64        `json:"memory_free" doc:"what of it programs could still have"`
	Flash        uint64        `json:"flash" doc:"size of the disk with the data directory, in bytes"`
	FlashFree    uint64        `json:"flash_free"`
	Store        uint64        `json:"store" doc:"size of the store's file, in bytes"`
	StoreFree    uint64        `json:"store_free" doc:"what of it is to be used again"`
	Run          int           `json:"run" doc:"counts up when a restore starts the daemon's parts anew" format:"int64"`
	RestoreError hotspot.Text  `json:"restore_error" doc:"why the restore that began this run did not succeed; what was stored before is still there"`
	Notices      hotspot.Texts `json:"notices" nullable:"false"`
	Modules      []Module      `json:"modules" nullable:"false" doc:"what of others is in the program"`
}

// Module is a part of the program that others have written.
type Module struct {
	Path    string `json:"path"`
	Version string `json:"version"`
}

// Configuration says what the configuration file sets. It holds no secret.
type Configuration struct {
	File        string        `json:"file" doc:"empty: the daemon was started with flags alone"`
	Problem     hotspot.Text  `json:"problem" doc:"why the file as it is now is not in use; empty: it is"`
	Values      []ConfigValue `json:"values" nullable:"false"`
	Certificate *Certificate  `json:"certificate" doc:"null: HTTPS is not served"`
}

// ConfigValue is one key of the configuration file.
type ConfigValue struct {
	Key     string `json:"key"`
	Value   string `json:"value" doc:"in force now; empty: none"`
	Default string `json:"default" doc:"in words"`
	Set     bool   `json:"set" doc:"it differs from the default"`
	Restart bool   `json:"restart" doc:"a change waits for a restart"`
	Doc     string `json:"doc"`
}

// Certificate is that with which HTTPS is served on the LAN.
type Certificate struct {
	Fingerprint string        `json:"fingerprint" doc:"SHA-256"`
	Names       []string      `json:"names" nullable:"false"`
	Begins      *time.Time    `json:"begins"`
	Ends        *time.Time    `json:"ends"`
	Own         bool          `json:"own" doc:"the router made it"`
	Problems    hotspot.Texts `json:"problems" nullable:"false"`
}

// Vouch says who vouches for the clock.
type Vouch string

// Who may vouch for the clock. The zero Vouch is nobody.
const (
	VouchSystem   Vouch = "system"   // clock.trust says to believe it always
	VouchDeclared Vouch = "declared" // an operator, or the time client's hook
	VouchNTP      Vouch = "ntp"      // the kernel, which a time client keeps right
	VouchBattery  Vouch = "battery"  // a battery-backed clock set it at boot
	VouchEarlier  Vouch = "earlier"  // somebody did before the daemon started, and nobody does now
)

// Clock says what the clock is worth.
type Clock struct {
	Time     *time.Time `json:"time" doc:"the house's time, on which vouchers are judged"`
	System   *time.Time `json:"system" doc:"what the system's clock shows"`
	Zone     string     `json:"zone"`
	Believed bool       `json:"believed"`
	By       Vouch      `json:"by" enum:",system,declared,ntp,battery,earlier" doc:"who vouches for the clock; empty: nobody"`
	Since    *time.Time `json:"since" doc:"when it was believed; null: before the daemon started, or not at all"`
}

// Finding is the outcome of one look at the machine.
type Finding struct {
	Check   string       `json:"check" doc:"what was looked at, such as uplink or memory"`
	Verdict string       `json:"verdict" enum:"ok,warning,problem,unknown"`
	Found   hotspot.Text `json:"found" doc:"what was found, for people"`
	Remedy  hotspot.Text `json:"remedy" doc:"what to do about it; empty: nothing"`
}

// LogQuery says which lines of the log are wanted.
type LogQuery struct {
	Level string // the least important one: "debug", "info", "warn" or "error"; "": all
	Text  string // that they have in them, in any case of letters; "": any
	Limit int    // 0: all
}

// LogLine is one line of the daemon's log.
type LogLine struct {
	ID        uint64     `json:"id" doc:"counts up"`
	Time      *time.Time `json:"time" doc:"of the system's clock"`
	Level     string     `json:"level" enum:"debug,info,warn,error"`
	Component string     `json:"component"`
	Text      string     `json:"text"`
	Details   string     `json:"details" doc:"names and values"`
}
