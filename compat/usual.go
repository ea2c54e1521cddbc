package compat

import (
	"path/filepath"

	"github.com/devstream-io/dtm/schema"
)

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
		if file != r.path && r.exists(file) {
			r.varFileArg = file
			return
		}
	}
}

// refuseTwoVarFiles adds a mistake for a file of variables that would not be used, because the configuration names another.
func (r *reader) refuseTwoVarFiles(core coreConfig) {
	if r.varFileArg != "" && core.varFile.Text != "" {
		r.errs.Add(schema.Pos{File: r.varFileArg}, "", "is not used: the configuration names its own varFile ("+core.varFile.Pos.String()+")", "leave --var-file out")
	}
}
