package netlab

import "net/http"

// A Probe is a question by which an operating system or a browser finds out
// whether it is behind a portal, and the answer that it wants.
type Probe struct {
	System string
	Host   string
	Path   string
	Status int
	Type   string // content type; empty if there is no body
	Body   string
}

// URL returns the probe's address.
func (p Probe) URL() string { return "http://" + p.Host + p.Path }

// Probes returns the probes that the upstream answers, each exactly as the
// maker's server does.
func Probes() []Probe {
	const (
		apple = "<HTML><HEAD><TITLE>Success</TITLE></HEAD><BODY>Success</BODY></HTML>"
		html  = "text/html"
		plain = "text/plain"
		nm    = "NetworkManager is online\n"
		fox   = `<meta http-equiv="refresh" content="0;url=https://support.mozilla.org/kb/captive-portal"/>`
	)
	ok := http.StatusOK
	none := http.StatusNoContent
	return []Probe{
		{"Apple", "captive.apple.com", "/hotspot-detect.html", ok, html, apple},
		{"Apple", "captive.apple.com", "/", ok, html, apple},
		{"Apple", "www.apple.com", "/library/test/success.html", ok, html, apple},
		{"Apple", "www.appleiphonecell.com", "/library/test/success.html", ok, html, apple},
		{"Apple", "www.itools.info", "/library/test/success.html", ok, html, apple},
		{"Apple", "www.ibook.info", "/library/test/success.html", ok, html, apple},
		{"Apple", "www.airport.us", "/library/test/success.html", ok, html, apple},
		{"Apple", "www.thinkdifferent.us", "/library/test/success.html", ok, html, apple},
		{"Android", "connectivitycheck.gstatic.com", "/generate_204", none, "", ""},
		{"Android", "connectivitycheck.android.com", "/generate_204", none, "", ""},
		{"Android", "play.googleapis.com", "/generate_204", none, "", ""},
		{"Android", "www.google.com", "/gen_204", none, "", ""},
		{"Chrome", "www.gstatic.com", "/generate_204", none, "", ""},
		{"ChromeOS", "clients3.google.com", "/generate_204", none, "", ""},
		{"ChromeOS", "www.google.com", "/generate_204", none, "", ""},
		{"Windows", "www.msftconnecttest.com", "/connecttest.txt", ok, plain, "Microsoft Connect Test"},
		{"Windows", "ipv6.msftconnecttest.com", "/connecttest.txt", ok, plain, "Microsoft Connect Test"},
		{"Edge", "edge-http.microsoft.com", "/captiveportal/generate_204", none, "", ""},
		{"Windows", "www.msftncsi.com", "/ncsi.txt", ok, plain, "Microsoft NCSI"},
		{"Firefox", "detectportal.firefox.com", "/canonical.html", ok, html, fox},
		{"Firefox", "detectportal.firefox.com", "/success.txt", ok, plain, "success\n"},
		{"NetworkManager", "nmcheck.gnome.org", "/check_network_status.txt", ok, plain, nm},
		{"Debian", "network-test.debian.org", "/nm", ok, plain, nm},
		{"Ubuntu", "connectivity-check.ubuntu.com", "/", none, "", ""},
	}
}

// probeAnswer returns the answer to a probe.
func probeAnswer(host, path string) (Probe, bool) {
	for _, p := range Probes() {
		if p.Host == host && p.Path == path {
			return p, true
		}
	}
	return Probe{}, false
}
