package registry

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"path"
	"regexp"
	"strings"

	ociref "oras.land/oras-go/v2/registry"

	"github.com/devstream-io/dtm/plugins"
)

type sourceKind int

const (
	onPath sourceKind = iota // a folder or an archive on disk: only the disk tells
	onWeb
	inRegistry
)

// source is where a plugin comes from, as the configuration says it.
type source struct {
	kind sourceKind
	// text is what the configuration says.
	text string
	// ref is set for a registry.
	ref ociref.Reference
}

var placeholder = regexp.MustCompile(`\{[^{}]*\}`)

func parseSource(text string) (source, error) {
	const hint = `a source is a path that begins with "./", "../" or "/", an https:// address or an oci:// reference`
	scheme, rest, _ := strings.Cut(text, "://")
	s := source{text: text}
	switch {
	case strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r == 0x7f }):
		return s, plugins.Hinted(fmt.Errorf("source %q has a control character in it", text), hint)
	case text == "." || text == ".." || strings.HasPrefix(text, "./") || strings.HasPrefix(text, "../") || strings.HasPrefix(text, "/"):
		s.kind = onPath
	case scheme == "https" || scheme == "http":
		s.kind = onWeb
		// Placeholders are no part of an address: something else takes their place.
		u, err := url.Parse(placeholder.ReplaceAllString(text, "x"))
		switch {
		case err != nil || u.Host == "" || path.Base(u.Path) == "/" || path.Base(u.Path) == ".":
			return s, plugins.Hinted(errors.New("source is no address of an archive"), hint)
		case u.User != nil || u.RawQuery != "" || u.Fragment != "":
			return s, plugins.Hinted(fmt.Errorf("source %s has a password, a query or a fragment, which dtm.lock would keep and errors would show", bare(u)),
				"archives are fetched without credentials; an OCI registry takes those of `docker login`")
		case scheme == "http" && !loopback(u.Host):
			return s, plugins.Hinted(fmt.Errorf("source %s is not encrypted", text), "use https://")
		case strings.ContainsAny(u.Host, "{}") || placeholder.MatchString(strings.SplitN(rest, "/", 2)[0]):
			return s, plugins.Hinted(fmt.Errorf("source %s has a placeholder in the name of the host", withoutUser(text)), "placeholders belong into the path")
		}
	case scheme == "oci":
		s.kind = inRegistry
		ref, err := ociref.ParseReference(rest)
		if err != nil {
			return s, plugins.Hinted(errors.New("source is no reference of a registry"), "it looks like oci://registry.example.org/folder/name")
		}
		if ref.Reference != "" {
			return s, plugins.Hinted(fmt.Errorf("source %s names a tag or a digest", text), "say which version in `version`; dtm.lock keeps the digest")
		}
		s.ref = ref
		return s, nil
	default:
		return s, plugins.Hinted(fmt.Errorf("source %q is nothing that dtm knows", withoutUser(text)), hint)
	}
	system, machine := strings.Contains(text, "{os}"), strings.Contains(text, "{arch}")
	if system != machine {
		return s, plugins.Hinted(fmt.Errorf("source %s has one of {os} and {arch}", text), "it needs both, or none where the archive is the same for all platforms")
	}
	for _, found := range placeholder.FindAllString(text, -1) {
		if found != "{version}" && found != "{os}" && found != "{arch}" {
			return s, plugins.Hinted(fmt.Errorf("source %s: %s is no placeholder", text, found), "there are {version}, {os} and {arch}")
		}
	}
	return s, nil
}

// withoutUser is a text that was to be an address, without what may be a name and a password in it.
func withoutUser(text string) string {
	at := strings.LastIndex(text, "@")
	if at < 0 {
		return text
	}
	scheme, _, ok := strings.Cut(text[:at], "://")
	if !ok {
		return "…" + text[at:]
	}
	return scheme + "://…" + text[at:]
}

// bare is an address without what it may keep secret.
func bare(u *url.URL) string {
	b := *u
	b.User, b.RawQuery, b.ForceQuery, b.Fragment, b.RawFragment = nil, "", false, "", ""
	return b.String()
}

// loopback tells whether a host, which may have a port, is this very machine.
func loopback(host string) bool {
	name, _, err := net.SplitHostPort(host)
	if err != nil {
		name = strings.Trim(host, "[]")
	}
	ip := net.ParseIP(name)
	return name == "localhost" || ip != nil && ip.IsLoopback()
}

// versioned tells whether the version is part of the address.
func (s source) versioned() bool { return strings.Contains(s.text, "{version}") }

// forPlatforms tells whether there is an archive for each platform and not one for all.
func (s source) forPlatforms() bool { return s.kind == inRegistry || strings.Contains(s.text, "{os}") }

// filled is the address or path of the archive of that version for that platform.
func (s source) filled(version, platform string) string {
	system, machine, _ := strings.Cut(platform, "/")
	return strings.NewReplacer("{version}", version, "{os}", system, "{arch}", machine).Replace(s.text)
}

// beside is the address or path of another file where the archive is.
func (s source) beside(version, platform, name string) string {
	filled := s.filled(version, platform)
	return filled[:strings.LastIndex(filled, "/")+1] + name
}

// platformOf tells which platform the archive of that name is for, if it is one of this version. What the name does not
// tell, as the folder that it is in does, is as in here.
func (s source) platformOf(version, name, here string) (string, bool) {
	pattern := strings.NewReplacer(
		regexp.QuoteMeta("{version}"), regexp.QuoteMeta(version),
		regexp.QuoteMeta("{os}"), "(?P<os>[a-z0-9]+)", regexp.QuoteMeta("{arch}"), "(?P<arch>[a-z0-9]+)",
	).Replace(regexp.QuoteMeta(path.Base(s.text)))
	found, err := regexp.Compile("^" + pattern + "$")
	if err != nil {
		return "", false
	}
	match := found.FindStringSubmatch(name)
	if match == nil {
		return "", false
	}
	if !s.forPlatforms() {
		return anyPlatform, true
	}
	system, machine, _ := strings.Cut(here, "/")
	if i := found.SubexpIndex("os"); i >= 0 {
		system = match[i]
	}
	if i := found.SubexpIndex("arch"); i >= 0 {
		machine = match[i]
	}
	return system + "/" + machine, true
}
