package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"
)

// maxFile bounds the file; the longest sensible one is a tenth of it.
const maxFile = 64 << 10

// Load reads and validates a file.
func Load(path string) (Config, error) {
	f, err := os.Open(path)
	if err != nil {
		return Config{}, fmt.Errorf("open configuration: %w", err)
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return Config{}, fmt.Errorf("read configuration: %w", err)
	}
	return parse(path, b)
}

// Parse reads and validates a file's content.
func Parse(b []byte) (Config, error) { return parse("", b) }

func parse(file string, b []byte) (Config, error) {
	var bad faults
	p := parser{cfg: Default(), bad: &bad, at: map[string]place{}}
	if root := p.document(b); root != nil {
		p.mapping("", root)
	}
	if len(bad.list) > 0 && bad.list[0].Path == "" {
		return Config{}, bad.join(file) // not a file of keys at all
	}
	p.absolute("data", p.cfg.Data)
	p.absolute("network.leases", p.cfg.Network.Leases)
	p.absolute("control.socket", p.cfg.Control.Socket)
	p.absolute("lan.https.cert_file", p.cfg.LAN.HTTPS.CertFile)
	p.absolute("lan.https.key_file", p.cfg.LAN.HTTPS.KeyFile)
	known := bad.list
	for _, e := range p.cfg.faults() {
		if covers(known, e.Path) {
			continue
		}
		at := p.find(e.Path)
		e.Line, e.Column = at.line, at.column
		bad.add(e)
	}
	if err := bad.join(file); err != nil {
		return Config{}, err
	}
	return p.cfg, nil
}

// place is a position in the file.
type place struct{ line, column int }

// parser copies a tree of nodes into a configuration.
type parser struct {
	cfg Config
	bad *faults
	at  map[string]place // where each key and each list item stands
}

// document returns the file's one document, or nil if it is empty or broken.
func (p *parser) document(b []byte) *yaml.Node {
	if len(b) > maxFile {
		p.bad.add(faulty("", place{}, "the file is longer than %d bytes; remove what is not configuration", maxFile))
		return nil
	}
	dec := yaml.NewDecoder(bytes.NewReader(b))
	var doc yaml.Node
	err := dec.Decode(&doc)
	if errors.Is(err, io.EOF) {
		return nil
	}
	if err != nil {
		p.bad.add(syntax(err))
		return nil
	}
	if err := dec.Decode(new(yaml.Node)); !errors.Is(err, io.EOF) {
		p.bad.add(faulty("", place{}, "the file holds more than one document; keep one and remove the line ---"))
		return nil
	}
	if len(doc.Content) != 1 {
		return nil
	}
	root := doc.Content[0]
	if isNull(root) {
		return nil
	}
	return root
}

var atLine = regexp.MustCompile(`^yaml: (?:line (\d+): )?(?s:(.*))$`)

// syntax makes a fault of what the YAML reader said.
func syntax(err error) *FieldError {
	var at place
	if m := atLine.FindStringSubmatch(err.Error()); m != nil {
		at.line, _ = strconv.Atoi(m[1]) // stays 0 without a number
		err = errors.New(m[2])
	}
	return faulty("", at, "not valid YAML (%v); check the indentation (spaces, no tabs) and quote text with special characters", err)
}

func isNull(n *yaml.Node) bool { return n.Kind == yaml.ScalarNode && n.ShortTag() == "!!null" }

// fault reports what is wrong with a node.
func (p *parser) fault(path string, n *yaml.Node, format string, args ...any) {
	p.bad.add(faulty(path, place{n.Line, n.Column}, format, args...))
}

// plain refuses what a configuration does not need and an attacker might:
// aliases can make a small file unfold into gigabytes.
func (p *parser) plain(path string, n *yaml.Node) bool {
	switch {
	case n.Kind == yaml.AliasNode || n.Anchor != "":
		p.fault(path, n, "anchors and aliases are not supported; write the value itself")
	case n.Style&yaml.TaggedStyle != 0:
		p.fault(path, n, "the tag %s is not supported; write the value without it", clip(n.Tag))
	default:
		return true
	}
	return false
}

// mapping reads the keys of a section; prefix is empty or ends with a dot.
func (p *parser) mapping(prefix string, n *yaml.Node) {
	section := strings.TrimSuffix(prefix, ".")
	if !p.plain(section, n) {
		return
	}
	if n.Kind != yaml.MappingNode {
		p.fault(section, n, "this is not a section; write keys such as %s, each on a line of its own", known(prefix)[0])
		return
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		p.entry(prefix, n.Content[i], n.Content[i+1])
	}
}

// wordlike matches what can be shown in an error as it is.
var wordlike = regexp.MustCompile(`^[A-Za-z0-9_-]{1,40}$`)

// entry reads one key of a section.
func (p *parser) entry(prefix string, key, val *yaml.Node) {
	if key.Kind != yaml.ScalarNode {
		p.fault(prefix+"?", key, "a key must be a word; known here: %s", strings.Join(known(prefix), ", "))
		return
	}
	path := prefix + key.Value
	row, isKey := lookup(path)
	if !isKey && !isSection(path) {
		if !wordlike.MatchString(key.Value) {
			path = prefix + clip(key.Value)
		}
		p.fault(path, key, "unknown key; known here: %s", strings.Join(known(prefix), ", "))
		return
	}
	if first, twice := p.at[path]; twice {
		p.fault(path, key, "the key is in line %d already; remove one of the two", first.line)
		return
	}
	p.at[path] = place{key.Line, key.Column}
	switch {
	case !isKey && !isNull(val):
		p.mapping(path+".", val)
	case isKey && !isNull(val) && p.plain(path, val):
		p.at[path] = place{val.Line, val.Column}
		row.read(p, row.Path, val)
	}
}

// scalar returns a node's text, whatever type YAML would guess for it.
func (p *parser) scalar(path string, n *yaml.Node) (string, bool) {
	if !p.plain(path, n) {
		return "", false
	}
	if n.Kind != yaml.ScalarNode || isNull(n) {
		p.fault(path, n, "one value is wanted here, not a list or a section")
		return "", false
	}
	return n.Value, true
}

// absolute faults relative paths: a daemon's working directory is nobody's
// choice.
func (p *parser) absolute(path, value string) {
	if value == "" || filepath.IsAbs(value) {
		return
	}
	p.bad.add(faulty(path, p.find(path), "%s is a relative path; write it from the root, beginning with /", clip(value)))
}

// find returns where a key stands or, if it is missing, the section that
// should have it.
func (p *parser) find(path string) place {
	for {
		if at, ok := p.at[path]; ok {
			return at
		}
		cut := strings.LastIndexAny(path, ".[")
		if cut < 0 {
			return place{}
		}
		path = path[:cut]
	}
}
