package compat

import (
	"fmt"
	"strings"

	"github.com/devstream-io/dtm/schema"
)

// repository is a repository as DevStream 0.10 to 0.12 wrote it, in parts or as a URL.
type repository struct {
	pos schema.Pos
	// kind is github or gitlab, link its URL.
	kind, link               schema.Text
	owner, org, name, branch schema.Text
	baseURL, visibility      schema.Text
	token                    schema.Text
}

// readRepo reads a repository. It is not ok after a mistake.
func (n *notes) readRepo(v schema.Value, path string) (repository, bool) {
	before := len(n.errs)
	repo := repository{pos: v.Pos}
	// Some have several spellings, of other versions and of DevStream's documentation. What is nil has no effect here.
	into := map[string]*schema.Text{
		"owner": &repo.owner, "org": &repo.org, "namespace": &repo.org, "nameSpace": &repo.org,
		"name": &repo.name, "repo": &repo.name, "branch": &repo.branch, "url": &repo.link,
		"scmType": &repo.kind, "type": &repo.kind, "repoType": &repo.kind, "repo_type": &repo.kind,
		"baseURL": &repo.baseURL, "baseUrl": &repo.baseURL, "base_url": &repo.baseURL,
		"visibility": &repo.visibility, "token": &repo.token,
		"apiURL": nil, "pathWithNamespace": nil, "path_with_namespace": nil, "workpath": nil, "needauth": nil, "needAuth": nil,
		"sshPrivateKey": nil,
	}
	for _, f := range n.mapping(v, path) {
		to, ok := into[f.Name]
		if !ok {
			n.unknown(f, path, "owner", "org", "name", "branch", "scmType", "url", "token", "baseURL", "visibility")
			continue
		}
		t, _ := n.text(f.Value, path+"."+f.Name)
		switch {
		case t.Text == "":
		case to != nil:
			*to = t
		case f.Name == "sshPrivateKey" && environment(t.Text) == "":
			n.errs.Add(f.Pos, path+".sshPrivateKey", "a secret in clear, which DevStream wrote into its state: repositories are reached by HTTPS with a token here", "remove it")
		case f.Name == "pathWithNamespace" || f.Name == "path_with_namespace":
			n.idle(f, path, "without effect, as in DevStream: the path is that of the owner or the organisation and the name")
		default:
			n.idle(f, path, "without effect: repositories are reached by the API below baseURL, with a token")
		}
	}
	if base := repo.baseURL.Text; base != "" && !strings.Contains(base, "://") && !strings.Contains(base, "${{") {
		n.errs.Add(repo.baseURL.Pos, path+".baseURL", shown(repo.baseURL)+" does not say how to reach the host", "write http://… or https://… in front of it")
	}
	if repo.link.Text != "" {
		n.parseLink(&repo, path)
	}
	if repo.owner.Text != "" && repo.org.Text != "" && repo.owner.Text == repo.org.Text {
		repo.owner = schema.Text{}
	}
	if repo.kind.Text == "" {
		repo.kind = schema.Text{Text: "github", Pos: v.Pos}
	}
	if k := repo.kind.Text; k != "github" && k != "gitlab" {
		n.errs.Add(repo.kind.Pos, path+".scmType", shown(repo.kind)+" is not supported", "use github or gitlab")
	}
	return repo, len(n.errs) == before
}

// parseLink fills in what the URL of a repository says: https://HOST/OWNER/NAME.git, HOST/OWNER/NAME or git@HOST:OWNER/NAME.git.
// The name of a repository that the URL has wins over another one, which was the app's in DevStream.
func (n *notes) parseLink(repo *repository, path string) {
	link := repo.link
	// A reference has no scheme and no slash in it, but `://` may stand before it.
	scheme, rest, ok := strings.Cut(link.Text, "://")
	if !ok {
		scheme, rest = "https", link.Text
		if user, after, isGit := strings.Cut(rest, "@"); isGit && user == "git" {
			rest = strings.Replace(after, ":", "/", 1)
		}
	}
	// All that may be in front of the host, whatever is in it.
	authority, _, _ := strings.Cut(rest, "/")
	if i := strings.LastIndexByte(authority, '@'); i >= 0 && authority[:i] != "git" {
		n.errs.Add(link.Pos, path+".url", "a URL must not have credentials in it", "they come from the environment")
		return
	}
	parts := strings.Split(strings.TrimSuffix(strings.TrimSuffix(rest, "/"), ".git"), "/")
	if len(parts) < 3 {
		n.errs.Add(link.Pos, path+".url", shown(link)+" is not the URL of a repository", "write https://HOST/OWNER/NAME")
		return
	}
	if i := strings.LastIndexByte(parts[0], '@'); i >= 0 {
		parts[0] = parts[0][i+1:]
	}
	host, owner, name := parts[0], strings.Join(parts[1:len(parts)-1], "/"), parts[len(parts)-1]
	at := func(s string) schema.Text { return schema.Text{Text: s, Pos: link.Pos, From: link.From} }
	for _, part := range []struct {
		given *schema.Text
		name  string
		is    string
	}{{&repo.name, "name", name}, {&repo.owner, "owner", owner}, {&repo.org, "org", owner}} {
		if part.given.Text != "" && part.given.Text != part.is {
			n.note(part.given.Pos, path+"."+part.name, "without effect: the repository is the one of the `url`")
			*part.given = schema.Text{}
		}
	}
	repo.name = at(name)
	if repo.org.Text == "" && repo.owner.Text == "" {
		repo.owner = at(owner)
	}
	if repo.kind.Text == "" && strings.Contains(host, "gitlab") {
		repo.kind = at("gitlab")
	} else if repo.kind.Text == "" {
		repo.kind = at("github")
	}
	if public := repo.kind.Text + ".com"; host != public && (host == "github.com" || host == "gitlab.com") {
		n.errs.Add(repo.kind.Pos, path+".scmType", fmt.Sprintf("is %s, and the `url` is on %s", repo.kind.Text, host), "keep one of the two")
		return
	}
	if repo.baseURL.Text == "" && host != "github.com" && host != "gitlab.com" {
		if scheme != "http" {
			scheme = "https"
		}
		repo.baseURL = at(scheme + "://" + host)
	}
}

// path is OWNER/NAME.
func (r repository) path() string {
	if r.org.Text != "" {
		return r.org.Text + "/" + r.name.Text
	}
	return r.owner.Text + "/" + r.name.Text
}

// cloneURL is the URL that git clones from.
func (r repository) cloneURL() string {
	switch link := r.link.Text; {
	case strings.HasPrefix(link, "http"):
		return link
	case r.baseURL.Text != "":
		return strings.TrimSuffix(r.baseURL.Text, "/") + "/" + r.path()
	}
	return "https://" + r.kind.Text + ".com/" + r.path()
}
