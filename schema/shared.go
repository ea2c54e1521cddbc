package schema

import (
	"fmt"
	"maps"
	"strings"

	"cuelang.org/go/cue/ast"
	"cuelang.org/go/cue/parser"
)

// SharedPath is the import path of a CUE package that several plugins share.
func SharedPath(name string) string { return ModulePath + "/shared/" + name }

// share takes in the packages that a plugin's schema imports, and their words. Of one name there is one package.
func (l *Loader) share(p PluginSchema, words wording) error {
	for name, text := range p.Shared {
		path := SharedPath(name) + "/" + name + ".cue"
		switch have, ok := l.files[path]; {
		case ok && have == text:
			continue
		case ok:
			return fmt.Errorf("the shared package %q is not the one that another plugin has", name)
		}
		if err := CheckPluginName(name); err != nil {
			return fmt.Errorf("shared package: %w", err)
		}
		f, err := parser.ParseFile(path, text, parser.ParseComments)
		if err != nil {
			return fmt.Errorf("shared package: %w", err)
		}
		l.files[path] = text
		words.learn(path, f)
	}
	return nil
}

// wording has words for the definitions of some CUE packages: what their comments say that they are, as in "a number of
// bytes" for the #Size whose comment is "Size is a number of bytes.". Who has made a mistake reads them where the name
// would tell nothing.
type wording map[string]map[string]string

// learn reads the comments of a package.
func (w wording) learn(pkg string, f *ast.File) {
	words := map[string]string{}
	for _, d := range f.Decls {
		name, _ := label(d)
		if !strings.HasPrefix(name, "#") {
			continue
		}
		for _, g := range ast.Comments(d) {
			if is, ok := strings.CutPrefix(strings.Join(strings.Fields(g.Text()), " "), name[1:]+" is "); ok {
				is, _, _ = strings.Cut(is, ". ")
				words[name] = strings.TrimSuffix(is, ".")
			}
		}
	}
	w[pkg] = words
}

// of are the words that hold in a plugin's schema.
func (w wording) of(p PluginSchema) map[string]string {
	words := maps.Clone(w[p.Name])
	for name := range p.Shared {
		maps.Copy(words, w[SharedPath(name)+"/"+name+".cue"])
	}
	return words
}
