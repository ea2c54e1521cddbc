package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"hash/crc32"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/devstream-io/dtm/cmd/dtm/parts"
	"github.com/devstream-io/dtm/plugins/all"
)

var update = flag.Bool("update", false, "rewrite the golden parts of the scripts")

func TestMain(m *testing.M) {
	// The race detector sleeps for a second at the end of every process, in case a race comes late; dtm's goroutines have
	// ended by then.
	if err := os.Setenv("GORACE", "atexit_sleep_ms=0"); err != nil {
		panic(err)
	}
	testscript.Main(m, map[string]func(){"dtm": main, "dtm-that-hangs": hangingMain, "dtm-with-a-safe": safeMain, "dtm-with-a-crane": craneMain})
}

// Everything that a user can see is said by the scripts: each begins with a comment on what must hold. The commands that
// they have beside testscript's own are those of scriptCommands, clusterCommands, serviceCommands, dockerCommands,
// pluginCommands and developCommands.
func TestDtmDoesWhatTheScriptsSay(t *testing.T) {
	runScripts(t, filepath.Join("testdata", "script"))
}

// runScripts runs the scripts in dir, several at the same time. They are done when t is.
func runScripts(t *testing.T, dir string) {
	t.Helper()
	commands := maps.Clone(scriptCommands)
	maps.Copy(commands, clusterCommands)
	maps.Copy(commands, serviceCommands())
	maps.Copy(commands, dockerCommands)
	maps.Copy(commands, pluginCommands)
	maps.Copy(commands, developCommands)
	testscript.Run(t, testscript.Params{
		Dir: dir,
		Setup: func(env *testscript.Env) error {
			env.Values[tbKey{}] = env.T()
			env.Values[servicesKey{}] = new(services)
			env.Setenv("TZ", "UTC")
			env.Setenv("GORACE", os.Getenv("GORACE"))
			env.Setenv("CUE_REGISTRY", "none")
			env.Setenv("CUE_CACHE_DIR", filepath.Join(env.WorkDir, ".tmp", "cue"))
			return nil
		},
		Cmds:                commands,
		UpdateScripts:       *update,
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
	})
}

type tbKey struct{}

func tb(ts *testscript.TestScript) testing.TB { return ts.Value(tbKey{}).(testing.TB) }

