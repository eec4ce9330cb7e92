package config

import (
	"log/slog"
	"math"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/vouchsafe/vouchsafe/hotspot"
)

// The readers of single values. Their errors are sentences that name the
// remedy; bounds are checked in validate.go, where flags pass too.

func text(s string) (string, error) { return s, nil }

// hostPort reads a host or an IP address, and a port.
func hostPort(s string) (string, error) {
	host, p, err := net.SplitHostPort(s)
	if err == nil {
		_, err = port(p)
	}
	if _, e := netip.ParseAddr(host); err != nil || e != nil && !isHostName(host) {
		return "", hotspot.Worded("%s is not a host and port; write them such as proxy.lan:3128", clip(s))
	}
	return s, nil
}

func address(s string) (netip.Addr, error) {
	a, err := netip.ParseAddr(s)
	if err != nil {
		return netip.Addr{}, hotspot.Worded("%s is not an IP address; write one such as 192.168.0.1 or fd00::1, without prefix length", clip(s))
	}
	return a.Unmap(), nil
}

func addrPort(s string) (netip.AddrPort, error) {
	a, err := netip.ParseAddrPort(s)
	if err != nil {
		return netip.AddrPort{}, hotspot.Worded("%s is not an address and port; write them such as 192.168.10.1:80 or \"[fd00::1]:80\"", clip(s))
	}
	return netip.AddrPortFrom(a.Addr().Unmap(), a.Port()), nil
}

func port(s string) (uint16, error) {
	n, err := strconv.ParseUint(s, 10, 16)
	if err != nil || n == 0 {
		return 0, hotspot.Worded("%s is not a port; write a number from 1 to 65535", clip(s))
	}
	return uint16(n), nil
}

func number(s string) (int, error) {
	n, err := strconv.ParseInt(s, 10, 32)
	if err != nil {
		return 0, hotspot.Worded("%s is not a whole number; write digits only", clip(s))
	}
	return int(n), nil
}

func duration(s string) (time.Duration, error) {
	d, err := time.ParseDuration(s)
	if err != nil {
		return 0, hotspot.Worded("%s is not a duration; write a number with its unit, such as 10s, 5m or 1h", clip(s))
	}
	return d, nil
}

// word reads one of a few words.
func word[T ~string](allowed ...T) func(string) (T, error) {
	return func(s string) (T, error) {
		if slices.Contains(allowed, T(s)) {
			return T(s), nil
		}
		return "", notOneOf(s, allowed...)
	}
}

func notOneOf[T ~string](s string, allowed ...T) error {
	names := make([]string, len(allowed))
	for i, a := range allowed {
		names[i] = string(a)
	}
	last := len(names) - 1
	return hotspot.Worded("%s is not known; write %s or %s", clip(s), strings.Join(names[:last], ", "), names[last])
}

func level(s string) (slog.Level, error) {
	switch s {
	case "debug":
		return slog.LevelDebug, nil
	case "info":
		return slog.LevelInfo, nil
	case "warn":
		return slog.LevelWarn, nil
	case "error":
		return slog.LevelError, nil
	}
	return 0, notOneOf(s, "debug", "info", "warn", "error")
}

// memory reads an amount as GOMEMLIMIT is written.
func memory(s string) (int64, error) {
	for _, u := range []struct {
		suffix string
		size   int64
	}{{"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}} {
		digits, ok := strings.CutSuffix(s, u.suffix)
		if !ok {
			continue
		}
		n, err := strconv.ParseInt(strings.TrimSpace(digits), 10, 64)
		if err == nil && n >= 0 && n <= math.MaxInt64/u.size {
			return n * u.size, nil
		}
	}
	return 0, hotspot.Worded("%s is not an amount of memory; write a whole number with KiB, MiB or GiB, such as 32MiB", clip(s))
}

func boolean(s string) (bool, error) {
	switch s {
	case "true":
		return true, nil
	case "false":
		return false, nil
	}
	return false, notOneOf(s, "true", "false")
}

// hostName reads a name of the router.
func hostName(s string) (string, error) {
	name := strings.ToLower(strings.TrimSuffix(s, "."))
	if !isHostName(name) {
		return "", hotspot.Worded("%s is not a host name; write one such as router.lan, without address, port or *", clip(s))
	}
	return name, nil
}

// isHostName reports whether a name in small letters can stand in an address
// and in a certificate.
func isHostName(s string) bool {
	if _, err := netip.ParseAddr(s); err == nil || len(s) > 253 {
		return false
	}
	for label := range strings.SplitSeq(s, ".") {
		odd := strings.Trim(label, "abcdefghijklmnopqrstuvwxyz0123456789-_")
		if label == "" || len(label) > 63 || odd != "" || label[0] == '-' || label[len(label)-1] == '-' {
			return false
		}
	}
	last := s[strings.LastIndexByte(s, '.')+1:]
	return strings.Trim(last, "0123456789") != "" // else browsers read an address
}
