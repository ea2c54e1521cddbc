package compat

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// DevStream 0.7 split a file at every `---`, wherever it stood, and knew a section by its position alone.
func TestSectionsArePartedByLinesAndKnownByWhatIsInThem(t *testing.T) {
	const core, vars = "state: {backend: local, options: {stateFile: my.state}}\n", "v: val\n"
	const tools = "tools:\n- name: localfile\n  instanceID: a\n  options: {content: \"[[ v ]]\"}\n"
	const plain = "tools:\n- name: localfile\n  instanceID: a\n  options: {content: val}\n"
	const key = "tools:\n- name: localfile\n  instanceID: a\n  options:\n    content: |-\n      -----BEGIN RSA PRIVATE KEY-----\n      ---\n      -----END RSA PRIVATE KEY-----\n"
	tests := []struct{ name, text, want string }{
		{"core and tools", core + "---\n" + plain, "val"},
		{"core, variables and tools", core + "---\n" + vars + "---\n" + tools, "val"},
		{"in another order", tools + "---\n" + vars + "---\n" + core, "val"},
		{"variables first", vars + "---\n" + core + "---\n" + tools, "val"},
		{"dashes at the top", "---\n" + core + "---\n" + plain, "val"},
		{"comment before dashes at the top", "# a comment\n\n---\n" + core + "---\n" + plain, "val"},
		{"dashes at the end", core + "---\n" + plain + "---\n", "val"},
		{"dashes at the end without a line", core + "---\n" + plain + "---", "val"},
		{"dashes twice", core + "---\n---\n" + plain, "val"},
		{"a section of comments", core + "---\n# nothing\n---\n" + plain, "val"},
		{"comment behind dashes", core + "--- # tools\n" + plain, "val"},
		{"blanks behind dashes", core + "---  \t\n" + plain, "val"},
		{"end of a document", core + "...\n---\n" + plain + "...\n", "val"},
		{"directive", "%YAML 1.2\n---\n" + core + "---\n" + plain, "val"},
		{"ends of lines of Windows", strings.ReplaceAll(core+"---\n"+vars+"---\n"+tools, "\n", "\r\n"), "val"},
		{"byte order mark", "\ufeff---\n" + core + "---\n" + plain, "val"},
		{"dashes in a comment", "# ------ core ---\n" + core + "# ---\n---\n" + plain + "# ---\n  # ------\n", "val"},
		{"dashes in a string", core + "---\n" + strings.ReplaceAll(plain, "val", "'a --- b---'"), "a --- b---"},
		{"dashes in a plain text", core + "---\n" + strings.ReplaceAll(plain, "val", "a --- b"), "a --- b"},
		{"dashes in a variable", core + "---\nv: a---b\n---\n" + tools, "a---b"},
		{"a key", core + "---\n" + key, "-----BEGIN RSA PRIVATE KEY-----\n---\n-----END RSA PRIVATE KEY-----"},
		{"dashes in a string of two lines", core + "---\n" + strings.ReplaceAll(plain, "val", "\"a\n   ---\n   b\""), "a --- b"},
		{"everything in one section", core + plain, "val"},
		{"tools alone", plain, "val"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			src, err := read(test.text)
			if err != nil {
				t.Fatalf("%v in\n%s", err, test.text)
			}
			if got := src.Tools[0].Options.Fields[0].Value.Text; got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
			if strings.Contains(test.text, "my.state") && src.State.StateFile != "my.state" {
				t.Errorf("got the state %+v", src.State)
			}
		})
	}
}

// What is wrong is told at its line, however the sections are parted.
func TestPlacesCountFromTheTopOfTheFile(t *testing.T) {
	for name, start := range map[string]string{
		"sections": "# c\n---\nstate: {}\n---\nv: 1\n--- # c\n", "windows": "state: {}\r\n---\r\nv: 1\r\n---\r\n", "mark": "\ufeffstate: {}\n---\nv: 1\n---\n",
		"end of a document": "state: {}\n...\n---\nv: 1\n---\n",
	} {
		_, err := read(start + "tools:\n- name: [[ x ]]\n")
		want := fmt.Sprintf("tools[0].name: variable `x` is not defined: DevStream put nothing in its place (known are v): config.yaml:%d:9", 2+strings.Count(start, "\n"))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %s", name, err, want)
		}
	}
}