// The commands of the scripts. None may be negated unless it says so.
var scriptCommands = map[string]func(ts *testscript.TestScript, neg bool, args []string){
	// exits CODE PROGRAM [ARG...]: like exec, but the exit code is just this one.
	"exits": func(ts *testscript.TestScript, _ bool, args []string) {
		want, err := strconv.Atoi(args[0])
		ts.Check(err)
		if got := exitCode(ts, ts.Exec(args[1], args[2:]...)); got != want {
			ts.Fatalf("the exit code is %d, not %d", got, want)
		}
	},
	// holds FILE TEXT: the file has these bytes. [!]
	"holds": func(ts *testscript.TestScript, neg bool, args []string) {
		if strings.Contains(ts.ReadFile(args[0]), args[1]) == neg {
			ts.Fatalf("%s: %q is there: %t", args[0], args[1], neg)
		}
	},
	// run NAME: the variable NAME is the ID of the newest run.
	"run": func(ts *testscript.TestScript, _ bool, args []string) {
		ts.Check(ts.Exec("dtm", "history", "-n", "1", "-o", "json"))
		var doc runsDocument
		ts.Check(json.Unmarshal([]byte(ts.ReadFile("stdout")), &doc))
		if len(doc.Runs) != 1 {
			ts.Fatalf("there are %d runs", len(doc.Runs))
		}
		ts.Setenv(args[0], doc.Runs[0].ID)
	},
	// tidy FILE TO: writes to TO what is in FILE, with words for what is different each time. See tidy.
	"tidy": func(ts *testscript.TestScript, _ bool, args []string) {
		text := tidy(ts.ReadFile(args[0]), ts.Getenv("WORK"))
		ts.Check(os.WriteFile(ts.MkAbs(args[1]), []byte(text), 0o644))
	},
	// replace FILE OLD NEW: edits a file; OLD is there just once.
	"replace": func(ts *testscript.TestScript, _ bool, args []string) {
		text := ts.ReadFile(args[0])
		if n := strings.Count(text, args[1]); n != 1 {
			ts.Fatalf("%s has %q %d times", args[0], args[1], n)
		}
		ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(strings.ReplaceAll(text, args[1], args[2])), 0o644))
	},
	// json FILE PATH VALUE: the JSON document has the JSON value at the path, as in changes.0.id; "count" is how many items a list has.
	"json": func(ts *testscript.TestScript, _ bool, args []string) {
		var doc, want any
		ts.Check(json.Unmarshal([]byte(ts.ReadFile(args[0])), &doc))
		ts.Check(json.Unmarshal([]byte(args[2]), &want))
		got, err := at(doc, strings.Split(args[1], "."))
		ts.Check(err)
		if !reflect.DeepEqual(got, want) {
			text, _ := json.Marshal(got)
			ts.Fatalf("%s is %s, not %s", args[1], text, args[2])
		}
	},
	// events FILE EVENT...: every line is a JSON object with a time, and they are these, as in runStarted or
	// finished:localfile.a.
	"events": func(ts *testscript.TestScript, _ bool, args []string) {
		var got []string
		for line := range strings.Lines(ts.ReadFile(args[0])) {
			var ev struct{ Type, Time, ID string }
			ts.Check(json.Unmarshal([]byte(line), &ev))
			if ev.Time == "" {
				ts.Fatalf("no time: %s", line)
			}
			if ev.ID != "" {
				ev.Type += ":" + ev.ID
			}
			got = append(got, ev.Type)
		}
		if !reflect.DeepEqual(got, args[1:]) {
			ts.Fatalf("the events are\n%s\nnot\n%s", strings.Join(got, " "), strings.Join(args[1:], " "))
		}
	},
	// validates FILE DEFINITION: the JSON document is what the schema says of it.
	"validates": func(ts *testscript.TestScript, _ bool, args []string) {
		set, err := all.Set(environment("/"))
		ts.Check(err)
		loader, err := newLoader(set)
		ts.Check(err)
		ts.Check(loader.Validate(args[1], []byte(ts.ReadFile(args[0]))))
	},
	// validates-lines FILE DEFINITION: every line is a JSON document that is what the schema says of it.
	"validates-lines": func(ts *testscript.TestScript, _ bool, args []string) {
		set, err := all.Set(environment("/"))
		ts.Check(err)
		loader, err := newLoader(set)
		ts.Check(err)
		for line := range strings.Lines(ts.ReadFile(args[0])) {
			if err := loader.Validate(args[1], []byte(line)); err != nil {
				ts.Fatalf("%v\n%s", err, line)
			}
		}
	},
	// cue ARG... and dot ARG...: the real programs. [!]
	"cue": func(ts *testscript.TestScript, neg bool, args []string) { part(ts, neg, parts.Cue(tb(ts)), args) },
	"dot": func(ts *testscript.TestScript, neg bool, args []string) { part(ts, neg, parts.Dot(tb(ts)), args) },
	// mortal CODE PROGRAM [ARG...]: exits, but without the power of root to open what its mode forbids.
	"mortal": func(ts *testscript.TestScript, _ bool, args []string) {
		run := args[1:]
		if os.Geteuid() == 0 {
			setpriv, err := exec.LookPath("setpriv")
			parts.Need(tb(ts), err == nil, "setpriv is not here: install util-linux")
			run = append([]string{setpriv, "--bounding-set=-dac_override,-dac_read_search", "--inh-caps=-all"}, run...)
		}
		want, err := strconv.Atoi(args[0])
		ts.Check(err)
		if got := exitCode(ts, ts.Exec(run[0], run[1:]...)); got != want {
			ts.Fatalf("the exit code is %d, not %d", got, want)
		}
	},
	// newer FILE: makes of a store one that a dtm with a newer format has written.
	"newer": func(ts *testscript.TestScript, _ bool, args []string) {
		path := ts.MkAbs(args[0])
		data, err := os.ReadFile(path)
		ts.Check(err)
		data, err = inNewerFormat(data)
		ts.Check(err)
		ts.Check(os.WriteFile(path, data, 0o600))
	},
	// disk DIR OPTIONS: mounts a small disk of its own at DIR until the script ends; again: with other options.
	"disk": func(ts *testscript.TestScript, _ bool, args []string) {
		dir := ts.MkAbs(args[0])
		if _, err := os.Stat(dir); err == nil {
			ts.Check(command("mount", "-o", "remount,"+args[1], dir))
			return
		}
		mountDisk(tb(ts), dir, args[1], ts.Defer)
	},
	// fill FILE BYTES: writes so many letters; without BYTES as many as the disk takes.
	"fill": func(ts *testscript.TestScript, _ bool, args []string) {
		f, err := os.Create(ts.MkAbs(args[0]))
		ts.Check(err)
		defer f.Close()
		if len(args) == 1 {
			for chunk := 1 << 16; chunk > 0; {
				if _, err := f.Write(make([]byte, chunk)); err != nil {
					chunk /= 2
				}
			}
			return
		}
		size, err := strconv.Atoi(args[1])
		ts.Check(err)
		_, err = f.Write(bytes.Repeat([]byte("a"), size))
		ts.Check(err)
	},
}

