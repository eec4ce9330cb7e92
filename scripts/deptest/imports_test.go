package deptest

import (
	"slices"
	"strings"
	"testing"
)

// room says which of our own packages a package may import, tests aside.
type room struct {
	pkg    string
	may    []string
	reason string
}

// rooms are in order: the first row that matches a package counts. A package
// without a row is a mistake.
var rooms = []room{
	{"hotspot", nil, "the rules depend on nothing: everything else depends on them"},
	{"hotspot/...", []string{"hotspot"}, "login methods and fakes know the rules only"},
	{"netctl/netlab/bench", []string{"hotspot", "netctl/netlab", "netctl/nft", "store"}, "it measures the parts beside bare ones"},
	{"netctl/netlab", nil, "the lab is a network, it knows nothing of the daemon"},
	{"netctl", []string{"hotspot"}, "what backends share knows no backend"},
	{"netctl/...", []string{"hotspot", "netctl"}, "a backend knows no other backend"},
	{"store/...", []string{"hotspot"}, "the store serves the rules, not the surfaces"},
	{"api/tunnel", nil, "the tunnel serves any handler"},
	{"api/cloud/cloudbench", []string{"api/tunnel", "api/tunnel/tunnelbench/ways"}, "it measures the programs from outside"},
	{"api/cloud/...", []string{"api", "api/tunnel", "api/cloud"}, "the cloud shares nothing with the router but the wire"},
	{"api/tunnel/tunnelbench/...", []string{"api/tunnel"}, "it measures the tunnel beside others"},
	{"api/endpoint", []string{"hotspot", "api", "api/tunnel"}, "the router's side of the cloud"},
	{"api", []string{"hotspot"}, "what HTTP surfaces share knows no surface"},
	{"api/v1/v1test", []string{"hotspot", "api"}, "a stand-in for the service"},
	{"api/...", []string{"hotspot", "api"}, "a surface knows no other surface"},
	{"webui", []string{"hotspot", "api"}, "what pages share knows no page"},
	{"webui/admin/parts", []string{"webui"}, "the panel's components know no page"},
	{"webui/admin/panel", []string{"hotspot", "api", "webui", "webui/admin/parts"}, "what the panel's areas stand on knows no area"},
	{"webui/admin/paneltest", []string{"api", "webui", "webui/admin/panel", "webui/admin/parts", "webui/pagetest/..."}, "the panel for tests of its areas"},
	{"webui/admin/...", []string{"hotspot", "hotspot/sheet", "api", "webui", "webui/admin/parts", "webui/admin/panel", "webui/print"}, "the areas of the panel know nothing of one another"},
	{"webui/account", []string{"webui", "webui/admin/parts"}, "the page of a cloud account looks like the panel, and knows no router"},
	{"webui/...", []string{"hotspot", "hotspot/login", "hotspot/sheet", "api", "webui"}, "the portal and the panel know nothing of one another"},
	{"daemon", []string{"hotspot/...", "netctl/...", "store/...", "api/...", "webui/...", "daemon/..."}, "the only place that wires parts together; it knows no command"},
	{"daemon/config/gen", []string{"daemon/config"}, "writes the documentation of the configuration"},
	{"daemon/doctor", []string{"hotspot", "daemon/certs", "daemon/config", "netctl/nft", "store"}, "it looks at what the daemon will meet, and starts nothing"},
	{"daemon/...", []string{"hotspot", "netctl"}, "configuration and clocks come before everything that is wired"},
	{"cmd/vouchsafe", []string{"daemon", "daemon/config", "daemon/doctor", "api/v1", "hotspot", "hotspot/sheet"}, "flags in, text out; what it does is the daemon's or the API's"},
	{"cmd/vouchsafe-lab", []string{"netctl/netlab/...", "daemon", "daemon/config", "api/v1", "hotspot"}, "the demo builds a network and runs the daemon in it"},
	{"cmd/vouchsafe-cloud", []string{"api", "api/cloud/...", "api/tunnel", "webui/account"}, "the relay is not a router"},
	{"scripts/...", nil, "scripts stand beside the program"},
}

func TestRooms(t *testing.T) {
	for _, f := range repository(t) {
		if f.test {
			continue
		}
		i := slices.IndexFunc(rooms, func(r room) bool { return under(f.pkg, r.pkg) })
		if i < 0 {
			t.Errorf("%s: the package has no row in rooms", f.path)
			continue
		}
		for _, imp := range f.imports {
			if own(imp) && !under(imp, rooms[i].may...) && !strings.HasPrefix(imp, f.pkg+"/") {
				t.Errorf("%s imports %s: %s", f.path, imp, rooms[i].reason)
			}
		}
	}
}

