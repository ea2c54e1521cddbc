package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/devstream-io/dtm/cmd/dtm/parts"
	"github.com/devstream-io/dtm/schema"
	"github.com/devstream-io/dtm/store"
	"github.com/devstream-io/dtm/store/bolt"
)

// killSeed is the environment variable that repeats a run of TestKillNineAnywhere: the seed that it printed. The moments
// of the kills are the machine's, so it repeats the configurations and the delays, not the outcome to the letter.
const killSeed = "DTM_TEST_KILL_SEED"

// However dtm dies, the next one knows what there is: the store opens, nothing that was made is forgotten, and one more
// apply makes everything as it is wanted, with nothing left over.
func TestKillNineAnywhere(t *testing.T) {
	t.Run("a file", func(t *testing.T) {
		t.Parallel()
		kill(t, 60, 200, func(dir string) keptIn {
			return keptIn{store: bolt.New(filepath.Join(dir, "devstream.state"), bolt.Options{})}
		})
	})
	t.Run("a bucket", func(t *testing.T) {
		t.Parallel()
		address := parts.ServeS3(t, "team", "AKIDTEST", "secret-of-the-test")
		kill(t, 20, 60, func(string) keptIn {
			return keptIn{store: bucketStore(t, address, "kill"), lease: true, section: fmt.Sprintf(
				"state: {backend: s3, options: {bucket: team, key: kill, region: us-east-1, endpoint: %q, pathStyle: true}}\n", "http://"+address)}
		})
	})
}

// keptIn is where the journal is.
type keptIn struct {
	// section is what the configuration says of it.
	section string
	store   store.Store
	// lease tells that the lock outlives the process for some time.
	lease bool
}

// s3Env are the credentials of a test's server.
func s3Env(secret string) map[string]string {
	return map[string]string{"AWS_ACCESS_KEY_ID": "AKIDTEST", "AWS_SECRET_ACCESS_KEY": secret, "AWS_EC2_METADATA_DISABLED": "true"}
}

