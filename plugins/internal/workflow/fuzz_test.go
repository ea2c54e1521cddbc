package workflow

import (
	"strings"
	"testing"
	"unicode/utf8"
)

// FuzzTextStaysText puts text where commands and names go: it is there when the file is read again, and nothing else is.
func FuzzTextStaysText(f *testing.F) {
	for _, s := range []string{"go build ./...", "a\nb\n", "\ta: b\n - c", "x: ${{ y }}", "- a\n\n", "\"'`<>&", "%TAG ! x", "---\n...\n", "a\r\nb", " \n", "0x1", "\u2028", "!!str x", "# no"} {
		f.Add(s, s)
	}
	f.Fuzz(func(t *testing.T, command, name string) {
		if !utf8.ValidString(command) || !utf8.ValidString(name) || strings.ContainsFunc(command+name, func(r rune) bool { return r < ' ' && r != '\n' && r != '\t' && r != '\r' }) {
			return // a string in JSON, or in a configuration, is never so
		}
		o := Actions{
			Owner: "acme", Repo: "hello", Branch: name, Runner: []string{name}, TimeoutMinutes: 1, Language: Language{Versions: []string{name, command}},
			Build: Step{true, command}, Test: Test{true, command, Coverage{true, name, name}}, Secrets: map[string]string{"A": name},
			Docker: Publish{Docker: Docker{true, Registry{Username: name, URL: name, Repository: name}, name, name}},
		}
		document, err := golang().render(o, "dtm-go.yml")
		if err != nil {
			t.Fatal(err)
		}
		content, err := document.encode("githubactions-golang")
		if err != nil {
			t.Fatalf("%q %q: %v", command, name, err)
		}
		data, err := parse(content)
		if err != nil {
			t.Fatal(err)
		}
		if len(data) != 6 || len(data["jobs"].(map[string]any)) != 4 {
			t.Errorf("%q %q makes more than it is:\n%s", command, name, content)
		}
		build := data["jobs"].(map[string]any)["build"].(map[string]any)
		steps := build["steps"].([]any)
		if got := steps[len(steps)-1].(map[string]any)["run"]; got != command {
			t.Errorf("%q became %q", command, got)
		}

		p := GitLabGo{GitLab: GitLab{PathWithNamespace: "a/b", Branch: name}, Image: name, Build: Step{true, command}, Test: Test{true, command, Coverage{true, name, name}}}
		if document, err = p.render(); err != nil {
			t.Fatal(err)
		}
		if _, err = document.encode("gitlabci-golang"); err != nil {
			t.Fatalf("%q %q: %v", command, name, err)
		}
	})
}

// FuzzTemplate fills in what anybody may write: what comes out is YAML, or an error.
func FuzzTemplate(f *testing.F) {
	f.Add("a: {{ .x }}", "{{ }}", "1")
	f.Add("a: [[ .x ]] {{ .Values }}", "[[ ]]", "a: b")
	f.Add("{{ range .x }}a{{ end }}", "", "")
	f.Add("{{define \"template\"}}{{template \"template\"}}{{end}}{{template \"template\"}}", "{{ }}", "")
	f.Fuzz(func(t *testing.T, text, delimiters, value string) {
		o := GitLabTemplate{Delimiters: delimiters, TemplateVariables: map[string]any{"x": value}}
		rendered, err := o.execute([]byte(text))
		if err != nil {
			return
		}
		content, err := Document{Text: rendered}.encode("gitlabci-generic")
		if err != nil {
			return
		}
		if _, err := parse(content); err != nil {
			t.Errorf("%q was YAML without its first line: %v", content, err)
		}
	})
}
