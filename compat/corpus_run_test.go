package compat

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/devstream-io/dtm/schema"
)

// corpusRun goes through the corpus.
type corpusRun struct {
	root, want string
	rules      []corpusRule
	loader     *schema.Loader
	// toys is for golden/, whose plugins were toys.
	toys   *schema.Loader
	counts map[string]int
	// classes counts what files were refused for that the reference called valid.
	classes map[string]int
}

// corpusRule says what the reference made of files.
type corpusRule struct {
	pattern, verdict string
	words            []string
	used             bool
}

func newCorpusRun(t *testing.T) *corpusRun {
	t.Helper()
	want, err := filepath.Abs("testdata/corpus.want")
	if err != nil {
		t.Fatal(err)
	}
	run := &corpusRun{root: corpus(t), want: want, loader: builtIn(t), toys: toyLoader(t), counts: map[string]int{}, classes: map[string]int{}}
	data, err := os.ReadFile("testdata/corpus.there")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(data)) {
		if words := strings.Fields(line); len(words) > 1 && words[0][0] != '#' {
			run.rules = append(run.rules, corpusRule{pattern: words[0], verdict: words[1], words: words[2:]})
		}
	}
	return run
}

// toyLoader knows the toys that golden/ was made with.
func toyLoader(t *testing.T) *schema.Loader {
	t.Helper()
	var all []schema.PluginSchema
	for _, name := range []string{"localfile", "tool-b", "tool-c"} {
		all = append(all, schema.PluginSchema{Name: name, CUE: "package toy\n#Options: {...}\n#Outputs: {...}\n#Sample: #Options\n"})
	}
	loader, err := schema.NewLoader(all)
	if err != nil {
		t.Fatal(err)
	}
	return loader
}

// rule is what the reference made of a file. `*` stands for anything, slashes too.
func (run *corpusRun) rule(t *testing.T, path string) corpusRule {
	t.Helper()
	for i, r := range run.rules {
		pattern := "^" + strings.ReplaceAll(regexp.QuoteMeta(r.pattern), `\*`, ".*") + "$"
		if regexp.MustCompile(pattern).MatchString(path) {
			run.rules[i].used = true
			return r
		}
	}
	t.Errorf("%s: testdata/corpus.there does not say what the reference made of it", path)
	return corpusRule{verdict: "valid"}
}

// checkAll finds what nothing was found for.
func (run *corpusRun) checkAll(t *testing.T) {
	t.Helper()
	for _, r := range run.rules {
		if !r.used {
			t.Errorf("testdata/corpus.there: no file fits %s", r.pattern)
		}
	}
	// One of them is refused: its options stand beside `options`, which DevStream ignored.
	if n := run.counts["equal to what the reference expanded"]; n != run.counts["there: oracle"]-1 {
		t.Errorf("%d files are equal to what the reference expanded, of %d", n, run.counts["there: oracle"])
	}
	if n := run.counts["equal to what the reference recorded"]; n < 11 {
		t.Errorf("%d files are equal to what the reference recorded", n)
	}
}

// file is the entry of one file.
func (run *corpusRun) file(t *testing.T, path string) string {
	t.Helper()
	rule := run.rule(t, path)
	run.counts["files"]++
	run.counts["there: "+rule.verdict]++
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n  there: %s\n", path, strings.TrimSpace(rule.verdict+" "+strings.Join(rule.words, " ")))
	if rule.verdict == "data" || rule.verdict == "oracle" {
		return b.String()
	}
	loader := run.loader
	if strings.HasPrefix(path, "golden/") {
		loader = run.toys
	}
	src, form, err := run.read(t, path, rule)
	fmt.Fprintf(&b, "  form: %s\n", form)
	run.counts["form "+form]++
	if err == nil {
		var ids []string
		for _, tool := range src.Tools {
			ids = append(ids, string(schema.MakeID(tool.Plugin.Text, tool.Instance.Text)))
		}
		fmt.Fprintf(&b, "  here: %d tools: %s\n", len(ids), strings.Join(ids, " "))
		for _, note := range src.Notes {
			run.counts["notes"]++
			fmt.Fprintf(&b, "  note %s: %s: %s\n", at(note.Pos), note.Path, note.Msg)
		}
		_, err = loader.Check(t.Context(), src)
	}
	valid, result := rule.verdict != "error" && rule.verdict != "part", "runs"
	if err == nil {
		b.WriteString(run.compare(t, path))
		if !valid && rule.verdict == "error" && !strings.Contains(strings.Join(rule.words, " "), "; here ") {
			t.Errorf("%s: not valid there, and it runs here: testdata/corpus.there does not say why", path)
		}
	} else {
		result = "refused"
		b.WriteString(run.refused(t, path, err, valid))
	}
	if valid {
		run.counts["valid there, "+result+" here"]++
	} else {
		run.counts["not valid there, "+result+" here"]++
	}
	b.WriteString(run.alone(t, path, rule))
	return b.String()
}

