// Package compat reads DevStream's YAML of every release from 0.2 to 0.12, configurations and state files, and gives what it
// read to [schema]: a [schema.Source] that [schema.Loader] checks, and the tools of a state.
//
// It is the one door to the YAML library, and nothing behind it knows that there is YAML. A file is cut into documents
// (document.go) and parsed into trees (yaml.go); which form it has is told by their keys (sections.go, later.go); then they
// are turned into [schema.Value] with a place for every part (convert.go). Everything else works on those values: apps
// become tools (apps.go), and plugins of 0.8 to 0.12 those that do their work here (rename.go). Tools of a state are renamed
// by the same functions (state_names.go), so that what is unchanged is the same in both. Only [Written] goes back to the
// trees, for what values do not say: comments, and where variables stood.
//
// Nothing that DevStream let pass and that could do harm is passed over: it is a mistake, which says what DevStream did
// (letpass.go has those that only the schema finds). What has no effect here, and loses nothing by it, is a note. No message
// tells the value of a variable, which may be a secret.
//
// DevStream filled `[[ name ]]` in the raw text, before there was YAML: a value with `: ` or `#` in it changed the
// structure, quotes came out as HTML, a password "0123" became the number 83, and every line of an error was that of a
// text which nobody had written. Here each `[[ name ]]` is replaced by a stand-in that is one plain word of the same width
// (template.go). YAML is parsed with the stand-ins in it and the values are put in afterwards, into the strings of the tree.
// So a value cannot change the structure, places are those of the user's text, comments need no care, and a scalar that
// is one variable keeps the variable's own type. What differs from DevStream: escapes in a value (`\n` inside double
// quotes) stay as they are, `1.50` does not become `1.5`, and a variable that is missing, a list or a map is an error.
package compat

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/devstream-io/dtm/schema"
)

// Read reads the DevStream configuration at path and the files that it names: the single list of 0.2 to 0.4; the core,
// variables and tools of 0.5 to 0.9, as files or as sections parted by `---`; the one file of 0.10 to 0.12, and the folder of
// such files. Names of files are relative to the folder of path, or to the current folder if they are only there. Plugins of
// 0.8 to 0.12 become those that do their work here.
//
// Plugins, instances, dependencies, options and references are not checked; [schema.Loader] does that. A configuration
// without tools is no mistake here. Mistakes are schema.Errors, as many as could be found at once; where none of them can
// be the cause of others, the Source is returned beside them, so that the caller can look for more. Once ctx is done its
// error is returned.
func Read(ctx context.Context, path string) (*schema.Source, error) {
	return ReadWith(ctx, path, "")
}

// ReadWith reads as Read does, with the variables of a file that the configuration does not name: DevStream 0.4 had it as the
// argument --var-file. The name is relative to the current folder; empty for none.
func ReadWith(ctx context.Context, path, varFile string) (*schema.Source, error) {
	r := reader{ctx: ctx, path: path, open: readFile, exists: exists, varFileArg: varFile}
	return r.readPath()
}

// readPath reads the file or the folder at the reader's path.
func (r *reader) readPath() (*schema.Source, error) {
	folder := filepath.Dir(r.path)
	info, err := os.Stat(r.path)
	isDir := err == nil && info.IsDir()
	if isDir {
		folder = r.path
	}
	dir, err := filepath.Abs(folder)
	if err != nil {
		return nil, fmt.Errorf("find the folder of %s: %w", r.path, err)
	}
	var src *schema.Source
	if isDir {
		src, err = r.readFolder()
	} else {
		var data []byte
		if data, err = readFile(r.path); err != nil {
			r.errs.Add(schema.Pos{File: r.path}, "", err.Error(), "")
			return nil, r.errs.Err()
		}
		src, err = r.read(data)
	}
	if src != nil {
		src.Dir = dir
	}
	return src, err
}

// reader reads one configuration.
type reader struct {
	notes
	ctx    context.Context
	path   string
	open   func(name string) ([]byte, error)
	exists func(name string) bool
	files  []string
	// varFileArg is the file of variables that was given beside the configuration, as DevStream 0.4 had it; empty for none.
	varFileArg string
	// asWritten leaves plugins the names that DevStream had for them.
	asWritten bool
}

