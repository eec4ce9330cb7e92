package e2e

import (
	"encoding/json"
	"fmt"
	"net"
	"net/url"
	"strings"
	"sync"
	"testing"
	"unicode"

	cdplog "github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/vouchsafe/vouchsafe/netctl/netlab"
)

// What strangers and jokers call things.
const (
	evilName  = `'"><script>alert(1)</script>`
	evilImage = `"><img src=x onerror=alert(2)>{{.}}`
	evilHost  = "\x1b]0;owned\a<svg/onload=alert(3)>\u202e"
)

// TestNames gives the venue, a voucher and a device names that are programs for
// a browser or a terminal. The portal's pages show them as text, and what the
// command line and the API say holds nothing that a terminal would obey.
func TestNames(t *testing.T) {
	h := newHouse(t, "names", netlab.Options{Guests: 2})
	for key, text := range map[string]string{"venue.name": evilName, "portal.title": evilImage, "portal.text": evilName + "\n" + evilImage,
		"portal.terms": "</p></details><script>alert(4)</script>"} {
		h.cli("settings", "set", key, text)
	}
	user, pass := h.voucher(map[string]any{"username": evilName, "passcode": evilImage, "fullname": evilName + "\u202e" + evilImage})
	h.cli("voucher", "create", "--username", evilImage, "--note", evilName+"\n"+evilImage)
	h.sendDHCP(h.Guest(2), evilHost)
	eventually(t, "the device's name is known", func() bool {
		return strings.Contains(h.cli("guest", "list", "--all"), "onload")
	})
	h.browsePages(user, pass)
	// A second device is refused, which is logged.
	h.post(h.Guest(2), netlab.PortalURL+"/login", url.Values{"code": {user}, "passcode": {pass}})
	for _, args := range [][]string{{"voucher", "list"}, {"voucher", "show", user}, {"voucher", "show", evilImage}, {"guest", "list"}, {"guest", "list", "--all"},
		{"settings", "list"}, {"settings", "get", "venue.name"}, {"settings", "get", "portal.text"}, {"status"}} {
		obeyed(t, strings.Join(args, " "), h.cli(args...), args[len(args)-1] == "portal.text")
		if args[0] != "settings" || args[1] != "get" {
			out := h.cli(append(args, "--json")...)
			obeyed(t, strings.Join(args, " ")+" --json", out, true)
			if !json.Valid([]byte(out)) {
				t.Errorf("%s --json: %.300q", args, out)
			}
		}
	}
	for action := range actions {
		if action != "create_voucher" && action != "remove_voucher" {
			raw, err := json.Marshal(h.api(action, nil))
			if err != nil {
				t.Fatal(err)
			}
			obeyed(t, action, string(raw), true)
		}
	}
	obeyed(t, "the log", h.daemon.Log(), true)
}

// obeyed fails if a text holds what a terminal would obey. Texts for programs
// and of several lines may turn their direction.
func obeyed(t *testing.T, what, text string, loose bool) {
	t.Helper()
	for _, r := range text {
		if r != '\n' && (unicode.IsControl(r) || !loose && !unicode.IsPrint(r)) {
			t.Errorf("%s: %U in %.500q", what, r, text)
			return
		}
	}
}

