package develop

import (
	"bytes"
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"text/template"

	"github.com/Masterminds/semver/v3"

	"github.com/devstream-io/dtm/plugins"
)

//go:embed templates
var templates embed.FS

// pythonSDK is the SDK as it is written into a plugin's folder.
//
//go:embed python/dtm_plugin.py
var pythonSDK []byte

// goVersion is the least Go that the SDK is compiled with, as dtm's go.mod says.
const goVersion = "1.26.0"

// Wish is the plugin that [Create] is to write.
type Wish struct {
	// Dir is the folder that the plugin's folder is made in.
	Dir string
	// Name is the plugin's, an RFC 1123 label that no built-in plugin has.
	Name string
	// Lang is [Go] or [Python].
	Lang string
	// Version is this dtm's: a plugin in Go requires that release. A development build has none.
	Version string
	// SDK is the checkout of dtm that a plugin in Go is built against; "" for the release, or of a development build for the
	// checkout that it was built from.
	SDK string
	// Tidy has `go mod tidy` run for a plugin in Go.
	Tidy bool
	// BuiltIn are the plugins that are built in.
	BuiltIn plugins.Set
}

// Made is what [Create] has written.
type Made struct {
	// Dir is the plugin's folder, relative to the wish's where that is possible.
	Dir string
	// Files are in it.
	Files []string
	// BuiltIn tells that it is one of the plugins of a checkout of dtm, and Lines are then to be added to
	// plugins/all/all.go: the import and the entry of the list.
	BuiltIn bool
	Lines   []string
	// SDK is the checkout that go.mod replaces dtm by; "" where it requires a release.
	SDK string
	// Untidy tells that `go mod tidy` is still to be run.
	Untidy bool
}

// Create writes a plugin: all of its files or, with an error, none, and nothing that is there already is touched. In a
// checkout of dtm it becomes a built-in one. If only `go mod tidy` has failed, the plugin is written and comes with the error.
func Create(ctx context.Context, w Wish) (*Made, error) {
	if err := checkName(w.Name, w.BuiltIn); err != nil {
		return nil, err
	}
	if w.Lang != Go && w.Lang != Python {
		return nil, plugins.Hinted(fmt.Errorf("there is no --lang %s", w.Lang), "it is go or python; any other language can speak the protocol, see plugins/protocol")
	}
	checkout, err := Checkout(w.Dir)
	if err != nil {
		return nil, err
	}
	if checkout != "" {
		if w.Lang != Go {
			return nil, plugins.Hinted(errors.New("this is a checkout of dtm, and what is built in is written in Go"), "run it in another folder")
		}
		return createBuiltIn(w, checkout)
	}
	made := &Made{Dir: w.Name}
	facts := factsOf(w)
	if w.Lang == Go {
		if facts.Require, made.SDK, err = sdkOf(w); err != nil {
			return nil, err
		}
		if made.SDK != "" {
			facts.Replace = goModPath(made.SDK)
		}
	}
	files, err := render(w.Lang, facts)
	if err != nil {
		return nil, err
	}
	if made.SDK != "" {
		// What the SDK needs is there, so that tidying need not ask for any checksum.
		if files["go.sum"], err = os.ReadFile(filepath.Join(made.SDK, "go.sum")); err != nil {
			return nil, err
		}
	}
	if made.Files, err = write(w.Dir, w.Name, files); err != nil {
		return nil, err
	}
	if w.Lang == Go {
		made.Untidy = true
		if w.Tidy && here("go") {
			if err := run(ctx, filepath.Join(w.Dir, w.Name), "go", "mod", "tidy"); err != nil {
				return made, plugins.Hinted(fmt.Errorf("the plugin is written, but not its go.sum: %w", err), "run `go mod tidy` in "+w.Name)
			}
			made.Untidy = false
		}
	}
	return made, nil
}

func createBuiltIn(w Wish, checkout string) (*Made, error) {
	facts := factsOf(w)
	files, err := render("builtin", facts)
	if err != nil {
		return nil, err
	}
	made := &Made{Dir: filepath.Join(checkout, "plugins", w.Name), BuiltIn: true, Lines: []string{
		importLine(w.Name), facts.Package + ".New(env),",
	}}
	if abs, err := filepath.Abs(w.Dir); err == nil {
		if rel, err := filepath.Rel(abs, made.Dir); err == nil {
			made.Dir = rel
		}
	}
	made.Files, err = write(filepath.Join(checkout, "plugins"), w.Name, files)
	return made, err
}

