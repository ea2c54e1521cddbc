package scaffold

import (
	"context"
	"fmt"
	"net/url"
	"path/filepath"
	"strings"

	"github.com/devstream-io/dtm/plugins"
)

// template is the files of a template, before they are rendered. Wherever they come from, they are untrusted: a template is
// read as plain files inside one folder, links and devices are errors, and there is a limit to their number and size.
type template struct {
	origin Origin
	files  map[string]templateFile
}

// templateFile is one file of a template.
type templateFile struct {
	content    []byte
	executable bool
}

// Limits of a template, unpacked and rendered. They are far above what a scaffold has, and far below what hurts.
const (
	maxFiles    = 1000
	maxFileSize = 4 << 20
	maxSize     = 32 << 20
)

func (o Origin) String() string { return strings.TrimSpace(o.Source + " " + o.Version) }

// templates finds templates.
type templates struct{ env plugins.Env }

// load reads the template that the options name. Only an archive and a git repository need the network.
func (t templates) load(ctx context.Context, o Options) (template, error) {
	kind := kindOf(o)
	switch {
	case kind != archiveTemplate && o.TemplateChecksum != "":
		return template{}, fmt.Errorf("templateChecksum is for archives, and template %q is none", shown(o.Template))
	case kind != gitTemplate && o.TemplateRef != "":
		return template{}, fmt.Errorf("templateRef is for git repositories, and template %q is none", shown(o.Template))
	}
	var found template
	var err error
	switch kind {
	case embeddedTemplate:
		return golang()
	case folderTemplate:
		found, err = readFolder(ctx, t.folder(o.Template))
	case archiveTemplate:
		found, err = t.archive(ctx, o.Template, o.TemplateChecksum)
	case gitTemplate:
		found, err = t.git(ctx, o.Template, o.TemplateRef)
	}
	if err != nil {
		return template{}, fmt.Errorf("template %s: %w", shown(o.Template), err)
	}
	if len(found.files) == 0 {
		return template{}, fmt.Errorf("template %s: there are no files in it", shown(o.Template))
	}
	found.origin.Source = shown(o.Template)
	return found, nil
}

// shown is where a template comes from without what may be secret in it: services give archives to who has a token in the URL,
// and what is shown is written into the repository, too.
func shown(from string) string {
	u, err := url.Parse(from)
	if err != nil || u.Host == "" {
		return from
	}
	if _, secret := u.User.Password(); secret || u.Scheme == "https" || u.Scheme == "http" {
		u.User = nil
	}
	u.RawQuery, u.Fragment = "", ""
	return u.String()
}

func (t templates) folder(name string) string {
	if filepath.IsAbs(name) {
		return filepath.Clean(name)
	}
	return filepath.Join(t.env.Dir, name)
}

// kind is where a template comes from.
type kind int

const (
	embeddedTemplate kind = iota
	folderTemplate
	archiveTemplate
	gitTemplate
)

// kindOf tells by the name. A URL is an archive's, unless it names a ref or is none that a browser knows.
func kindOf(o Options) kind {
	u, err := url.Parse(o.Template)
	switch {
	case o.Template == "":
		return embeddedTemplate
	case o.TemplateRef != "" && o.TemplateChecksum == "", strings.HasPrefix(o.Template, "git@"), strings.HasSuffix(o.Template, ".git"):
		return gitTemplate
	case err == nil && (u.Scheme == "https" || u.Scheme == "http"):
		return archiveTemplate
	case err == nil && (u.Scheme == "ssh" || u.Scheme == "git" || u.Scheme == "file"):
		return gitTemplate
	}
	return folderTemplate
}

// collector takes the files of a template and keeps the limits.
type collector struct {
	files map[string]templateFile
	size  int64
}

func newCollector() *collector { return &collector{files: map[string]templateFile{}} }

// room is how many bytes the next file may have.
func (c *collector) room() int64 { return min(maxFileSize, maxSize-c.size) }

func (c *collector) add(path string, content []byte, executable bool) error {
	if err := checkPath(path); err != nil {
		return err
	}
	if _, ok := c.files[path]; ok {
		return fmt.Errorf("file %q is there twice", path)
	}
	switch {
	case len(c.files) == maxFiles:
		return fmt.Errorf("there are more than %d files", maxFiles)
	case int64(len(content)) > c.room():
		return errTooLarge(path)
	}
	c.size += int64(len(content))
	c.files[path] = templateFile{content: content, executable: executable}
	return nil
}

func errTooLarge(path string) error {
	return fmt.Errorf("file %q is larger than %d MiB, or all are together than %d MiB", path, maxFileSize>>20, maxSize>>20)
}

// unpacked takes off the folder that all files are in, if they are in one: services pack repositories so.
func (c *collector) unpacked() map[string]templateFile {
	var top string
	for path := range c.files {
		first, _, ok := strings.Cut(path, "/")
		if !ok || top != "" && first != top {
			return c.files
		}
		top = first
	}
	files := make(map[string]templateFile, len(c.files))
	for path, f := range c.files {
		files[strings.TrimPrefix(path, top+"/")] = f
	}
	return files
}
