package webui

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"io/fs"
	"net/http"
	"strconv"
	"strings"
)

//go:embed static
var shared embed.FS

// Asset is a file that pages refer to, served from memory.
type Asset struct {
	Path    string // where it is served
	version string // changes with the content
	mime    string
	body    []byte
	packed  []byte // under gzip, if that is shorter
}

// Style joins the shared tokens and a package's own style sheets to one asset.
func Style(urlPath string, pages fs.FS, names ...string) (Asset, error) {
	body, err := shared.ReadFile("static/tokens.css")
	for _, name := range names {
		b, e := fs.ReadFile(pages, name)
		if e != nil {
			return Asset{}, e
		}
		body = append(body, b...)
	}
	return newAsset(urlPath, "text/css; charset=utf-8", body), err
}

// Icon returns the product's icon as an asset.
func Icon(urlPath string) (Asset, error) {
	body, err := shared.ReadFile("static/icon.svg")
	return newAsset(urlPath, "image/svg+xml", body), err
}

// Script is a script module as an asset.
func Script(urlPath string, pages fs.FS, name string) (Asset, error) {
	body, err := fs.ReadFile(pages, name)
	return newAsset(urlPath, "text/javascript; charset=utf-8", body), err
}

func newAsset(urlPath, mime string, body []byte) Asset {
	sum := sha256.Sum256(body)
	a := Asset{Path: urlPath, version: hex.EncodeToString(sum[:4]), mime: mime, body: body}
	var b bytes.Buffer
	// Neither the level nor a buffer can fail.
	z, _ := gzip.NewWriterLevel(&b, gzip.BestCompression)
	_, _ = z.Write(body)
	_ = z.Close()
	if b.Len() < len(body) {
		a.packed = b.Bytes()
	}
	return a
}

// URL is the path with the version of the content, so that it may be cached.
func (a Asset) URL() URL { return URL{href: a.Path + "?v=" + a.version} }

// ServeHTTP implements http.Handler.
func (a Asset) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", a.mime)
	if r.URL.RawQuery == "v="+a.version {
		w.Header().Set("Cache-Control", "public, max-age=86400, immutable")
	}
	body := a.body
	if a.packed != nil {
		w.Header().Set("Vary", "Accept-Encoding")
		if AcceptsGzip(r.Header.Get("Accept-Encoding")) {
			w.Header().Set("Content-Encoding", "gzip")
			body = a.packed
		}
	}
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	if r.Method != http.MethodHead {
		// A failed write means that the reader went away.
		_, _ = w.Write(body)
	}
}

// AcceptsGzip reads an Accept-Encoding header. Who names gzip gets it, unless
// with weight 0.
func AcceptsGzip(header string) bool {
	for item := range strings.SplitSeq(header, ",") {
		if coding, q := acceptItem(item); strings.EqualFold(coding, "gzip") {
			return q > 0
		}
	}
	return false
}
