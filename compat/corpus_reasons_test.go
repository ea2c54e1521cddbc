package compat

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/devstream-io/dtm/schema"
)

// reasons are what a file may be refused for that the reference called valid. Everything else is a bug here.
func reasons() []struct{ class, pattern string } {
	return []struct{ class, pattern string }{
		{"a plugin that does not exist here", `there is no plugin \S+ here|there is no plugin for \S+ here|the type of pipelineTemplate`},
		{"a secret in clear", `a secret in clear`},
		{"a secret from another variable", `the plugin here reads \$\w+, not \$`},
		{"a placeholder that is no value", `YOUR_|JIRA_PROJECT_KEY|RELEASE_NAME|LANGUAGE\b|"zzz"|changeme-001`},
		{"a dependency that is not there", `there is no tool |refers to a tool that is not in the configuration|key that .* does not have|does not have the output`},
		{"an option that nothing here does the work of", `has no counterpart here|not taken from elsewhere|and nothing of this|nothing here (tells|scans)`},
		{"a key that DevStream ignored", `unknown key|unknown option`},
		{"a variable that is missing", `is not defined`},
		{"a tool that is there twice", `is written twice`},
		{"a URL without its scheme", `does not say how to reach the host`},
		{"an ID that is none", `is not an instance name`},
	}
}

// refused is the entry of a file that is not read. Each mistake of one that the reference called valid has a class.
func (run *corpusRun) refused(t *testing.T, path string, err error, classify bool) string {
	t.Helper()
	var errs schema.Errors
	if !errors.As(err, &errs) {
		t.Errorf("%s: %v is not a mistake in the configuration", path, err)
		return ""
	}
	var b strings.Builder
	counted := map[string]bool{}
	for _, e := range errs {
		class := ""
		for _, r := range reasons() {
			if class == "" && regexp.MustCompile(r.pattern).MatchString(e.Error()) {
				class = r.class
			}
		}
		switch {
		case !classify:
			fmt.Fprintf(&b, "  refused: %s\n", e)
			continue
		case class == "":
			t.Errorf("%s: the reference called it valid, and it is refused for no reason that is known: %s", path, e)
		case !counted[class]:
			counted[class] = true
			run.classes[class]++
		}
		fmt.Fprintf(&b, "  refused [%s]: %s\n", class, e)
	}
	return b.String()
}
