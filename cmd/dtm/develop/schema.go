package develop

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/devstream-io/dtm/plugins"
	"github.com/devstream-io/dtm/schema"
)

var packageClause = regexp.MustCompile(`(?m)^package [a-zA-Z][a-zA-Z0-9_]*\b`)

// checkSchema says what is wrong with the text of a schema.cue. The loader knows just that plugin; it is nil where the text
// is not to be used.
func checkSchema(ctx context.Context, plugin, text string, shared map[string]string) (*schema.Loader, []error) {
	var wrong []error
	say := func(err error) {
		if err != nil {
			wrong = append(wrong, fmt.Errorf("schema.cue: %w", err))
		}
	}
	if !packageClause.MatchString(text) {
		say(plugins.Hinted(errors.New("it has no package clause"), "write `package "+packageName(plugin)+"` above #Options"))
	}
	for _, definition := range []string{"#Options", "#Outputs", "#Sample"} {
		if !regexp.MustCompile(`(?m)^` + definition + `\s*:`).MatchString(text) {
			say(plugins.Hinted(fmt.Errorf("it has no %s", definition), purpose[definition]))
		}
	}
	if len(wrong) > 0 {
		return nil, wrong
	}
	loader, err := schema.NewLoader([]schema.PluginSchema{{Name: plugin, CUE: text, Shared: shared}})
	if err == nil {
		err = loader.Verify()
	}
	if err != nil {
		say(err)
		return nil, wrong
	}
	definition := loader.Definition(plugin)
	if definition.Doc == "" {
		say(plugins.Hinted(errors.New("its package has no comment"), "say in a sentence above the package clause what the plugin manages"))
	}
	for _, path := range uncommented("#Options", definition.Options) {
		say(plugins.Hinted(fmt.Errorf("%s has no comment", path), "say above it what it is, with its unit if it has one"))
	}
	for _, path := range uncommented("#Outputs", definition.Outputs) {
		say(plugins.Hinted(fmt.Errorf("%s has no comment", path), "say above it what it is, with its unit if it has one"))
	}
	if len(definition.Outputs) == 0 {
		say(plugins.Hinted(errors.New("#Outputs is empty"), "name what other tools may refer to, if only what it is called"))
	}
	for _, err := range checkSample(ctx, loader, plugin) {
		say(err)
	}
	return loader, wrong
}

// purpose is what each definition is for.
var purpose = map[string]string{
	"#Options": "it is what the user asks for",
	"#Outputs": "it is what other tools may refer to",
	"#Sample":  "it is what `dtm show config` shows: #Options with the required ones filled in",
}

// uncommented are the paths of the fields that have no comment. The elements of a list and the values of a map need none.
func uncommented(path string, fields []schema.FieldDefinition) []string {
	var paths []string
	for _, f := range fields {
		at := path + "." + f.Name
		switch f.Name {
		case "[]":
			at = path + "[]"
		case "*":
		default:
			if f.Doc == "" {
				paths = append(paths, at)
			}
		}
		paths = append(paths, uncommented(at, f.Fields)...)
	}
	return paths
}

// checkSample reads the sample as a toolchain.
func checkSample(ctx context.Context, loader *schema.Loader, plugin string) (wrong []error) {
	var text bytes.Buffer
	if err := loader.SampleCUE(&text, []string{plugin}); err != nil {
		return []error{fmt.Errorf("#Sample: %w", err)}
	}
	dir, err := os.MkdirTemp("", "dtm")
	if err != nil {
		return []error{err}
	}
	defer func() {
		if err := os.RemoveAll(dir); err != nil {
			wrong = append(wrong, err)
		}
	}()
	file := filepath.Join(dir, "sample.cue")
	if err := os.WriteFile(file, text.Bytes(), 0o600); err != nil {
		return []error{err}
	}
	if _, err := loader.Load(ctx, file, nil); err != nil {
		// The places are those of a file that nobody sees.
		var mistakes schema.Errors
		if errors.As(err, &mistakes) {
			var all []error
			for _, m := range mistakes {
				// A sample may use another tool, which is not in it.
				if strings.Contains(m.Msg, "refers to a tool that is not in the configuration") {
					continue
				}
				all = append(all, fmt.Errorf("#Sample does not fit #Options: %s: %s", m.Path, m.Msg))
			}
			return all
		}
		return []error{fmt.Errorf("#Sample: %w", err)}
	}
	return nil
}
