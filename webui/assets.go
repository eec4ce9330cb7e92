package webui

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"io/fs"
	"net/http"
	"time"
)

//go:embed static
var shared embed.FS

// Asset is a file that pages refer to, served from memory.
type Asset struct {
	Path    string // where it is served
	version string // changes with the content
	mime    string
	body    []byte
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
	return Asset{urlPath, hex.EncodeToString(sum[:4]), mime, body}
}

// URL is the path with the version of the content, so that it may be cached.
func (a Asset) URL() URL { return URL{a.Path + "?v=" + a.version} }

// ServeHTTP implements http.Handler.
func (a Asset) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", a.mime)
	if r.URL.RawQuery == "v="+a.version {
		w.Header().Set("Cache-Control", "public, max-age=86400, immutable")
	}
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(a.body))
}