// browsePages walks through the portal in a browser and listens for scripts
// that run or that the policy keeps from running.
func (h *house) browsePages(user, pass string) {
	t := h.t
	ear := &ear{}
	b := h.browser(h.Guest(1), chromedp.WithListener(ear.listen))
	see := func(path, sel string, want ...string) {
		t.Helper()
		if path != "" {
			b.do(chromedp.Navigate(netlab.PortalURL + path))
		}
		b.do(chromedp.WaitReady(chromedp.CSS(sel)))
		text := b.text("body")
		for _, w := range want {
			if !strings.Contains(text, w) {
				t.Errorf("%s%s does not show %q as text: %s", path, sel, w, text)
			}
		}
		if n, err := chromedp.Run(b.ctx, chromedp.Evaluate[int](`document.querySelectorAll("script, main img, header p *:not(bdi), svg, iframe, object, embed, [onerror], [onload]").length`)); err != nil || n != 0 {
			t.Errorf("%s%s: %d elements that do not belong there, %v", path, sel, n, err)
		}
		if said := ear.heard(); said != "" {
			t.Errorf("%s%s: %s", path, sel, said)
		}
	}
	see("/welcome", "#code", evilImage, evilName)
	link := url.Values{"code": {evilName}, "passcode": {evilImage}, "u": {"javascript:alert(5)"}}
	see("/welcome?"+link.Encode(), "#code", evilImage)
	link.Set("u", `http://example.com/"onclick="alert(6)`)
	see("/welcome?"+link.Encode(), "#code", evilImage)
	b.do(chromedp.SendKeys(chromedp.ID("code"), evilName))
	b.click(`form[action="/login"] button`)
	see("", "#refusal", evilImage)
	b.do(chromedp.Navigate(netlab.PortalURL+"/welcome"), chromedp.SendKeys(chromedp.ID("code"), user), chromedp.SendKeys(chromedp.ID("passcode"), pass))
	b.click(`form[action="/login"] button`)
	see("", `form[action="/logout"]`, evilName)
	b.click(`form[action="/logout"] button`)
	see("", "#code", evilImage)
	// The silence means something: what does run, or would, is heard.
	b.do(chromedp.Evaluate[chromedp.Void](`document.body.insertAdjacentHTML("beforeend", "<p onclick='alert(7)'>"); document.body.lastChild.click(); undefined`))
	eventually(t, "the policy's refusal is heard", func() bool { return strings.Contains(ear.heard(), "Content Security Policy") })
}

// ear hears what a page should never say.
type ear struct {
	mu   sync.Mutex // guards said
	said []string
}

func (e *ear) listen(ev any) {
	var s string
	switch ev := ev.(type) {
	case *page.EventJavascriptDialogOpening:
		s = "dialog: " + ev.Message
	case *cdplog.EventEntryAdded:
		s = fmt.Sprintf("%s %s: %s", ev.Entry.Source, ev.Entry.Level, ev.Entry.Text)
	case *runtime.EventExceptionThrown:
		s = "exception: " + ev.ExceptionDetails.Text
	case *runtime.EventConsoleAPICalled:
		s = "console " + string(ev.Type)
	default:
		return
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.said = append(e.said, s)
}

// heard returns what was said since the last call.
func (e *ear) heard() string {
	e.mu.Lock()
	defer e.mu.Unlock()
	s := strings.Join(e.said, "; ")
	e.said = nil
	return s
}

// sendDHCP lets a guest tell its name, as devices do when they join.
func (h *house) sendDHCP(g *netlab.Guest, name string) {
	h.t.Helper()
	mac, err := g.MAC()
	if err != nil {
		h.t.Fatal(err)
	}
	option := func(t layers.DHCPOpt, data string) layers.DHCPOption { return layers.NewDHCPOption(t, []byte(data)) }
	eth := &layers.Ethernet{SrcMAC: mac, DstMAC: layers.EthernetBroadcast, EthernetType: layers.EthernetTypeIPv4}
	ip := &layers.IPv4{Version: 4, TTL: 64, Protocol: layers.IPProtocolUDP, SrcIP: net.IPv4zero, DstIP: net.IPv4bcast}
	udp := &layers.UDP{SrcPort: 68, DstPort: 67}
	dhcp := &layers.DHCPv4{Operation: layers.DHCPOpRequest, HardwareType: layers.LinkTypeEthernet, HardwareLen: 6, Xid: 7, ClientHWAddr: mac,
		Options: layers.DHCPOptions{option(layers.DHCPOptMessageType, "\x01"), option(layers.DHCPOptHostname, name), option(layers.DHCPOptEnd, "")}}
	if err := udp.SetNetworkLayerForChecksum(ip); err != nil {
		h.t.Fatal(err)
	}
	buf := gopacket.NewSerializeBuffer()
	if err := gopacket.SerializeLayers(buf, gopacket.SerializeOptions{FixLengths: true, ComputeChecksums: true}, eth, ip, udp, dhcp); err != nil {
		h.t.Fatal(err)
	}
	if err := g.Do(func() error { return sendFrame(g.Link(), buf.Bytes()) }); err != nil {
		h.t.Fatal(err)
	}
}

// sendFrame sends one frame from the namespace that it is called in.
func sendFrame(link string, frame []byte) error {
	l, err := netlink.LinkByName(link)
	if err != nil {
		return err
	}
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	return unix.Sendto(fd, frame, 0, &unix.SockaddrLinklayer{Ifindex: l.Attrs().Index})
}
