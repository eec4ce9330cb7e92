package netlab

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
)

// ErrMissing is matched by the error of [Check].
var ErrMissing = errors.New("the lab cannot run here")

// Check tells what the machine lacks for a lab, and what to do about it.
func Check() error {
	if os.Geteuid() != 0 {
		return fmt.Errorf("%w: it makes network namespaces, which needs root: run it with sudo", ErrMissing)
	}
	var lacking, packages []string
	for _, t := range []struct{ tool, pkg string }{
		{"ip", "iproute2"}, {"nft", "nftables"}, {"dnsmasq", "dnsmasq-base"}, {"udhcpc", "udhcpc"},
	} {
		if _, err := tool(t.tool); err != nil {
			lacking, packages = append(lacking, t.tool), append(packages, t.pkg)
		}
	}
	if lacking != nil {
		return fmt.Errorf("%w: not found: %s; on Debian: apt-get install %s",
			ErrMissing, strings.Join(lacking, ", "), strings.Join(packages, " "))
	}
	if _, err := os.Stat("/proc/sys/net/ipv6"); err != nil {
		return fmt.Errorf("%w: the kernel runs without IPv6 (%w)", ErrMissing, err)
	}
	return nil
}

// tool finds a program, also where a user's PATH does not look.
func tool(name string) (string, error) {
	path, err := exec.LookPath(name)
	if err == nil {
		return path, nil
	}
	for _, dir := range []string{"/usr/sbin/", "/sbin/", "/usr/local/sbin/"} {
		if path, err2 := exec.LookPath(dir + name); err2 == nil {
			return path, nil
		}
	}
	return "", err
}
