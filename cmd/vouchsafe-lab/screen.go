package main

import (
	"fmt"
	"net/netip"
	"net/url"
	"os"
	"strings"
	"text/template"
	"time"

	"github.com/vouchsafe/vouchsafe/netctl/netlab"
)

// screenText is what the demo prints when everything runs.
const screenText = `
The hotspot is up ({{.Took}}).

  Be a guest         open http://{{.GuestAddr}}/ in your browser (you are guest 1)
    voucher          {{.Voucher.Username}}  passcode {{.Voucher.Passcode}}  ({{.Voucher.ValidFor}}, {{.Voucher.Download}} MB of download)
    filled in        http://{{.GuestAddr}}/welcome?{{.Fill}}

  Be the operator    http://{{.LANAddr}}/ is the router's LAN side: open the panel there
    device key       {{.Key}}
    one voucher more curl http://{{.LANAddr}}/api/ -d action=create_voucher -d api-key={{.Key}}
    who is online    curl 'http://{{.LANAddr}}/api/?action=get_active_guests&api-key={{.Key}}'
    command line     {{.Root}}{{.Binary}} --data {{.Data}} status

  Inside             router  {{.RouterGuest4}} and {{.RouterGuest6}} to guests, {{.RouterLAN4}} to the LAN
{{- range .Guests}}
                     {{.Name}}  {{.Addrs}}
{{- end}}
    a guest's shell  {{.Root}}ip netns exec {{.Shell}} bash

Ctrl-C ends it and leaves nothing behind.
`

type screenGuest struct{ Name, Addrs string }

// screen prints what one needs to know to try everything.
func (d *demo) screen(took time.Duration) error {
	t, err := template.New("screen").Parse(screenText)
	if err != nil {
		return err
	}
	data := map[string]any{
		"Took":         fmt.Sprintf("%.1f s", took.Seconds()),
		"GuestAddr":    d.guestLn.Addr(),
		"LANAddr":      d.lanLn.Addr(),
		"Voucher":      d.voucher,
		"Fill":         url.Values{"code": {d.voucher.Username}, "passcode": {d.voucher.Passcode}}.Encode(),
		"Key":          d.key,
		"Binary":       d.binary,
		"Data":         d.lab.DataDir(),
		"Root":         sudo(),
		"RouterGuest4": netlab.RouterGuest4,
		"RouterGuest6": netlab.RouterGuest6,
		"RouterLAN4":   netlab.RouterLAN4,
		"Shell":        d.lab.Guest(1).Namespace(),
	}
	var guests []screenGuest
	for _, g := range d.lab.Guests() {
		addrs, err := g.Addrs()
		if err != nil {
			return err
		}
		guests = append(guests, screenGuest{g.Name(), join(addrs)})
	}
	data["Guests"] = guests
	var b strings.Builder
	if err := t.Execute(&b, data); err != nil {
		return err
	}
	_, _ = fmt.Fprint(d.out, b.String()) // a closed terminal: the lab runs on until its signal comes
	return nil
}

// sudo returns what makes a command root's, if the user is not root.
func sudo() string {
	if os.Getenv("SUDO_USER") != "" {
		return "sudo "
	}
	return ""
}

func join(addrs []netip.Addr) string {
	var all []string
	for _, a := range addrs {
		all = append(all, a.String())
	}
	return strings.Join(all, " ")
}
