package cloud

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

// Product is something that an account may install on its routers.
type Product struct {
	Slug    string `json:"slug"`
	Name    string `json:"name"`
	Version string `json:"version"`
	SHA256  string `json:"sha256"`
	URL     string `json:"url"`
}

// Products is what there is.
type Products struct {
	Themes  []Product `json:"themes"`
	Plugins []Product `json:"plugins"`
}

// Bounds of a catalogue.
const (
	catalogueFile = "products.json"
	maxCatalogue  = 1 << 20 // bytes
	maxProducts   = 1000    // of each kind
	lookEvery     = 5 * time.Second
)

// Catalogue is the file products.json of a directory. It is read again when it
// has changed; one that is wrong leaves the one before in force.
type Catalogue struct {
	path string
	log  *slog.Logger
	now  func() time.Time

	mu     sync.Mutex
	have   Products
	is     os.FileInfo
	looked time.Time
}

// OpenCatalogue reads the catalogue in a directory.
func OpenCatalogue(dir string, log *slog.Logger) (*Catalogue, error) {
	c := &Catalogue{path: filepath.Join(dir, catalogueFile), log: log.With("component", "catalogue"), now: time.Now}
	c.looked = c.now()
	return c, c.read()
}

// Products returns what there is.
func (c *Catalogue) Products() Products {
	c.mu.Lock()
	defer c.mu.Unlock()
	if now := c.now(); now.Sub(c.looked).Abs() >= lookEvery {
		c.looked = now
		is, err := os.Stat(c.path)
		if err == nil && c.is != nil && is.ModTime().Equal(c.is.ModTime()) && is.Size() == c.is.Size() && os.SameFile(is, c.is) {
			return c.have
		}
		if err := c.read(); err != nil {
			c.log.Warn("the catalogue cannot be used; the one before stays in force", "error", err)
		}
	}
	return c.have
}

// read reads the file. What it has read is not read again before it changes.
func (c *Catalogue) read() error {
	f, err := os.Open(c.path)
	if err != nil {
		return fmt.Errorf("catalogue: %w", err)
	}
	defer f.Close()
	if c.is, err = f.Stat(); err != nil {
		return fmt.Errorf("catalogue: %w", err)
	}
	b, err := io.ReadAll(io.LimitReader(f, maxCatalogue+1))
	if err != nil {
		return fmt.Errorf("catalogue: %w", err)
	}
	p, err := readProducts(b)
	if err != nil {
		return fmt.Errorf("catalogue: %s: %w", c.path, err)
	}
	c.have = p
	return nil
}

// readProducts reads and checks a catalogue.
func readProducts(b []byte) (Products, error) {
	var p Products
	if len(b) > maxCatalogue {
		return p, fmt.Errorf("it has more than %d bytes", maxCatalogue)
	}
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(&p); err != nil {
		return p, err
	}
	if _, err := d.Token(); err != io.EOF {
		return p, errors.New("something stands behind its end")
	}
	for _, kind := range []struct {
		name string
		list *[]Product
	}{{"themes", &p.Themes}, {"plugins", &p.Plugins}} {
		if *kind.list == nil {
			*kind.list = []Product{}
		}
		if len(*kind.list) > maxProducts {
			return p, fmt.Errorf("%s: more than %d", kind.name, maxProducts)
		}
		seen := map[string]bool{}
		for i, x := range *kind.list {
			if err := x.check(); err != nil {
				return p, fmt.Errorf("%s[%d]: %w", kind.name, i, err)
			}
			if seen[x.Slug] {
				return p, fmt.Errorf("%s[%d]: slug: %q is there twice", kind.name, i, x.Slug)
			}
			seen[x.Slug] = true
		}
	}
	return p, nil
}

// check reports what is wrong with a product.
func (p Product) check() error {
	const lower, digits = "abcdefghijklmnopqrstuvwxyz", "0123456789"
	if len(p.Slug) < 1 || len(p.Slug) > 64 || strings.Trim(p.Slug, lower+digits+"-") != "" {
		return errors.New("slug: 1 to 64 of a-z, 0-9 and -")
	}
	if checkName("", p.Name) != nil {
		return errors.New("name: 1 to 64 characters")
	}
	if len(p.Version) < 1 || len(p.Version) > 32 || strings.Trim(p.Version, lower+strings.ToUpper(lower)+digits+".+-") != "" {
		return errors.New("version: 1 to 32 of a-z, A-Z, 0-9 and . + -")
	}
	if len(p.SHA256) != 64 || strings.Trim(p.SHA256, digits+"abcdef") != "" {
		return errors.New("sha256: 64 of 0-9 and a-f")
	}
	u, err := url.Parse(p.URL)
	if err != nil || u.Scheme != "https" || u.Hostname() == "" || u.User != nil || len(p.URL) > 1000 {
		return errors.New("url: an https:// address")
	}
	return nil
}