// inNewerFormat raises the number of the format that a bolt store begins its header with, and puts the header's checksum
// right.
func inNewerFormat(data []byte) ([]byte, error) {
	const begin, sum = `{"format":1,`, len("01234567 ")
	found := false
	for from := 0; ; {
		i := bytes.Index(data[from:], []byte(begin))
		if i < 0 && found {
			return data, nil
		}
		if i < 0 {
			return nil, errors.New("this store has no header")
		}
		i += from
		from = i + len(begin)
		found = true
		data[i+len(`{"format":`)] = '9'
		end := i + bytes.IndexByte(data[i:], '}') + 1
		text := append([]byte("header"), data[i:end]...)
		copy(data[i-sum:], fmt.Sprintf("%08x", crc32.Checksum(text, crc32.MakeTable(crc32.Castagnoli))))
	}
}

// mountDisk mounts a disk in memory at dir, which it makes.
func mountDisk(t testing.TB, dir, options string, atEnd func(func())) {
	t.Helper()
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	err := command("mount", "-t", "tmpfs", "-o", options, "tmpfs", dir)
	parts.Need(t, err == nil, "a disk cannot be mounted, be root: %v", err)
	atEnd(func() {
		if err := command("umount", dir); err != nil {
			t.Error(err)
		}
	})
}

func command(name string, args ...string) error {
	if out, err := exec.Command(name, args...).CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w: %s", name, err, out)
	}
	return nil
}

func part(ts *testscript.TestScript, neg bool, program string, args []string) {
	if code := exitCode(ts, ts.Exec(program, args...)); (code != 0) != neg {
		ts.Fatalf("the exit code is %d", code)
	}
}

func exitCode(ts *testscript.TestScript, err error) int {
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return exit.ExitCode()
	}
	ts.Check(err)
	return 0
}

// at is the part of a JSON document at a path.
func at(doc any, path []string) (any, error) {
	for i, name := range path {
		where := strings.Join(path[:i], ".")
		switch v := doc.(type) {
		case map[string]any:
			field, ok := v[name]
			if !ok {
				return nil, fmt.Errorf("%q has no field %s", where, name)
			}
			doc = field
		case []any:
			if name == "count" {
				doc = float64(len(v))
				continue
			}
			n, err := strconv.Atoi(name)
			if err != nil || n < 0 || n >= len(v) {
				return nil, fmt.Errorf("%q has no item %s", where, name)
			}
			doc = v[n]
		default:
			return nil, fmt.Errorf("%q has no parts", where)
		}
	}
	return doc, nil
}

var untidy = []struct {
	what *regexp.Regexp
	word string
}{
	{regexp.MustCompile(`\d{8}-\d{6}[.0-9]*-[0-9a-f]{8}`), "RUN"},
	{regexp.MustCompile(`\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d(\.\d+)?(Z|[-+]\d\d:\d\d)?`), "TIME"},
	{regexp.MustCompile(`\b\d+(\.\d+)?(ns|µs|ms|s)\b`), "0s"},
	{regexp.MustCompile(`\S+@\S+`), "USER@HOST"},
}

// tidy puts words for what is different each time: RUN, TIME, 0s, USER@HOST and $WORK. The blanks at the ends of lines
// go, for txtar has none.
func tidy(text, work string) string {
	text = strings.ReplaceAll(text, work, "$WORK")
	for _, u := range untidy {
		text = u.what.ReplaceAllString(text, u.word)
	}
	return regexp.MustCompile(`[ \t]+(\n|$)`).ReplaceAllString(text, "$1")
}