// The sources that count where there are several (DevStream ignored the others), and what may be left out.
func TestAFileMayLeaveOutWhatHasADefault(t *testing.T) {
	const tool = "[{name: localfile, instanceID: a}]"
	for name, test := range map[string]struct {
		files string
		want  string
	}{
		"no state (0.5; 0.7 refused it)":             {"-- config.yaml --\nvarFile:\ntoolFile: \"\"\n---\ntools: " + tool + "\n", "local devstream.state 1 tools"},
		"no state in 0.12, where it crashed":         {"-- config.yaml --\nconfig:\ntools: " + tool + "\n", "local devstream.state 1 tools"},
		"empty config in 0.12":                       {"-- config.yaml --\nconfig: {}\ntools: " + tool + "\n", "local devstream.state 1 tools"},
		"no stateFile":                               {"-- config.yaml --\nstate: {backend: local}\n---\ntools: " + tool + "\n", "local devstream.state 1 tools"},
		"toolFile without varFile":                   {"-- config.yaml --\nstate: {backend: local}\ntoolFile: t.yaml\n-- t.yaml --\ntools: " + tool + "\n", "local devstream.state 1 tools"},
		"tool file that is a section with `---`":     {"-- config.yaml --\ntoolFile: t.yaml\n-- t.yaml --\n---\ntools: " + tool + "\n", "local devstream.state 1 tools"},
		"S3":                                         {"-- config.yaml --\nstate: {backend: s3, options: {bucket: b, region: r, key: k}}\n---\ntools: " + tool + "\n", "s3  1 tools"},
		"plugin folder of 0.9":                       {"-- config.yaml --\npluginDir: ~/x\nstate: {backend: local}\n---\ntools: " + tool + "\n", "local devstream.state 1 tools; config.yaml:1:1 plugins are built in: nothing is looked for there"},
		"no tools":                                   {"-- config.yaml --\nstate: {backend: local}\n---\ntools: []\n", "local devstream.state 0 tools; config.yaml:3:1 there are no tools: DevStream deleted all that it had made; `dtm apply` does that with --allow-empty only"},
		"null tools":                                 {"-- config.yaml --\ntoolFile: t.yaml\n-- t.yaml --\n# c\ntools:\n", "local devstream.state 0 tools; t.yaml:2:1 there are no tools: DevStream deleted all that it had made; `dtm apply` does that with --allow-empty only"},
		"no tools in 0.12":                           {"-- config.yaml --\nconfig: {}\ntools:\n", "local devstream.state 0 tools; config.yaml:2:1 there are no tools: DevStream deleted all that it had made; `dtm apply` does that with --allow-empty only"},
		"blank dependencies, and a tool without any": {"-- config.yaml --\ntools: [{name: localfile, instanceID: a, dependsOn: [' ', ''], options: }]\n", "local devstream.state 1 tools"},
	} {
		t.Run(name, func(t *testing.T) {
			src := readArchive(t, test.files)
			got := fmt.Sprintf("%s %s %d tools", src.State.Backend, src.State.StateFile, len(src.Tools))
			for _, n := range src.Notes {
				got += fmt.Sprintf("; %s %s", n.Pos, n.Msg)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

func TestMoreSectionsThanAnybodyWritesAreRefused(t *testing.T) {
	_, err := read(strings.Repeat("---\na: b\n", 2000))
	if err == nil || !strings.Contains(err.Error(), "more than 1000 sections: no more are read: config.yaml:2002:1") {
		t.Errorf("got %.300v", err)
	}
}

func TestNoMoreMistakesAreToldThanAnybodyReads(t *testing.T) {
	_, err := read("tools: [" + strings.Repeat("abcde, ", 5000) + "]\n")
	if err == nil || strings.Count(err.Error(), "\n") != maxMistakes || !strings.Contains(err.Error(), "more than 1000 mistakes: no more are told") {
		t.Errorf("got %.300v", err)
	}
}
