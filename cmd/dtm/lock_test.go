package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/devstream-io/dtm/cmd/dtm/parts"
	"github.com/devstream-io/dtm/store"
	"github.com/devstream-io/dtm/store/bolt"
	"github.com/devstream-io/dtm/store/s3"
)

// hold holds the lock of a store, as somebody's apply does, and has begun and recorded something.
func hold(t *testing.T, st store.Store) store.Session {
	t.Helper()
	since := time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)
	held, err := st.Open(t.Context(), store.Holder{User: "ada", Host: "engine", PID: 4711, Command: "dtm apply", Since: since}, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = held.Close() })
	err = held.Record(t.Context(),
		store.Entry{Kind: store.Started, Run: "theirs", Time: since, Command: "dtm apply", Author: "ada@engine"},
		store.Entry{Kind: store.Intent, Run: "theirs", Time: since, Tool: "localfile.t1", Action: store.ActionCreate, Options: json.RawMessage(`{"filename":"f1.txt"}`)})
	if err != nil {
		t.Fatal(err)
	}
	return held
}

func TestWhileSomebodyAppliesOthersReadAndAreToldWhoItIs(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	manyFiles(t, dir, 2)
	if out, code := runDTM(t, dir, "apply", "-y", "--target", "localfile.t0"); code != 0 {
		t.Fatal(out)
	}
	writeFile(t, filepath.Join(dir, "f0.txt"), "drifted")
	held := hold(t, bolt.New(filepath.Join(dir, "devstream.state"), bolt.Options{}))
	want := "devstream.state is in use by ada@engine (pid 4711, `dtm apply`) since 2026-03-04T05:06:07Z\n  hint: "
	for _, args := range []string{"apply -y", "destroy -y", "delete -y", "plan", "forget -y localfile.t0", "state mv localfile.t0 localfile.x"} {
		out, code := runDTM(t, dir, strings.Fields(args)...)
		if code != 1 || !strings.Contains(out, want) {
			t.Errorf("dtm %s ended with %d and said\n%s", args, code, out)
		}
	}
	for args, want := range map[string]string{
		"plan --no-lock":          "begun and not finished; it is not there",
		"graph":                   "localfile.t1",
		"history":                 "theirs",
		"history show theirs":     "create was begun and has no outcome",
		"show status":             "a create was begun",
		"state list":              "localfile.t1",
		"state lock":              "ada@engine (pid 4711)",
		"state show localfile.t1": "f1.txt",
		"drift --target *t1":      "0 drifted",
		"validate":                "2 tools",
	} {
		out, code := runDTM(t, dir, strings.Fields(args)...)
		if code != 0 || !strings.Contains(out, want) {
			t.Errorf("dtm %s ended with %d and did not say %q:\n%s", args, code, want, out)
		}
	}
	lock := lockOf(t, dir)
	if out, code := runDTM(t, dir, "state", "unlock", "--id", "another"); code != 1 || !strings.Contains(out, "nobody holds the lock under this ID") {
		t.Errorf("unlock of another ended with %d and said\n%s", code, out)
	}
	if out, code := runDTM(t, dir, "state", "unlock", "--id", lock.ID); code != 1 || !strings.Contains(out, "the process that holds the lock is alive") {
		t.Errorf("unlock of a process that is alive ended with %d and said\n%s", code, out)
	}
	if err := held.Close(); err != nil {
		t.Fatal(err)
	}
	if out, code := runDTM(t, dir, "apply", "-y"); code != 0 {
		t.Errorf("afterwards it said\n%s", out)
	}
	if lockOf(t, dir) != nil {
		t.Error("the lock is held still")
	}
}

func lockOf(t *testing.T, dir string) *store.Lock {
	t.Helper()
	out, code := runDTM(t, dir, "state", "lock", "-o", "json")
	var doc struct{ Lock *store.Lock }
	if err := json.Unmarshal([]byte(out), &doc); code != 0 || err != nil {
		t.Fatalf("state lock ended with %d: %v\n%s", code, err, out)
	}
	return doc.Lock
}

