package schema

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// thingCUE is a plugin with every kind of field.
const thingCUE = `// Thing is for tests.
package thing

#Options: {
	// The name.
	name!: string & !=""
	// How many.
	count: *1 | int & >0
	// Who may.
	token?: string @secret()
	// Where.
	place: {
		city:    *"here" | string @replace()
		street?: string
	}
	// Which.
	labels: [string]: string
	// What.
	list: [...{item!: string, secret?: string @secret()}]
}

#Outputs: {
	url: string
	info: {host: string, port: int}
}

#Sample: #Options & {name: "a"}
`

const fileCUE = `package localfile

#Options: {
	// The file.
	filename!: string & !=""
	// What is in it.
	content: *"" | string
	// Octal permissions.
	mode: *"0644" | =~"^0?[0-7]{3}$"
}

#Outputs: {
	filename: string
	path: string
	sha256: string
}

#Sample: #Options & {filename: "hello.txt"}
`

func testLoader(t testing.TB) *Loader {
	t.Helper()
	l, err := NewLoader([]PluginSchema{{Name: "thing", CUE: thingCUE}, {Name: "localfile", CUE: fileCUE}})
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// Every file in testdata/load holds a toolchain, and under "want" what it becomes or what is wrong with it.
func TestLoad(t *testing.T) {
	files, err := filepath.Glob("testdata/load/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatal("no test data", err)
	}
	wd, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	l := testLoader(t)
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			ar, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			dir := t.TempDir()
			t.Chdir(dir)
			var want string
			for _, f := range ar.Files {
				if f.Name == "want" {
					want = string(f.Data)
					continue
				}
				write(t, f.Name, string(f.Data))
			}
			path, tags := ".", []string(nil)
			for _, line := range strings.Split(string(ar.Comment), "\n") {
				if p, ok := strings.CutPrefix(line, "path: "); ok {
					path = p
				}
				if p, ok := strings.CutPrefix(line, "tag: "); ok {
					tags = append(tags, p)
				}
			}
			config, err := l.Load(context.Background(), path, tags)
			got := show(config, err)
			if *update {
				t.Chdir(wd)
				ar.Files = append(ar.Files[:len(ar.Files)-1], txtar.File{Name: "want", Data: []byte(got)})
				if err := os.WriteFile(file, txtar.Format(ar), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("-want +got\n%s", diff)
			}
		})
	}
}

func write(t testing.TB, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func show(config *Config, err error) string {
	if err != nil {
		var errs Errors
		if !errors.As(err, &errs) {
			return "plain error: " + err.Error() + "\n"
		}
		return errs.Error() + "\n"
	}
	var b strings.Builder
	for _, t := range config.Tools {
		fmt.Fprintf(&b, "%s needs %v at %s\n  %s\n", t.ID, t.Needs(), t.Pos, t.Options)
		for _, r := range t.References {
			fmt.Fprintf(&b, "  %s = %s\n", r.Path, r)
		}
		if !t.Lifecycle.Equal(DefaultLifecycle()) {
			fmt.Fprintf(&b, "  lifecycle %+v\n", t.Lifecycle)
		}
	}
	fmt.Fprintf(&b, "state %s %s\n", config.State.Backend, config.State.StateFile)
	if config.State.Retention != DefaultRetention {
		fmt.Fprintf(&b, "keeps %d runs\n", config.State.Retention)
	}
	if e := config.State.Encryption; e.IdentityEnv+e.PassphraseEnv != "" {
		fmt.Fprintf(&b, "encrypted %+v\n", e)
	}
	fmt.Fprintf(&b, "files %v\n", config.Files)
	return b.String()
}
