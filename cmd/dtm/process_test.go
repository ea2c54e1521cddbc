package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/creack/pty"

	"github.com/devstream-io/dtm/cmd/dtm/parts"
	"github.com/devstream-io/dtm/store"
)

// What takes more than a script: a terminal, a signal at the right moment, another process that holds the lock.

// dtm is a dtm that will run in dir, as testscript.Main has put it into the path. It does not outlive the test.
func dtm(t *testing.T, dir string, args ...string) *exec.Cmd {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	t.Cleanup(cancel)
	cmd := exec.CommandContext(ctx, "dtm", args...)
	cmd.Dir = dir
	return cmd
}

// run is what dtm says, standard output and error together, and its exit code.
func runDTM(t *testing.T, dir string, args ...string) (string, int) {
	t.Helper()
	out, err := dtm(t, dir, args...).CombinedOutput()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	if exit != nil {
		return string(out), exit.ExitCode()
	}
	return string(out), 0
}

// manyFiles writes a configuration of n tools, one file each: f0.txt, f1.txt ...
func manyFiles(t *testing.T, dir string, n int) {
	t.Helper()
	var b strings.Builder
	b.WriteString("tools:\n")
	for i := range n {
		fmt.Fprintf(&b, "- {name: localfile, instanceID: t%d, options: {filename: f%d.txt, content: \"%d\"}}\n", i, i, i)
	}
	writeFile(t, filepath.Join(dir, "config.yaml"), b.String())
}

func writeFile(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestApplyShowsALiveViewOnATerminalAndLeavesTheFamiliarWords(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name       string
		rows, cols uint16
		env        string
		live       bool
		colour     bool
	}{
		{"terminal", 60, 120, "TERM=xterm-256color", true, true},
		{"narrow", 5, 30, "TERM=xterm-256color", true, true},
		{"without a size", 0, 0, "TERM=xterm-256color", false, true},
		{"NO_COLOR", 60, 120, "NO_COLOR=1", true, false},
		{"dumb", 60, 120, "TERM=dumb", false, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			const tools = 120
			drawn := []string{" of 120 ", "[=", "creating"}
			missing := func(raw []byte) string {
				for _, want := range drawn {
					if c.live && !strings.Contains(string(raw), want) {
						return want
					}
				}
				return ""
			}
			run := func() []byte {
				dir := t.TempDir()
				manyFiles(t, dir, tools)
				cmd := dtm(t, dir, "apply", "--parallel", "2")
				cmd.Env = append(os.Environ(), "TERM=xterm", "NO_COLOR=", c.env)
				terminal, err := pty.StartWithSize(cmd, &pty.Winsize{Rows: c.rows, Cols: c.cols})
				if err != nil {
					t.Fatal(err)
				}
				defer terminal.Close()
				// The question comes on the terminal as well.
				if _, err := io.WriteString(terminal, "y\n"); err != nil {
					t.Fatal(err)
				}
				// Reading a terminal ends with EIO once nobody has it open any more.
				raw, err := io.ReadAll(terminal)
				if err != nil && !errors.Is(err, syscall.EIO) {
					t.Fatal(err)
				}
				if err := cmd.Wait(); err != nil {
					t.Fatalf("%v\n%s", err, raw)
				}
				return raw
			}
			// A frame is drawn ten times a second, and a file is written in a moment: on a quiet machine a run may be over
			// without one that shows it.
			raw := run()
			for tries := 0; missing(raw) != "" && tries < 10; tries++ {
				raw = run()
			}
			if want := missing(raw); want != "" {
				t.Errorf("there was never %q on the screen:\n%q", want, raw)
			}
			if got := regexp.MustCompile("\x1b\\[[0-9;]*m").Match(raw); got != c.colour {
				t.Errorf("colours: %v, not %v\n%q", got, c.colour, raw)
			}
			if !c.live && !c.colour && strings.Contains(string(raw), "\x1b") {
				t.Errorf("escape codes on a dumb terminal:\n%q", raw)
			}
			left := screen(t, string(raw))
			for i := range tools {
				if want := fmt.Sprintf("✔ Tool (localfile/t%d) Create done. [", i); strings.Count(left, want) != 1 {
					t.Errorf("%q is there %d times", want, strings.Count(left, want))
				}
			}
			for _, want := range []string{"Apply started.", "Continue? [y/n]", "120 created, 0 updated", "All plugins applied successfully.", "Apply finished."} {
				if !strings.Contains(left, want) {
					t.Errorf("%q is not there in the end", want)
				}
			}
			if strings.Contains(left, "[=") || strings.Contains(left, "creating") {
				t.Error("something of the live view is left")
			}
			if t.Failed() {
				t.Logf("what is left:\n%s", left)
			}
		})
	}
}

