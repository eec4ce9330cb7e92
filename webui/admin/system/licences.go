package system

// licenceOf is the licence of a module, as SPDX names it; "" if it is none
// that is in the program.
func licenceOf(module string) string {
	for _, l := range licences() {
		for _, m := range l.modules {
			if m == module {
				return l.name
			}
		}
	}
	return ""
}

// licences lists the modules of others that are in the program.
func licences() []struct {
	name    string
	modules []string
} {
	return []struct {
		name    string
		modules []string
	}{
		{"MIT", []string{"github.com/danielgtaylor/huma/v2", "github.com/mdlayher/netlink", "github.com/mdlayher/packet", "github.com/mdlayher/socket",
			"github.com/valyala/bytebufferpool", "github.com/valyala/quicktemplate", "go.etcd.io/bbolt"}},
		{"MIT AND Apache-2.0", []string{"gopkg.in/yaml.v3"}},
		{"BSD-3-Clause", []string{"github.com/google/gopacket", "github.com/spf13/pflag", "golang.org/x/crypto", "golang.org/x/net",
			"golang.org/x/sync", "golang.org/x/sys", "rsc.io/qr"}},
		{"Apache-2.0", []string{"github.com/spf13/cobra"}},
	}
}