// alone is what becomes of a fragment without what it lacks, which the reference refused.
func (run *corpusRun) alone(t *testing.T, path string, rule corpusRule) string {
	t.Helper()
	if !slices.Contains([]string{"core", "config", "variables", "varfile", "files"}, rule.verdict) {
		return ""
	}
	run.counts["fragments"]++
	src, err := Read(t.Context(), path)
	if err == nil {
		_, err = run.loader.Check(t.Context(), src)
	}
	if err == nil {
		run.counts["fragments that run alone here"]++
		return "  alone: runs\n"
	}
	var errs schema.Errors
	if !errors.As(err, &errs) || len(errs) == 0 {
		t.Errorf("%s: %v is not a mistake in the configuration", path, err)
		return ""
	}
	return fmt.Sprintf("  alone: refused: %s\n", errs[0])
}

// read reads a file as the reference could: with what a fragment lacks behind it, so that places stay. Files of golden/ get
// the names that they had.
func (run *corpusRun) read(t *testing.T, path string, rule corpusRule) (src *schema.Source, form string, err error) {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if strings.HasPrefix(path, "golden/") {
		return run.readGolden(t, path, data)
	}
	more := ""
	switch isLater := strings.HasPrefix(path, "configs/0.12.0"); {
	case rule.verdict == "varfile":
		src, err = ReadWith(t.Context(), path, filepath.Join(filepath.Dir(path), rule.words[0]))
		return src, formOf(t, path, data), err
	case rule.verdict == "core":
		more = "\n---\nstate: {backend: local}\n"
	case rule.verdict == "files":
		more = "\n"
	case rule.verdict == "config" && !regexp.MustCompile(`(?m)^config:`).Match(data):
		more = "\nconfig: {state: {backend: local}}\n"
	case rule.verdict == "variables" && isLater:
		more = "\nconfig: {state: {backend: local}}\nvars: {" + strings.Join(rule.words, ": x, ") + ": x}\n"
	case rule.verdict == "variables":
		more = "\n---\nstate: {backend: local}\n---\n" + strings.Join(rule.words, ": x\n") + ": x\n"
	default:
		src, err = Read(t.Context(), path)
		return src, formOf(t, path, data), err
	}
	data = append(data, more...)
	r := reader{ctx: t.Context(), path: path, open: readFile, exists: exists}
	if rule.verdict == "files" {
		// The article has the files that the documentation's blocks name.
		elsewhere := func(name string) string { return filepath.Join(rule.words[0], filepath.Base(name)) }
		r.open = func(name string) ([]byte, error) { return readFile(elsewhere(name)) }
		r.exists = func(name string) bool { return exists(elsewhere(name)) }
	}
	src, err = r.read(data)
	return src, formOf(t, path, data), err
}

// formOf names the form that a file was taken for.
func formOf(t *testing.T, path string, data []byte) string {
	t.Helper()
	r := reader{ctx: t.Context(), path: path}
	parts := r.sections(path, data)
	switch {
	case parts.later != nil:
		return "0.10-0.12"
	case parts.core == nil && parts.vars == nil && parts.tools == nil:
		return "none"
	case parts.core == nil && parts.tools == nil:
		return "variables"
	case parts.tools != nil:
		tools := get(r.convert(parts.tools, &variables{broken: true}), "tools").Items
		if slices.ContainsFunc(tools, func(v schema.Value) bool { return has(v, "plugin") && !has(v, "instanceID") }) {
			return "0.2-0.4"
		}
	}
	if parts.core == nil && parts.vars == nil {
		return "tools alone"
	}
	return "0.5-0.9"
}

// compare compares a file with what the reference expanded of it, where that is known.
func (run *corpusRun) compare(t *testing.T, path string) string {
	t.Helper()
	if strings.HasPrefix(path, "golden/") {
		return ""
	}
	want, name := expanded(t, path)
	if name == "" {
		return ""
	}
	if diff := cmp.Diff(want, asTheReference(t, path)); diff != "" {
		t.Errorf("%s (-reference +ours)\n%s", path, diff)
		return ""
	}
	run.counts["equal to what the reference expanded"]++
	return "  equal to " + filepath.ToSlash(name) + "\n"
}

func (run *corpusRun) totals() string {
	var b strings.Builder
	list := func(title string, counts map[string]int) {
		names := make([]string, 0, len(counts))
		for name := range counts {
			names = append(names, name)
		}
		slices.Sort(names)
		b.WriteString(title + "\n")
		for _, name := range names {
			fmt.Fprintf(&b, "  %d %s\n", counts[name], name)
		}
	}
	list("totals", run.counts)
	list("files that were valid there and are refused here, by reason", run.classes)
	return b.String()
}
