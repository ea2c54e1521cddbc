package scaffold

import (
	"bytes"
	"cmp"
	"fmt"
	"maps"
	"net/url"
	"strings"
	texttemplate "text/template"

	"github.com/devstream-io/dtm/plugins/internal/scm"
)

// What templates are written in. The delimiters are DevStream's, and leave those of Helm and of workflows alone.
const (
	leftDelimiter  = "[["
	rightDelimiter = "]]"
	// suffix marks a file that is rendered, and goes. Others are taken as they are.
	suffix = ".tpl"
	// appInPath stands in a path for the name of the service.
	appInPath = "_app_name_"
)

// values are what a template may say, by name. Those of dtm are the same for every template, whatever service it is for.
func values(o Options, repo scm.Repository) map[string]any {
	at, _ := o.path()
	// The service knows the right case. A repository that was renamed keeps what it was scaffolded with.
	if strings.EqualFold(repo.Path.Owner, at.Owner) && strings.EqualFold(repo.Path.Name, at.Name) {
		at = repo.Path
	}
	host := "example.com"
	if u, err := url.Parse(repo.WebURL); err == nil && u.Hostname() != "" {
		host = u.Hostname()
	}
	slug := slug(at.Name)
	all := maps.Clone(o.Vars)
	if all == nil {
		all = map[string]any{}
	}
	maps.Copy(all, map[string]any{
		"AppName":   at.Name,
		"Slug":      slug,
		"Module":    host + "/" + at.String(),
		"ImageRepo": cmp.Or(o.ImageRepo, slug),
		// As templates of DevStream 0.12 say it.
		"imageRepo": cmp.Or(o.ImageRepo, slug),
		"Branch":    o.branch(),
		// Workflows of GitHub name branches by patterns, in which git's names have two letters that mean something.
		"BranchPattern": strings.NewReplacer("+", `\+`, "!", `\!`).Replace(o.branch()),
		"CI":            cmp.Or(o.CI, ciNone),
		"Description":   strings.Join(strings.Fields(o.Description), " "),
		"License":       o.License,
		"Repo":          map[string]any{"Owner": at.Owner, "Name": at.Name},
	})
	return all
}

// slug is a name as Kubernetes and registries can have it: small letters, digits and dashes.
func slug(name string) string {
	var b strings.Builder
	for _, r := range strings.ToLower(name) {
		if r < 'a' || r > 'z' {
			if r < '0' || r > '9' {
				r = '-'
			}
		}
		b.WriteRune(r)
	}
	s := strings.Trim(b.String(), "-")
	if len(s) > 50 {
		s = strings.TrimRight(s[:50], "-")
	}
	return cmp.Or(s, "app")
}

// render makes the files of the repository. A key that there is not is an error. A file of which nothing but blanks is left is
// none: so a template says that it has a file for some wishes alone.
func (t template) render(o Options, repo scm.Repository) (map[string]scm.File, error) {
	v := values(o, repo)
	files := make(map[string]scm.File, len(t.files)+1)
	var size int64
	for name, f := range t.files {
		path := strings.ReplaceAll(name, appInPath, fmt.Sprint(v["AppName"]))
		content := f.content
		if plain, ok := strings.CutSuffix(path, suffix); ok {
			path = plain
			var err error
			if content, err = renderFile(name, f.content, v, maxSize-size); err != nil {
				return nil, fmt.Errorf("template %s: %w", t.origin.Source, err)
			}
			if blank(content) && !blank(f.content) {
				continue
			}
		}
		if _, ok := files[path]; ok {
			return nil, fmt.Errorf("template %s: file %q is there twice", t.origin.Source, path)
		}
		size += int64(len(content))
		files[path] = scm.File{Content: content, Executable: f.executable}
	}
	if text, err := licenseText(o.License); err != nil {
		return nil, err
	} else if _, has := files[licenseFile]; text != nil && !has {
		if files[licenseFile], err = renderedLicense(text, v); err != nil {
			return nil, err
		}
	}
	if err := checkPaths(files); err != nil {
		return nil, fmt.Errorf("template %s: %w", t.origin.Source, err)
	}
	return files, nil
}

func blank(text []byte) bool { return len(bytes.TrimSpace(text)) == 0 }

func renderFile(name string, text []byte, values map[string]any, room int64) ([]byte, error) {
	parsed, err := texttemplate.New(name).Delims(leftDelimiter, rightDelimiter).Option("missingkey=error").Parse(string(text))
	if err != nil {
		return nil, err
	}
	out := &bounded{room: min(room, maxFileSize), name: name}
	if err := parsed.Execute(out, values); err != nil {
		return nil, err
	}
	return out.bytes(), nil
}

// bounded is a buffer that takes no more than there is room. One that cuts says nothing of it.
type bounded struct {
	buffer bytes.Buffer
	room   int64
	cuts   bool
	name   string
}

func (b *bounded) bytes() []byte { return b.buffer.Bytes() }

func (b *bounded) Write(p []byte) (int, error) {
	left := b.room - int64(b.buffer.Len())
	if int64(len(p)) <= left {
		return b.buffer.Write(p)
	}
	if !b.cuts {
		return 0, errTooLarge(b.name)
	}
	b.buffer.Write(p[:left])
	return len(p), nil
}
