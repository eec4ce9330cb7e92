package config

import (
	"encoding/binary"
	"errors"
	"io"
	"os"
	"regexp"
	"strings"
	"time"

	"github.com/vouchsafe/vouchsafe/hotspot"
)

// maxZone bounds a zone's text.
const maxZone = 64

var errZone = errors.New("not a time zone")

// parseZone reads a zone by name, as a POSIX rule or as a fixed offset.
func parseZone(s string) (*time.Location, error) { return findZone(s, time.LoadLocation) }

// findZone is parseZone with a given time zone database.
func findZone(s string, load func(string) (*time.Location, error)) (*time.Location, error) {
	if s == "" || len(s) > maxZone || s == "Local" {
		return nil, hotspot.Worded("%s is not a time zone; write a name such as Europe/Rome, or leave the key out to use the system's", clip(s))
	}
	if loc, err := offsetZone(s); err == nil {
		return loc, nil
	}
	if loc, err := ruleZone(s); err == nil {
		return loc, nil
	}
	loc, err := load(s)
	if err == nil {
		return loc, nil
	}
	if _, none := load("Etc/UTC"); none != nil {
		return nil, hotspot.Worded("%s cannot be looked up, since this system has no time zone database; install it (tzdata or zoneinfo-all), or write a rule such as CET-1CEST,M3.5.0,M10.5.0/3 or an offset such as +01:00", clip(s))
	}
	return nil, hotspot.Worded("%s is not in the time zone database; write a name such as Europe/Rome, or an offset such as +01:00", clip(s))
}

// offsetZone reads a fixed offset from UTC such as +01:00.
func offsetZone(s string) (*time.Location, error) {
	t, err := time.Parse("-07:00", s)
	if err != nil {
		return nil, errZone
	}
	_, secs := t.Zone()
	if secs < -14*3600 || secs > 14*3600 {
		return nil, errZone
	}
	return time.FixedZone(s, secs), nil
}

// rule matches a POSIX TZ rule well enough to find its first name and offset;
// the standard library judges the rest.
var rule = regexp.MustCompile(`^(?:<([A-Za-z0-9+-]{3,10})>|([A-Za-z]{3,10}))[+-]?[0-9][0-9:]*(?:[A-Za-z<][A-Za-z0-9<>+:-]*(?:,[A-Z0-9./:+-]+,[A-Z0-9./:+-]+)?)?$`)

// ruleZone reads a POSIX TZ rule such as CET-1CEST,M3.5.0,M10.5.0/3, which
// routers have where they have no time zone database. The standard library
// reads such rules at the end of a compiled zone file only, so it is given
// one that holds nothing else.
func ruleZone(s string) (*time.Location, error) {
	if len(s) > maxZone || !rule.MatchString(s) {
		return nil, errZone
	}
	loc, err := time.LoadLocationFromTZData(s, zoneFile(s))
	if err != nil {
		return nil, errZone
	}
	// Where the rule cannot be read, the file's own zone shows through.
	for _, month := range []time.Month{time.January, time.July} {
		name, secs := time.Date(2025, month, 1, 0, 0, 0, 0, loc).Zone()
		if name == unread || secs < -14*3600 || secs > 14*3600 {
			return nil, errZone
		}
	}
	return loc, nil
}

// unread names the zone that shows when a rule could not be read.
const unread = "-unread-"

// zoneFile makes a compiled zone file (RFC 8536, version 2) of one rule. It
// has one transition in the far past, after which the rule governs.
func zoneFile(rule string) []byte {
	header := func(b []byte, transitions, chars uint32) []byte {
		b = append(b, "TZif2"...)
		b = append(b, make([]byte, 15)...)
		for _, n := range []uint32{0, 0, 0, transitions, 1, chars} { // isutc, isstd, leap, time, type, char
			b = binary.BigEndian.AppendUint32(b, n)
		}
		return b
	}
	b := header(nil, 0, 1)
	b = append(b, 0, 0, 0, 0, 0, 0, 0) // version 1's block: one type, one name
	b = header(b, 1, uint32(len(unread)+1))
	far := int64(-1) << 59
	b = binary.BigEndian.AppendUint64(b, uint64(far))
	b = append(b, 0)                // the transition goes to type 0
	b = append(b, 0, 0, 0, 0, 0, 0) // type 0: UTC, no summer time, the first name
	b = append(b, unread...)
	b = append(b, 0)
	return append(b, "\n"+rule+"\n"...)
}

// systemZone is the zone of a configuration that names none. The standard
// library finds it in $TZ or /etc/localtime; OpenWrt has neither and keeps a
// rule in /etc/TZ.
func systemZone() *time.Location {
	if os.Getenv("TZ") != "" {
		return time.Local
	}
	if _, err := os.Stat("/etc/localtime"); err == nil {
		return time.Local
	}
	f, err := os.Open("/etc/TZ")
	if err != nil {
		return time.Local
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxZone+1))
	if err != nil {
		return time.Local
	}
	if loc, err := ruleZone(strings.TrimSpace(string(b))); err == nil {
		return loc
	}
	return time.Local
}