// bans says what only some packages may import.
var bans = []struct {
	imports string   // "a/..." is a and all below it
	only    []string // packages that may
	tests   bool     // tests of other packages may, too
	reason  string
}{
	{"go.etcd.io/bbolt/...", []string{"store/...", "api/cloud/bolt", "netctl/netlab/bench"}, false, "store has the one choke point for writes; benchmarks know the bare one"},
	{"go.etcd.io/etcd/...", []string{"api/cloud/etcd/..."}, false, "one package speaks to etcd, and no router carries it"},
	{"google.golang.org/grpc/...", []string{"api/cloud/etcd/..."}, false, "one package speaks to etcd, and no router carries it"},
	{"github.com/caddyserver/...", []string{"api/cloud/acme"}, false, "one package asks certificate authorities, and no router carries it"},
	{"github.com/letsencrypt/pebble/...", []string{"api/cloud/acme/acmetest"}, true, "a certificate authority is for tests"},
	{"github.com/google/gopacket/...", []string{"netctl/hosts/...", "netctl/netlab/..."}, true, "it costs memory on a router, and must be replaceable"},
	{"os/exec", []string{"netctl/netlab/...", "api/cloud/cloudbench", "cmd/vouchsafe-lab", "scripts/...", "webui/pagetest/browser", "api/cloud/etcd/etcdtest"}, true, "the daemon speaks to the kernel itself"},
	{"log", nil, false, "a *slog.Logger is injected"},
	{"unsafe", nil, true, "what works on amd64 breaks on mips"},
	{"testing", []string{"hotspot/hotspottest/...", "netctl/gatetest/...", "netctl/netlab/...", "webui/pagetest/...", "webui/admin/paneltest", "api/cloud/cloudtest", "api/cloud/acme/acmetest", "api/cloud/etcd/etcdtest"}, true, "test doubles have packages of their own"},
	{"net/http/httptest", []string{"hotspot/hotspottest/...", "webui/admin/paneltest", "api/cloud/acme/acmetest"}, true, "test doubles have packages of their own"},
	{"html/template", nil, true, "it calls methods by name: the linker must keep them all, 2.7 MB on a router"},
	{"text/template", []string{"cmd/vouchsafe-lab"}, true, "it calls methods by name: the linker must keep them all, 2.7 MB on a router"},
	{"github.com/valyala/quicktemplate/...", []string{"webui/..."}, true, "pages are webui's"},
	{"net/http/pprof", nil, false, "it registers itself on the default mux"},
	{"github.com/danielgtaylor/huma/v2/...", []string{"api/v1/..."}, false, "one framework, one place"},
	{"github.com/spf13/...", []string{"cmd/..."}, false, "commands parse flags, nobody else"},
	{"gopkg.in/yaml.v3", []string{"daemon/config/...", "netctl/netlab/..."}, true, "one configuration file, one reader; the lab writes one"},
	{"github.com/chromedp/...", []string{"webui/pagetest/browser", "webui/admin/paneltest"}, true, "browsers are for tests"},
	{"github.com/makiuchi-d/gozxing/...", nil, true, "readers of QR codes are for tests"},
	{"github.com/getkin/kin-openapi/...", nil, true, "the API's own description is held against another's reading of it in tests"},
	{"rsc.io/qr/...", []string{"webui/print"}, true, "codes are printed in one place"},
	{"github.com/google/go-cmp/...", []string{"hotspot/hotspottest/...", "netctl/gatetest/...", "api/cloud/cloudtest"}, true, "comparisons with panics are for tests"},
	{"github.com/stretchr/testify/...", nil, false, "the standard library and go-cmp do"},
}

func TestBans(t *testing.T) {
	for _, f := range repository(t) {
		for _, imp := range f.imports {
			for _, b := range bans {
				if under(imp, b.imports) && !under(f.pkg, b.only...) && !(f.test && b.tests) {
					t.Errorf("%s imports %s: %s", f.path, imp, b.reason)
				}
			}
		}
	}
}

func TestRulesImportOnlyTheStandardLibrary(t *testing.T) {
	for _, f := range repository(t) {
		if f.test || f.pkg != "hotspot" {
			continue
		}
		for _, imp := range f.imports {
			if !standard(imp) || under(imp, "net", "os/...", "net/http/...", "syscall") {
				t.Errorf("%s imports %s: the rules do no I/O", f.path, imp)
			}
		}
	}
}

// What is flashed on routers must not carry what is for tests.
func TestShippedProgramHasNoTestParts(t *testing.T) {
	imports := map[string][]string{}
	for _, f := range repository(t) {
		if !f.test {
			imports[f.pkg] = append(imports[f.pkg], f.imports...)
		}
	}
	for _, program := range []string{"cmd/vouchsafe", "cmd/vouchsafe-cloud"} {
		seen := map[string]string{program: ""} // package → who brought it in
		for queue := []string{program}; len(queue) > 0; queue = queue[1:] {
			for _, imp := range imports[queue[0]] {
				if _, ok := seen[imp]; !ok {
					seen[imp] = queue[0]
					queue = append(queue, imp)
				}
			}
		}
		for imp, by := range seen {
			if under(imp, "netctl/netlab/...", "netctl/gatetest/...", "hotspot/hotspottest/...", "webui/pagetest/...", "webui/admin/paneltest", "api/cloud/cloudtest", "api/cloud/etcd/etcdtest", "api/cloud/acme/acmetest", "api/v1/v1test", "testing", "net/http/httptest", "os/exec") {
				t.Errorf("%s would contain %s, through %s", program, imp, by)
			}
		}
	}
}
