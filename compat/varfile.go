package compat

import (
	"fmt"
	"path/filepath"

	"github.com/devstream-io/dtm/schema"
)

// varFile reads the file of variables that the core names; nil if there is none.
func (r *reader) varFile(name schema.Text) *variables {
	if name.Text == "" {
		return nil
	}
	file, data, ok := r.named("varFile", name)
	if !ok {
		return &variables{broken: true}
	}
	return r.variablesIn(file, data)
}

// givenVariables reads the file of variables that was given beside the configuration.
func (r *reader) givenVariables(parts sections) *variables {
	file := r.varFileArg
	if parts.vars != nil {
		r.errs.Add(parts.vars.start(), "", "there is a file of variables besides ("+file+")", "keep one of the two")
	}
	data, err := r.open(file)
	if err != nil {
		r.errs.Add(schema.Pos{File: file}, "", err.Error(), "")
		return &variables{broken: true}
	}
	data, ok := r.checked(file, data)
	if !ok {
		return &variables{broken: true}
	}
	return r.variablesIn(file, data)
}

// variablesIn are the variables in a file that has nothing else.
func (r *reader) variablesIn(file string, data []byte) *variables {
	docs := splitDocuments(file, data)
	if len(docs) == 0 {
		return &variables{}
	}
	if vars := r.variables(r.single(docs, "a file of variables")); vars != nil {
		return vars
	}
	return &variables{broken: true}
}

// usualVarFile is the file of variables that DevStream 0.4 took where --var-file named no other, if it was there.
const usualVarFile = "variables.yaml"

// usualVariables takes the usual file of variables for a list of 0.4 that has `[[ ]]` in it. The files of other forms name
// theirs, or have their variables in them.
func (r *reader) usualVariables(parts sections) {
	if r.varFileArg != "" || parts.broken || parts.core != nil || parts.vars != nil || parts.tools == nil ||
		len(parts.tools.template.marks) == 0 || !hasPlugin([]*section{parts.tools}) {
		return
	}
	for _, file := range []string{filepath.Join(filepath.Dir(r.path), usualVarFile), usualVarFile} {
		if filepath.Clean(file) != filepath.Clean(r.path) && r.exists(file) {
			r.varFileArg = file
			return
		}
	}
}

// refuseTwoVarFiles adds a mistake for a file of variables that would not be used, because the configuration names another.
func (r *reader) refuseTwoVarFiles(core coreConfig) {
	if r.varFileArg != "" && core.varFile.Text != "" {
		r.errs.Add(schema.Pos{File: r.varFileArg}, "", fmt.Sprintf("is not used: the configuration names its own varFile (%s)", core.varFile.Pos), "leave --var-file out")
	}
}

// refuseVarFile adds a mistake for a file of variables that nobody would use.
func (r *reader) refuseVarFile() {
	r.errs.Add(schema.Pos{File: r.varFileArg}, "", "is not used: the configuration has its variables below `vars`", "move them there")
}
