package parts

import (
	"bytes"
	"io"
	"net/http"
	"strings"
)

// serveGit is how git fetches and pushes: by its own program, once it is clear who asks.
func (h *Hub) serveGit(w http.ResponseWriter, r *http.Request) {
	_, done := h.watch.came(h, r, true)
	defer done()
	owner, rest, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	name, rest, _ := strings.Cut(rest, "/")
	full := owner + "/" + strings.TrimSuffix(name, ".git")
	push := strings.HasSuffix(rest, "git-receive-pack") || r.URL.Query().Get("service") == "git-receive-pack"

	h.mu.Lock()
	repo, moved := h.find(full)
	text := credential(r)
	token := h.tokens[text]
	is := nobody
	var to string
	if repo != nil {
		is = h.role(token, repo)
		to = h.web("/" + repo.fullName() + ".git/" + rest)
	}
	archived := repo != nil && repo.archived
	h.mu.Unlock()

	switch {
	case text != "" && token == nil || token == nil && (is < reader || push):
		w.Header().Set("WWW-Authenticate", `Basic realm="GitHub"`)
		http.Error(w, "Invalid username or token. Password authentication is not supported for Git operations.", http.StatusUnauthorized)
	case is < reader:
		http.Error(w, "Repository not found.", http.StatusNotFound)
	case moved:
		if r.URL.RawQuery != "" {
			to += "?" + r.URL.RawQuery
		}
		http.Redirect(w, r, to, http.StatusMovedPermanently)
	case push && is < writer:
		http.Error(w, "Permission to "+full+".git denied.", http.StatusForbidden)
	case push && archived:
		http.Error(w, "This repository was archived so it is read-only.", http.StatusForbidden)
	default:
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return // it has gone already
		}
		// Git sends what is large in pieces, which CGI does not know.
		r.Body, r.ContentLength, r.TransferEncoding = io.NopCloser(bytes.NewReader(body)), int64(len(body)), nil
		if push {
			h.mu.Lock() // nothing else is written meanwhile
			defer h.mu.Unlock()
		}
		h.gits.serve(w, r, repo.gitRepo, "/"+rest)
		if push && r.Method == http.MethodPost {
			if err := h.settle(repo); err != nil {
				h.broken(r, "%v", err)
			}
		}
	}
}
