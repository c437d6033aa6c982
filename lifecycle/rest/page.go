package rest

import (
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"mime"
	"net/http"
	"path"
)

// The web page: static files that read the API like any other client. It has no build step, and takes nothing from outside of the server.
//
//go:embed page
var pageFiles embed.FS

// pagePolicy lets the page load its own scripts and styles and call its own server, and nothing else.
const pagePolicy = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// registerPage adds the page at / and its files below /page/. They are public: what they show is asked of the API with the token that the user gives.
func (h *Handler) registerPage() error {
	entries, err := pageFiles.ReadDir("page")
	if err != nil {
		return err
	}
	for _, e := range entries {
		content, err := pageFiles.ReadFile(path.Join("page", e.Name()))
		if err != nil {
			return err
		}
		route := "GET /page/" + e.Name()
		if e.Name() == "index.html" {
			route = "GET /{$}"
		}
		h.mux.Handle(route, newPageFile(e.Name(), content))
	}
	return nil
}

// pageFile serves one file.
type pageFile struct {
	content           []byte
	contentType, etag string
}

func newPageFile(name string, content []byte) *pageFile {
	sum := sha256.Sum256(content)
	return &pageFile{content: content, contentType: pageType(name), etag: `"` + base64.RawURLEncoding.EncodeToString(sum[:12]) + `"`}
}

// pageType does not ask the host's list of types, which may say that scripts are text.
func pageType(name string) string {
	switch path.Ext(name) {
	case ".html":
		return "text/html; charset=utf-8"
	case ".css":
		return "text/css; charset=utf-8"
	case ".js":
		return "text/javascript; charset=utf-8"
	case ".svg":
		return "image/svg+xml"
	}
	return mime.TypeByExtension(path.Ext(name))
}

// ServeHTTP answers with the file. The browser asks each time, and gets it again only when it has changed.
func (f *pageFile) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	header := w.Header()
	header.Set("Content-Security-Policy", pagePolicy)
	header.Set("X-Frame-Options", "DENY")
	header.Set("Cache-Control", "no-cache")
	header.Set("ETag", f.etag)
	if r.Header.Get("If-None-Match") == f.etag {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	header.Set("Content-Type", f.contentType)
	_, _ = w.Write(f.content) // the client is gone, or it is not
}