// screen is what is left on an endless screen after the output: letters, newlines, and of the escape codes those for
// moving up, clearing and colours.
func screen(t *testing.T, out string) string {
	t.Helper()
	lines := []string{""}
	row, col := 0, 0
	codes := regexp.MustCompile("^\x1b\\[(\\??[0-9;]*)([A-Za-z])")
	for out != "" {
		if m := codes.FindStringSubmatch(out); m != nil {
			out = out[len(m[0]):]
			n, err := strconv.Atoi(m[1])
			if err != nil {
				n = 1
			}
			switch m[2] {
			case "A":
				row = max(row-n, 0)
			case "J":
				lines = lines[:row+1]
				lines[row] = string([]rune(lines[row])[:col])
			case "K":
				lines[row] = string([]rune(lines[row])[:col])
			case "m", "h", "l":
			default:
				t.Fatalf("a code that this screen does not know: %q", m[0])
			}
			continue
		}
		r := []rune(out[:min(len(out), 4)])[0]
		out = out[len(string(r)):]
		switch r {
		case '\r':
			col = 0
		case '\n':
			if row++; row == len(lines) {
				lines = append(lines, "")
			}
		default:
			line := []rune(lines[row])
			for len(line) <= col {
				line = append(line, ' ')
			}
			line[col] = r
			lines[row] = string(line)
			col++
		}
	}
	return strings.Join(lines, "\n")
}

func TestAnInterruptedApplyFinishesWhatRunsAndTheNextOneGoesOn(t *testing.T) {
	t.Parallel()
	for _, sig := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM} {
		t.Run(sig.String(), func(t *testing.T) {
			t.Parallel()
			const tools = 2000
			dir := t.TempDir()
			manyFiles(t, dir, tools)
			cmd := dtm(t, dir, "apply", "-y", "--parallel", "2", "--json")
			var words strings.Builder
			cmd.Stderr = &words
			stdout, err := cmd.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			counts := map[string]int{}
			events := bufio.NewScanner(stdout)
			events.Buffer(nil, 1<<24)
			for events.Scan() {
				var ev struct{ Type string }
				if err := json.Unmarshal(events.Bytes(), &ev); err != nil {
					t.Fatal(err)
				}
				if counts[ev.Type]++; ev.Type == "finished" && counts[ev.Type] == 10 {
					if err := cmd.Process.Signal(sig); err != nil {
						t.Fatal(err)
					}
				}
			}
			var exit *exec.ExitError
			if err := cmd.Wait(); !errors.As(err, &exit) || exit.ExitCode() != 1 {
				t.Fatalf("it ended with %v\n%s", err, words.String())
			}
			for _, want := range []string{"Interrupted. What runs is finished, nothing more is begun; interrupt again to cancel it.", "Apply failed: interrupted ("} {
				if !strings.Contains(words.String(), want) {
					t.Errorf("it did not say %q", want)
				}
			}
			done := counts["finished"]
			if counts["started"] != done || counts["runFinished"] != 1 || done == tools {
				t.Errorf("the events are %v", counts)
			}
			// The journal knows what was done, and that is what there is.
			out, _ := runDTM(t, dir, "history", "-o", "json")
			var history struct{ Runs []store.Run }
			if err := json.Unmarshal([]byte(out), &history); err != nil {
				t.Fatal(err)
			}
			if r := history.Runs[0]; r.Result != store.Interrupted || r.Counts.Created != done || r.Counts.Skipped != tools-done {
				t.Errorf("%d were done, and the history has %+v", done, r)
			}
			if files := filesIn(t, dir, "f*.txt"); len(files) != done {
				t.Errorf("%d were done, and there are %d files", done, len(files))
			}
			// A few of them are enough to see that the next run goes on from here.
			manyFiles(t, dir, done+20)
			if out, code := runDTM(t, dir, "apply", "-y"); code != 0 || !strings.Contains(out, "20 created, 0 updated, 0 replaced, 0 deleted") {
				t.Errorf("the next apply ended with %d:\n%s", code, out)
			}
			if out, code := runDTM(t, dir, "verify"); code != 0 {
				t.Errorf("verify ended with %d:\n%s", code, out)
			}
		})
	}
}

