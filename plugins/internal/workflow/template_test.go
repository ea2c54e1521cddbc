package workflow

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/devstream-io/dtm/plugins"
	"github.com/devstream-io/dtm/plugins/plugintest"
)

func TestTemplatesKnowTheirVariablesAndNothingElse(t *testing.T) {
	for _, c := range []struct{ text, delimiters, want, wrong string }{
		{"a: {{ .x }}", "{{ }}", "a: <b>&'c'", ""},
		{"a: {{ .x }}", "", "a: <b>&'c'", ""},
		{"a: [[ .x ]] {{ .Values.y }}", "[[ ]]", "a: <b>&'c' {{ .Values.y }}", ""},
		{"a: {{ .n }} {{ .yes }}", "{{ }}", "a: 1.5 true", ""},
		{"a: 1\nb: {{ .missing }}", "{{ }}", "", `line 2`},
		{"a: {{ .Values.y }}", "{{ }}", "", "map has no entry for key"},
		{"a: {{ range", "{{ }}", "", "line 1"},
		{`{{ define "x" }}{{ template "x" }}{{ end }}{{ template "x" }}`, "{{ }}", "", "exceeded maximum template depth"},
		{"{{ range .x }}{{ end }}", "{{ }}", "", "range can't iterate"},
		{`{{ printf "%2000000d" 1 }}`, "{{ }}", "", "more than 1 MiB"},
	} {
		o := GitLabTemplate{Delimiters: c.delimiters, TemplateVariables: map[string]any{"x": "<b>&'c'", "n": 1.5, "yes": true}}
		got, err := o.execute([]byte(c.text))
		if c.wrong == "" && (err != nil || string(got) != c.want) {
			t.Errorf("%q: %q, %v", c.text, got, err)
		}
		if c.wrong != "" && (err == nil || !strings.Contains(err.Error(), c.wrong)) {
			t.Errorf("%q: %v, want %s", c.text, err, c.wrong)
		}
	}
}

func TestWhatIsNoPipelineIsNotPushed(t *testing.T) {
	for text, ok := range map[string]bool{
		"a: {script: [x]}\n":                             true,
		"spec: {inputs: {x: {}}}\n---\na: {script: x}\n": true,
		"a: !reference [.b, script]\n":                   true,
		"\xef\xbb\xbfa: 1\n":                             true,
		"":                                               false,
		"# nothing\n":                                    false,
		"- a\n":                                          false,
		"a: b: c\n":                                      false,
		"a: 1\na: 2\n":                                   false,
		"a: \x00\n":                                      false,
		"a: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b]\nd: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c]\n" +
			"e: &e [*d,*d,*d,*d,*d,*d,*d,*d,*d]\nf: &f [*e,*e,*e,*e,*e,*e,*e,*e,*e]\ng: [*f,*f,*f,*f,*f,*f,*f,*f,*f]\n": false,
	} {
		content, err := Document{Text: []byte(text)}.encode("gitlabci-generic")
		if (err == nil) != ok {
			t.Errorf("%q: %v", text, err)
		}
		if err == nil {
			if _, err := parse(content); err != nil || !strings.HasPrefix(string(content), "# ") {
				t.Errorf("%q: %v", content, err)
			}
		}
	}
}

func TestTemplatesAreDownloadedWithinLimits(t *testing.T) {
	const text = "a: b\n"
	hang := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/ok":
			fmt.Fprint(w, text)
		case "/long":
			fmt.Fprint(w, strings.Repeat("x", maxTemplate+1))
		case "/half":
			w.Header().Set("Content-Length", "100")
			fmt.Fprint(w, text)
		case "/busy":
			w.WriteHeader(http.StatusServiceUnavailable)
		case "/hang":
			<-hang
		default:
			w.WriteHeader(http.StatusNotFound)
		}
	}))
	defer server.Close()
	defer close(hang)
	s := source{plugintest.Env(t.TempDir())}
	sum := fmt.Sprintf("%x", sha256.Sum256([]byte(text)))
	for _, c := range []struct {
		path, sum, wrong string
		passes           bool
	}{
		{"/ok", "", "", false},
		{"/ok", strings.ToUpper(sum), "", false},
		{"/ok", strings.Repeat("0", 64), "its SHA-256 is " + sum, false},
		{"/long", "", "more than 1 MiB", false},
		{"/half", "", "unexpected EOF", true},
		{"/busy", "", "503", true},
		{"/none", "", "404", false},
	} {
		got, err := s.read(t.Context(), server.URL+c.path+"?key=s3cret", c.sum)
		if c.wrong == "" && (err != nil || string(got) != text) {
			t.Errorf("%s: %q, %v", c.path, got, err)
		}
		if c.wrong != "" && (err == nil || !strings.Contains(err.Error(), c.wrong) || strings.Contains(err.Error(), "s3cret")) {
			t.Errorf("%s: %v, want %s", c.path, err, c.wrong)
		}
		if _, passes := plugins.RetryAfter(err); passes != c.passes {
			t.Errorf("%s: %v may pass: %t", c.path, err, passes)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.read(ctx, server.URL+"/hang", ""); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	server.CloseClientConnections()
	if _, err := s.read(t.Context(), "http://127.0.0.1:1/x?key=s3cret", ""); err == nil || strings.Contains(err.Error(), "s3cret") {
		t.Errorf("got %v", err)
	}
}

func TestTemplatesOnDiskHaveTheSameLimits(t *testing.T) {
	dir := t.TempDir()
	s := source{plugintest.Env(dir)}
	if err := os.WriteFile(filepath.Join(dir, "ci.tmpl"), []byte("a: b\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"ci.tmpl", filepath.Join(dir, "ci.tmpl")} {
		if got, err := s.read(t.Context(), path, ""); err != nil || string(got) != "a: b\n" {
			t.Errorf("%s: %q, %v", path, got, err)
		}
	}
	for _, path := range []string{".", "missing"} {
		if _, err := s.read(t.Context(), path, ""); err == nil {
			t.Errorf("%s was read", path)
		}
	}
	if _, err := short(iotest.ErrReader(errors.New("broken"))); err == nil {
		t.Error("a broken file was read")
	}
}