func TestALockIsWaitedForAsLongAsTheUserSays(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	manyFiles(t, dir, 2)
	if out, code := runDTM(t, dir, "apply", "-y"); code != 0 {
		t.Fatal(out)
	}
	held := hold(t, bolt.New(filepath.Join(dir, "devstream.state"), bolt.Options{}))
	began := time.Now()
	if out, code := runDTM(t, dir, "apply", "-y", "--lock-timeout", "300ms"); code != 1 || !strings.Contains(out, "is in use by ada@engine") {
		t.Errorf("it ended with %d and said\n%s", code, out)
	}
	if waited := time.Since(began); waited < 300*time.Millisecond {
		t.Errorf("it waited for %v", waited)
	}
	cmd := dtm(t, dir, "apply", "-y", "--lock-timeout", "1m")
	words, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var said strings.Builder
	buf := make([]byte, 4096)
	for !strings.Contains(said.String(), "Waiting for ada@engine") {
		n, err := words.Read(buf)
		said.Write(buf[:n])
		if err != nil {
			t.Fatalf("it did not wait:\n%s", said.String())
		}
	}
	if err := held.Close(); err != nil {
		t.Fatal(err)
	}
	for err == nil {
		var n int
		n, err = words.Read(buf)
		said.Write(buf[:n])
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("%v:\n%s", err, said.String())
	}
}

// Eight that apply at once, each a tool more, all succeed one after the other if they are patient.
func TestEightThatApplyAtOnceAreServedOneAfterTheOther(t *testing.T) {
	t.Parallel()
	address := parts.ServeS3(t, "team", "AKIDTEST", "secret-of-the-test")
	bucket := fmt.Sprintf("state: {backend: s3, options: {bucket: team, key: eight, region: us-east-1, endpoint: %q, pathStyle: true}}\n", "http://"+address)
	for name, section := range map[string]string{"a file": "", "a bucket": bucket} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			manyFiles(t, dir, 8)
			config, err := os.ReadFile(filepath.Join(dir, "config.yaml"))
			if err != nil {
				t.Fatal(err)
			}
			writeFile(t, filepath.Join(dir, "config.yaml"), section+string(config))
			run := func(args ...string) (string, error) {
				cmd := dtm(t, dir, args...)
				cmd.Env = os.Environ()
				for name, value := range s3Env("secret-of-the-test") {
					cmd.Env = append(cmd.Env, name+"="+value)
				}
				out, err := cmd.CombinedOutput()
				return string(out), err
			}
			var all sync.WaitGroup
			for i := range 8 {
				all.Go(func() {
					if out, err := run("apply", "-y", "--lock-timeout", "90s", "--target", fmt.Sprintf("localfile.t%d", i)); err != nil {
						t.Errorf("%d: %v\n%s", i, err, out)
					}
				})
			}
			all.Wait()
			if out, err := run("plan", "--detailed-exitcode"); err != nil {
				t.Errorf("there is something to do: %v\n%s", err, out)
			}
			if out, err := run("history", "-o", "json"); err != nil || strings.Count(out, `"result": "succeeded"`) != 8 {
				t.Errorf("the history is (%v)\n%s", err, out)
			}
		})
	}
}

// bucketStore is a store on a test's server.
func bucketStore(t *testing.T, address, key string) *s3.Store {
	t.Helper()
	for name, value := range s3Env("secret-of-the-test") {
		if err := os.Setenv(name, value); err != nil { // every test has the same, so they may run at once
			t.Fatal(err)
		}
	}
	st, err := s3.New(t.Context(), s3.Options{Bucket: "team", Key: key, Region: "us-east-1", Endpoint: "http://" + address, PathStyle: true})
	if err != nil {
		t.Fatal(err)
	}
	return st
}

// A session in a bucket whose lock is taken away records nothing more, whatever it does.
func TestALockInABucketCanBeTakenAway(t *testing.T) {
	t.Parallel()
	address := parts.ServeS3(t, "team", "AKIDTEST", "secret-of-the-test")
	st := bucketStore(t, address, "taken")
	held := hold(t, st)
	lock, err := st.Lock(t.Context())
	if err != nil || lock == nil || lock.Holder.User != "ada" || lock.Heartbeat.IsZero() || !lock.Expires.After(lock.Heartbeat) {
		t.Fatalf("the lock is %+v %v", lock, err)
	}
	if err := st.Unlock(t.Context(), lock.ID); err != nil {
		t.Fatal(err)
	}
	mine, err := st.Open(t.Context(), store.Holder{User: "eve", Host: "h", PID: 1, Command: "dtm apply", Since: time.Now()}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := mine.Record(t.Context(), store.Entry{Kind: store.Started, Run: "mine", Time: time.Now()}); err != nil {
		t.Fatal(err)
	}
	if err := held.Record(context.WithoutCancel(t.Context()), store.Entry{Kind: store.Finished, Run: "theirs", Time: time.Now()}); err == nil {
		t.Error("the zombie has recorded")
	}
	if err := mine.Close(); err != nil {
		t.Error(err)
	}
	for r, err := range st.Runs(t.Context()) {
		if err != nil || r.ID == "theirs" && r.Result != "" {
			t.Errorf("the run is %+v %v", r, err)
		}
	}
}