func kill(t *testing.T, tools, kills int, in func(dir string) keptIn) {
	limit := 80 * time.Second
	if testing.Short() {
		kills, limit = kills/10, 20*time.Second
	}
	seed := uint64(time.Now().UnixNano())
	if s := os.Getenv(killSeed); s != "" {
		n, err := strconv.ParseUint(s, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		seed = n
	}
	k := &killer{
		T: t, dtm: parts.DTM(t), dir: t.TempDir(), rand: rand.New(rand.NewPCG(seed, 0)),
		wanted: newWish(tools), usual: 400 * time.Millisecond,
	}
	k.keptIn = in(k.dir)
	k.wanted.change(k.rand)
	k.writeConfig()
	k.converges()
	defer func() { t.Logf("%s=%d: %d kills, %d rounds", killSeed, seed, k.kills, k.rounds) }()
	for end := time.Now().Add(limit); k.kills < kills && time.Now().Before(end) && !t.Failed(); k.rounds++ {
		k.wanted.change(k.rand)
		k.writeConfig()
		for range 1 + k.rand.IntN(4) {
			k.applyAndKill()
			// Now and then somebody has another wish before the last one is fulfilled.
			if k.rand.IntN(3) == 0 {
				k.wanted.change(k.rand)
				k.writeConfig()
			}
		}
		k.converges()
	}
	if k.kills < kills/4 && !t.Failed() {
		t.Errorf("only %d kills in %v", k.kills, limit)
	}
	k.journalIsTrue()
}

type killer struct {
	*testing.T
	keptIn
	dtm, dir string
	rand     *rand.Rand
	wanted   *wish
	// usual is how long an apply takes that is left alone.
	usual         time.Duration
	kills, rounds int
}

func (k *killer) config() string { return filepath.Join(k.dir, "config.yaml") }

func (k *killer) writeConfig() { writeFile(k.T, k.config(), k.section+k.wanted.yaml()) }

// command runs dtm and returns what it said and its exit code; -1 if it was killed.
func (k *killer) command(delay time.Duration, args ...string) (string, int) {
	k.Helper()
	var out bytes.Buffer
	cmd := exec.CommandContext(k.Context(), k.dtm, args...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = k.dir, &out, &out
	if err := cmd.Start(); err != nil {
		k.Fatal(err)
	}
	if delay > 0 {
		// Kill of a process that has ended is an error and does nothing.
		defer time.AfterFunc(delay, func() { _ = cmd.Process.Kill() }).Stop()
	}
	err := cmd.Wait()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		k.Fatal(err)
	}
	return out.String(), cmd.ProcessState.ExitCode()
}

func (k *killer) applyAndKill() {
	k.Helper()
	delay := time.Duration(1 + k.rand.Int64N(int64(k.usual)))
	switch out, code := k.command(delay, "apply", "-y", "--parallel", "4"); code {
	case -1:
		k.kills++
		k.unlock()
	case 0: // it was faster
	default:
		k.Fatalf("apply ended with %d:\n%s", code, out)
	}
	if out, code := k.command(0, "history"); code != 0 {
		k.Fatalf("history ended with %d after kill %d:\n%s", code, k.kills, out)
	}
}

// unlock takes the lock away from a process that is dead, as somebody would who does not want to wait for its lease.
func (k *killer) unlock() {
	k.Helper()
	if !k.lease {
		return
	}
	out, code := k.command(0, "state", "lock", "-o", "json")
	var doc struct{ Lock *store.Lock }
	if err := json.Unmarshal([]byte(out), &doc); code != 0 || err != nil {
		k.Fatalf("state lock ended with %d after kill %d: %v\n%s", code, k.kills, err, out)
	}
	if doc.Lock == nil {
		return
	}
	if out, code := k.command(0, "state", "unlock", "--id", doc.Lock.ID); code != 0 {
		k.Fatalf("state unlock ended with %d after kill %d:\n%s", code, k.kills, out)
	}
}

// converges lets an apply end and looks at everything.
func (k *killer) converges() {
	k.Helper()
	began := time.Now()
	out, code := k.command(0, "apply", "-y", "--parallel", "4")
	if code != 0 {
		k.Fatalf("after kill %d apply ended with %d:\n%s", k.kills, code, out)
	}
	// What was left to do is about half of the whole.
	k.usual = max((k.usual+2*time.Since(began))/2, 20*time.Millisecond)
	if plan, code := k.command(0, "plan", "--detailed-exitcode"); code != 0 {
		k.Fatalf("after kill %d and an apply there is something to do (%d):\n%s\nthe apply said\n%s", k.kills, code, plan, out)
	}
	want := k.wanted.files()
	entries, err := os.ReadDir(k.dir)
	if err != nil {
		k.Fatal(err)
	}
	for _, e := range entries {
		name := e.Name()
		switch name {
		case filepath.Base(k.config()), "devstream.state":
			continue
		case "devstream.state.lock":
			continue // of a holder that is dead: it is nobody's
		}
		text, wanted := want[name]
		delete(want, name)
		if got, err := os.ReadFile(filepath.Join(k.dir, name)); !wanted {
			k.Errorf("after kill %d %s is left over; the apply said\n%s", k.kills, name, out)
		} else if err != nil || string(got) != text {
			k.Errorf("after kill %d %s has %q, not %q: %v", k.kills, name, got, text, err)
		}
	}
	for name := range want {
		k.Errorf("after kill %d there is no %s; the apply said\n%s", k.kills, name, out)
	}
	state, err := k.store.Load(k.Context())
	if err != nil {
		k.Fatal(err)
	}
	if got, want := state.IDs(), k.wanted.ids(); !slices.Equal(got, want) {
		k.Errorf("after kill %d the record has %v, not %v", k.kills, got, want)
	}
	for _, tool := range state.Tools {
		if !tool.Exists || tool.Doubt != nil {
			k.Errorf("after kill %d %s is in doubt: %+v", k.kills, tool.ID, tool.Doubt)
		}
	}
}

// journalIsTrue reads the whole journal: every outcome has its intent, and nothing was created twice without having been
// deleted in between.
func (k *killer) journalIsTrue() {
	k.Helper()
	s := k.store
	var runs []store.Run
	for r, err := range s.Runs(k.Context()) {
		if err != nil {
			k.Fatal(err)
		}
		runs = append(runs, r)
	}
	slices.SortFunc(runs, func(a, b store.Run) int { return int(a.First) - int(b.First) })
	cutOff := 0
	exists := map[schema.ID]bool{}
	last := uint64(0)
	for _, r := range runs {
		if r.Result == "" {
			cutOff++
		}
		intent := map[schema.ID]string{}
		for e, err := range s.Entries(k.Context(), r.ID) {
			if err != nil {
				k.Fatal(err)
			}
			if last++; e.Seq != last {
				k.Fatalf("entry %d follows entry %d", e.Seq, last-1)
			}
			switch e.Kind {
			case store.Intent:
				intent[e.Tool] = e.Action
			case store.Applied:
				if e.Action == store.ActionCreate && exists[e.Tool] {
					k.Errorf("entry %d: %s is created twice", e.Seq, e.Tool)
				}
				// A mere change of the record needs no verb.
				if intent[e.Tool] != e.Action && e.Action != store.ActionUpdate {
					k.Errorf("entry %d: %s of %s without an intent", e.Seq, e.Action, e.Tool)
				}
				exists[e.Tool] = true
			case store.Deleted:
				exists[e.Tool] = false
			case store.Failed:
				k.Errorf("entry %d: %s of %s failed: %s", e.Seq, e.Action, e.Tool, e.Error)
			}
		}
	}
	k.Logf("%d runs, %d of them cut off, %d entries", len(runs), cutOff, last)
	if cutOff < k.kills/10 {
		k.Errorf("of %d kills only %d fell into a run", k.kills, cutOff)
	}
}

// wish is a toolchain of files that depend on one another.
type wish struct{ tools []wishedFile }

type wishedFile struct {
	present, other bool
	version        int
	// needs are the numbers of tools before this one.
	needs []int
}

func newWish(n int) *wish { return &wish{tools: make([]wishedFile, n)} }

// change changes what is wanted: tools come and go, get another content, another name of the file, other dependencies.
func (w *wish) change(r *rand.Rand) {
	for i := range w.tools {
		f := &w.tools[i]
		if r.IntN(4) == 0 {
			f.present = r.IntN(5) > 0
		}
		if r.IntN(3) == 0 {
			f.version++
		}
		if r.IntN(8) == 0 {
			f.other = !f.other
		}
		if r.IntN(6) == 0 && i > 0 {
			f.needs = f.needs[:0]
			for range r.IntN(3) {
				if n := r.IntN(i); !slices.Contains(f.needs, n) {
					f.needs = append(f.needs, n)
				}
			}
		}
	}
}

func (w *wish) id(i int) schema.ID { return schema.MakeID("localfile", fmt.Sprintf("t%02d", i)) }

func (w *wish) filename(i int) string {
	if w.tools[i].other {
		return fmt.Sprintf("other-%02d.txt", i)
	}
	return fmt.Sprintf("file-%02d.txt", i)
}

// content is what the file of a tool holds, where sum gives what stands for another tool's hash.
func (w *wish) content(i int, sum func(int) string) string {
	text := fmt.Sprintf("tool %d, version %d", i, w.tools[i].version)
	for _, n := range w.tools[i].needs {
		if w.tools[n].present {
			text += ", " + sum(n)
		}
	}
	return text
}

func (w *wish) yaml() string {
	var b strings.Builder
	b.WriteString("tools:\n")
	// The last first: the order of the file is not the order of the work.
	for i := len(w.tools) - 1; i >= 0; i-- {
		if w.tools[i].present {
			text := w.content(i, func(n int) string { return "${{ " + string(w.id(n)) + ".outputs.sha256 }}" })
			fmt.Fprintf(&b, "- {name: localfile, instanceID: %s, options: {filename: %s, content: %q}}\n", w.id(i).Instance(), w.filename(i), text)
		}
	}
	if !strings.Contains(b.String(), "localfile") {
		// No tools would be refused.
		w.tools[0].present = true
		return w.yaml()
	}
	return b.String()
}

func (w *wish) ids() []schema.ID {
	var ids []schema.ID
	for i := range w.tools {
		if w.tools[i].present {
			ids = append(ids, w.id(i))
		}
	}
	return ids
}

// files are the contents that are wanted, by name.
func (w *wish) files() map[string]string {
	texts := map[int]string{}
	files := map[string]string{}
	for i := range w.tools {
		texts[i] = w.content(i, func(n int) string {
			sum := sha256.Sum256([]byte(texts[n]))
			return hex.EncodeToString(sum[:])
		})
		if w.tools[i].present {
			files[w.filename(i)] = texts[i]
		}
	}
	return files
}