// importLine is how plugins/all imports a plugin: by the name of its package, if its folder has another one.
func importLine(name string) string {
	line := fmt.Sprintf("%q", modulePath+"/plugins/"+name)
	if p := packageName(name); p != name {
		line = p + " " + line
	}
	return line
}

// sdkOf is what go.mod requires, and the checkout that it replaces it by, if any.
func sdkOf(w Wish) (require, checkout string, err error) {
	// What go mod tidy itself writes for what is replaced.
	const nowhere = "v0.0.0-00010101000000-000000000000"
	if w.SDK != "" {
		root, err := Checkout(w.SDK)
		if err != nil {
			return "", "", err
		}
		if root == "" {
			return "", "", plugins.Hinted(fmt.Errorf("--sdk %s is no checkout of dtm", w.SDK), "it is a folder whose go.mod says module "+modulePath)
		}
		return nowhere, root, nil
	}
	if v, err := semver.StrictNewVersion(w.Version); err == nil && v.Prerelease() == "" {
		return "v" + w.Version, "", nil
	}
	if root := ownSource(); root != "" {
		return nowhere, root, nil
	}
	return "", "", plugins.Hinted(fmt.Errorf("dtm %s is no release, and where it was built from is not known", w.Version),
		"say with --sdk PATH where a checkout of dtm is")
}

// goModPath is a path as go.mod takes it.
func goModPath(path string) string {
	if strings.ContainsAny(path, " \t'`\"(),[]{}") {
		return fmt.Sprintf("%q", path)
	}
	return path
}

// facts are what the templates may say.
type facts struct {
	Name, Lang string
	// Package is the name of the package, Key the name as a field of CUE.
	Package, Key string
	// Go is the version of Go; Require the one of dtm; Replace the folder that it is taken from, "" for none.
	Go, Require, Replace string
}

func factsOf(w Wish) facts {
	return facts{Name: w.Name, Lang: w.Lang, Package: packageName(w.Name), Key: Label(w.Name), Go: goVersion}
}

// layout is the templates of a kind of plugin, by the file that they become.
func layout(kind, name string) map[string]string {
	files := map[string]string{"schema.cue": "schema.cue.tmpl"}
	if kind == "builtin" {
		files[name+".go"] = "plugin.go.tmpl"
		files[name+"_test.go"] = "plugin_test.go.tmpl"
		files["README.md"] = "readme.md.tmpl"
		return files
	}
	for _, file := range []string{"plugin.json", "conformance.json", "Justfile"} {
		files[file] = file + ".tmpl"
	}
	files["README.md"] = "readme.md.tmpl"
	files[".gitignore"] = "gitignore.tmpl"
	if kind == Go {
		for _, file := range []string{"go.mod", "main.go", "plugin.go", "plugin_test.go"} {
			files[file] = file + ".tmpl"
		}
		return files
	}
	for _, file := range []string{"plugin.py", "test_plugin.py"} {
		files[file] = file + ".tmpl"
	}
	return files
}

// render makes the files of a plugin.
func render(kind string, f facts) (map[string][]byte, error) {
	// A template of the kind's own comes before one of the same name that all share.
	parsed, err := template.ParseFS(templates, "templates/shared/*.tmpl", "templates/"+kind+"/*.tmpl")
	if err != nil {
		return nil, err
	}
	files := map[string][]byte{}
	for file, name := range layout(kind, f.Name) {
		var text bytes.Buffer
		if err := parsed.ExecuteTemplate(&text, name, f); err != nil {
			return nil, err
		}
		files[file] = append(bytes.TrimRight(text.Bytes(), "\n"), '\n')
	}
	if kind == Python {
		files["dtm_plugin.py"] = pythonSDK
	}
	return files, nil
}

// write makes the folder name in dir with these files: in another one, which is then renamed.
func write(dir, name string, files map[string][]byte) (written []string, err error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	if _, err := root.Lstat(name); err == nil {
		return nil, plugins.Hinted(fmt.Errorf("%s is there already, and nothing is overwritten", filepath.Join(dir, name)), "choose another name or move it away")
	} else if !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	draft := fmt.Sprintf(".%s.%d.dtm", name, os.Getpid())
	if err := root.Mkdir(draft, 0o755); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, root.RemoveAll(draft))
		}
	}()
	for file, text := range files {
		if err := root.WriteFile(filepath.Join(draft, file), text, 0o644); err != nil {
			return nil, err
		}
		written = append(written, file)
	}
	slices.Sort(written)
	return written, root.Rename(draft, name)
}
