// Package doctor examines the machine, the network and the files that the
// daemon depends on, and says of each fault what to do about it.
//
// Looking and judging are apart: facts are read through a small set of
// functions that tests replace, and what they mean is decided by pure
// functions. Nothing is changed, apart from a small file that is written to the
// data directory and deleted again.
package doctor

import (
	"time"

	"github.com/vouchsafe/vouchsafe/daemon/config"
	"github.com/vouchsafe/vouchsafe/hotspot"
)

// Verdict is what a check came to.
type Verdict string

// The verdicts.
const (
	OK      Verdict = "ok"
	Warning Verdict = "warning" // guests can be served, but not in every case or not for long
	Problem Verdict = "problem" // guests are not served as they should be
	Unknown Verdict = "unknown" // it could not be looked at
)

// Finding is the outcome of one check.
type Finding struct {
	Check   string       `json:"check"`
	Verdict Verdict      `json:"verdict"`
	Found   hotspot.Text `json:"found"`
	Remedy  hotspot.Text `json:"remedy,omitzero"` // zero: nothing to do
}

// Daemon is what a running daemon says of itself.
type Daemon struct {
	Version       string
	Backend       string
	ClockBelieved bool
	Uptime        time.Duration // how long it has been running
	Notices       hotspot.Texts
}

// Options say what is examined.
type Options struct {
	// Config is the daemon's configuration. It counts only if ConfigErr is nil.
	Config    config.Config
	ConfigErr error
	// Source says where the configuration comes from, for people.
	Source string
	// Daemon is the running daemon's answer; nil: none answers.
	Daemon *Daemon
	// DaemonErr is why nobody knows whether a daemon runs; nil: it is known.
	DaemonErr error
	// Host is the name by which names and the internet are tried; empty:
	// [DefaultHost]. It must answer http://<host>/generate_204 with status 204.
	Host string
}

// DefaultHost is a name that every Android device asks for when it joins a
// network.
const DefaultHost = "connectivitycheck.gstatic.com"

// Within bounds an examination.
const Within = 5 * time.Second