func (r *reader) read(data []byte) (*schema.Source, error) {
	r.files = []string{r.path}
	parts := r.sections(r.path, data)
	if err := r.ctx.Err(); err != nil {
		return nil, err
	}
	r.lenient = parts.later == nil
	if parts.later != nil {
		if r.varFileArg != "" {
			r.refuseVarFile()
		}
		return r.done(r.later(parts.later, parts.broken))
	}
	r.usualVariables(parts)
	vars := r.variables(parts.vars)
	if r.varFileArg != "" {
		vars = r.givenVariables(parts)
	}
	if parts.broken && vars == nil {
		vars = &variables{broken: true}
	}
	core := defaultCore()
	var tools schema.Value
	switch parts.core {
	case nil:
	case parts.tools:
		tools = r.convert(parts.tools, vars)
		core = r.core(tools)
	default:
		if !r.toolsAt.IsValid() {
			r.toolsAt = parts.core.start()
		}
		core = r.core(r.convert(parts.core, &variables{fixed: "this section takes no variables: DevStream left them as text"}))
	}
	switch {
	case core.toolFile.Text != "":
		r.refuseTwoVarFiles(core)
		r.refuseInline(core, parts)
		if core.varFile.Text != "" || vars == nil || r.varFileArg == "" {
			vars = r.varFile(core.varFile)
		}
		parts.tools = r.toolFile(core.toolFile)
		tools = r.convert(parts.tools, vars)
	case core.varFile.Text != "":
		r.errs.Add(core.varFile.Pos, "varFile", "only used together with toolFile: DevStream ignored it here",
			"move the tools to a toolFile, or the variables to a section of this file")
	case parts.core != parts.tools:
		tools = r.convert(parts.tools, vars)
	}
	return r.done(core, r.tools(tools))
}

// done puts together what was read, with the plugins as they are called here.
func (r *reader) done(core coreConfig, tools []schema.SourceTool) (*schema.Source, error) {
	if !r.asWritten {
		tools = r.rename(tools, core.plugins)
	}
	if len(tools) == 0 && len(r.errs) == 0 {
		r.emptyList()
	}
	src := &schema.Source{Files: r.files, State: core.state, Keeping: core.keeping, Plugins: core.plugins, Tools: tools, Notes: r.told,
		LetPass: r.letPass()}
	if err := r.ctx.Err(); err != nil {
		return nil, err
	}
	harmless := len(r.errs) == r.harmless
	if err := r.errs.Err(); err != nil && !harmless {
		return nil, err
	} else if err != nil {
		return src, err
	}
	return src, nil
}

// refuseInline adds a mistake for every section that would be ignored because there is a toolFile.
func (r *reader) refuseInline(core coreConfig, parts sections) {
	if parts.tools != nil {
		r.errs.Add(parts.toolsAt, "tools",
			fmt.Sprintf("there is a toolFile too (%s): DevStream ignored the tools written here", core.toolFile.Pos),
			"keep one of the two")
	}
	if parts.vars != nil {
		r.errs.Add(parts.vars.start(), "",
			fmt.Sprintf("these variables are not used, because there is a toolFile (%s): DevStream ignored them", core.toolFile.Pos),
			"move them to the varFile")
	}
}

// toolFile reads the file of tools that the core names; nil if it cannot.
func (r *reader) toolFile(name schema.Text) *section {
	file, data, ok := r.named("toolFile", name)
	if !ok {
		return nil
	}
	docs := splitDocuments(file, data)
	if len(docs) == 0 {
		r.errs.Add(schema.Pos{File: file}, "", "is empty", "write `tools:` and below it a list of tools")
		return nil
	}
	s := r.single(docs, "a toolFile")
	if s == nil {
		return nil
	}
	for _, key := range s.keys() {
		if key.Value != "tools" && key.Value != "<<" {
			r.errs.Add(s.at(key), key.Value, "unknown key: a toolFile has `tools` and nothing else", suggest(key.Value, "tools"))
		}
	}
	return s
}

// single opens the only document of a file.
func (r *reader) single(docs []document, what string) *section {
	if len(docs) > 1 {
		r.errs.Add(docs[1].start(), "", fmt.Sprintf("%s has one section, here a second one begins", what), "")
	}
	return r.section(docs[0])
}

// named reads a file that the configuration names.
func (r *reader) named(key string, name schema.Text) (file string, data []byte, ok bool) {
	if r.ctx.Err() != nil {
		return "", nil, false
	}
	file = name.Text
	if !filepath.IsAbs(file) {
		beside := filepath.Join(filepath.Dir(r.path), file)
		if r.exists(beside) || !r.exists(file) {
			file = beside
		}
	}
	data, err := r.open(file)
	if err != nil {
		r.errs.Add(name.Pos, key, fmt.Sprintf("%s: %v", file, err), "")
		return "", nil, false
	}
	data, ok = r.checked(file, data)
	return file, data, ok
}

// checked is what was read of a file as text. It is not ok after a mistake.
func (r *reader) checked(file string, data []byte) (text []byte, ok bool) {
	r.files = append(r.files, file)
	text, mistake := checkText(file, data)
	if mistake != nil {
		r.errs.put(mistake)
		return nil, false
	}
	return text, true
}

func exists(name string) bool {
	_, err := os.Stat(name)
	return err == nil
}