func filesIn(t *testing.T, dir, pattern string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, pattern))
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func TestAnInterruptAtTheQuestionEndsWithoutAChange(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	manyFiles(t, dir, 1)
	cmd := dtm(t, dir, "apply")
	terminal, err := pty.Start(cmd)
	if err != nil {
		t.Fatal(err)
	}
	defer terminal.Close()
	said := make([]byte, 0, 1<<16)
	buf := make([]byte, 1<<12)
	for asked := false; ; {
		n, err := terminal.Read(buf)
		said = append(said, buf[:n]...)
		if !asked && strings.Contains(string(said), "Enter a value") {
			asked = true
			// ^C, as the terminal makes a signal of it.
			if _, err := terminal.Write([]byte{3}); err != nil {
				t.Fatal(err)
			}
		}
		if err != nil {
			break
		}
	}
	var exit *exec.ExitError
	if err := cmd.Wait(); !errors.As(err, &exit) || exit.ExitCode() != 1 {
		t.Fatalf("it ended with %v\n%s", err, said)
	}
	if !strings.Contains(string(said), "Apply failed: interrupted") {
		t.Errorf("it said\n%s", said)
	}
	for _, file := range []string{"f0.txt", "devstream.state"} {
		if _, err := os.Stat(filepath.Join(dir, file)); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: %v", file, err)
		}
	}
}

// Somebody else changes the state while the question stands: what was shown is not what would be done.
func TestAPlanThatHasGoneStaleAtTheQuestionIsRefused(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	manyFiles(t, dir, 2)
	cmd := dtm(t, dir, "apply")
	answer, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	question, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	var words strings.Builder
	cmd.Stderr = &words
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := bufio.NewReader(question).ReadString(':'); err != nil {
		t.Fatal(err)
	}
	if out, code := runDTM(t, dir, "apply", "-y"); code != 0 {
		t.Fatal(out)
	}
	if _, err := io.WriteString(answer, "y\n"); err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(io.Discard, question); err != nil {
		t.Fatal(err)
	}
	var exit *exec.ExitError
	if err := cmd.Wait(); !errors.As(err, &exit) || exit.ExitCode() != 1 {
		t.Fatalf("it ended with %v", err)
	}
	if want := "the state has changed since it was read"; !strings.Contains(words.String(), want) {
		t.Errorf("it did not say %q:\n%s", want, words.String())
	}
}

// Stock cue is the second opinion on everything that this repository shows as an example.
func TestStockCueAndDtmAcceptEveryExample(t *testing.T) {
	t.Parallel()
	examples := filesIn(t, filepath.Join("..", "..", "examples"), "*")
	if len(examples) == 0 {
		t.Fatal("no examples")
	}
	cue := parts.Cue(t)
	for _, example := range examples {
		t.Run(filepath.Base(example), func(t *testing.T) {
			t.Parallel()
			if info, err := os.Stat(example); err != nil || !info.IsDir() {
				t.Skip("no folder")
			}
			dir := t.TempDir()
			if err := os.CopyFS(dir, os.DirFS(example)); err != nil {
				t.Fatal(err)
			}
			env := append(os.Environ(), "CUE_REGISTRY=none", "CUE_CACHE_DIR="+t.TempDir())
			env = append(env, wantedEnv(t, dir)...)
			if filepath.Base(example) == "plugins" {
				env = append(env, "PATH="+pythonFirst(t, t.TempDir(), os.Getenv("PATH")))
			}
			plan := dtm(t, dir, "plan", "-f", ".", "--detailed-exitcode")
			plan.Env = env
			out, err := plan.CombinedOutput()
			var exit *exec.ExitError
			if !errors.As(err, &exit) || exit.ExitCode() != 2 {
				t.Errorf("dtm plan: %v\n%s", err, out)
			}
			if len(filesIn(t, dir, "*.cue")) == 0 {
				return
			}
			if out, code := runDTM(t, dir, "init"); code != 0 {
				t.Fatalf("dtm init: %d\n%s", code, out)
			}
			for _, args := range [][]string{{"vet", "-c", "."}, {"export", "."}, {"fmt", "--check", "."}} {
				cmd := exec.CommandContext(t.Context(), cue, args...)
				cmd.Dir, cmd.Env = dir, env
				if out, err := cmd.CombinedOutput(); err != nil {
					t.Errorf("cue %s: %v\n%s", strings.Join(args, " "), err, out)
				}
			}
		})
	}
}

// wantedEnv sets every variable that the files in dir refer to.
func wantedEnv(t *testing.T, dir string) []string {
	t.Helper()
	var env []string
	for _, file := range filesIn(t, dir, "*") {
		text, err := os.ReadFile(file)
		if err != nil {
			continue // a folder
		}
		for _, m := range regexp.MustCompile(`\$\{\{\s*env\.(\w+)`).FindAllSubmatch(text, -1) {
			env = append(env, string(m[1])+"=some-value")
		}
	}
	return env
}
