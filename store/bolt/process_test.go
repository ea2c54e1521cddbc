package bolt_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/devstream-io/dtm/store"
	"github.com/devstream-io/dtm/store/bolt"
	"github.com/devstream-io/dtm/store/keyring"
	"github.com/devstream-io/dtm/store/storetest"
)

// These make the test binary record into the store they name, or change its keys, until it is killed, instead of running
// tests.
const (
	childEnv = "DTM_TEST_RECORD_INTO"
	rekeyEnv = "DTM_TEST_REKEY"
)

func TestMain(m *testing.M) {
	for env, do := range map[string]func(path string) error{childEnv: recordForEver, rekeyEnv: rekeyForEver} {
		if path := os.Getenv(env); path != "" {
			if err := do(path); err != nil {
				fmt.Fprintln(os.Stderr, err)
				os.Exit(1)
			}
		}
	}
	os.Exit(m.Run())
}

// keysInTurn are what a store is encrypted with in turn.
func keysInTurn() []keyring.Keys { return []keyring.Keys{{}, storetest.Recipient()} }

// rekeyForEver begins with a store in clear. It prints "open", and then how often it has changed the keys.
func rekeyForEver(path string) error {
	fmt.Println("open")
	for i := 0; ; i++ {
		keys := keysInTurn()
		s := bolt.New(path, bolt.Options{Keys: keys[i%2]})
		if err := s.Rekey(context.Background(), storetest.Holder("rekey"), keys[(i+1)%2]); err != nil {
			return err
		}
		fmt.Println(i + 1)
	}
}

// recordForEver prints "open", and then the Seq of each entry once it is acknowledged.
func recordForEver(path string) error {
	ctx := context.Background()
	session, err := quick(path).Open(ctx, childHolder(os.Getpid()), nil)
	if err != nil {
		return err
	}
	fmt.Println("open")
	failed := make(chan error)
	var mu sync.Mutex
	for g := range 4 {
		go func() {
			for i := 0; ; i++ {
				e := []store.Entry{{
					Kind: store.Skipped, Run: fmt.Sprintf("run-%d", os.Getpid()), Tool: "a.b", Error: fmt.Sprint(g, i),
					// Long enough that pages overflow now and then, and the file grows.
					Options: json.RawMessage(strconv.Quote(fmt.Sprintf("%0*d", 1+(i*977)%6000, i))),
				}}
				if err := session.Record(ctx, e...); err != nil {
					failed <- err
				}
				mu.Lock()
				fmt.Println(e[0].Seq)
				mu.Unlock()
			}
		}()
	}
	return <-failed
}

func childHolder(pid int) store.Holder {
	h := storetest.Holder("apply --in-a-child")
	h.PID = pid
	return h
}

type child struct {
	cmd *exec.Cmd
	out *bufio.Reader
}

// startChild returns when the child has its session open.
func startChild(t *testing.T, path string) *child {
	t.Helper()
	return start(t, childEnv, path)
}

func start(t *testing.T, env, path string) *child {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), env+"="+path)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	c := &child{cmd, bufio.NewReader(out)}
	t.Cleanup(func() { _, _ = cmd.Process.Kill(), cmd.Wait() })
	if line, err := c.out.ReadString('\n'); line != "open\n" {
		t.Fatalf("the child says %q, %v", line, err)
	}
	return c
}

// kill ends the child as kill -9 does, and returns the highest Seq that it has ever printed, at least from.
func (c *child) kill(t *testing.T, from uint64) uint64 {
	t.Helper()
	if err := c.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	highest := from
	for {
		line, err := c.out.ReadString('\n')
		if errors.Is(err, io.EOF) {
			break // a line that is not complete is an acknowledgement that nobody has heard
		}
		if err != nil {
			t.Fatal(err)
		}
		highest = max(highest, seqOf(t, line))
	}
	if err := c.cmd.Wait(); err == nil {
		t.Fatal("the child has ended by itself")
	}
	return highest
}

func seqOf(t *testing.T, line string) uint64 {
	t.Helper()
	seq, err := strconv.ParseUint(line[:len(line)-1], 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return seq
}

func TestWhatWasAcknowledgedSurvivesKill9(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state.db")
	highest := uint64(0)
	for round := range 20 {
		c := startChild(t, path)
		for range 1 + 7*round {
			line, err := c.out.ReadString('\n')
			if err != nil {
				t.Fatal(err)
			}
			highest = max(highest, seqOf(t, line))
		}
		highest = c.kill(t, highest)

		s := quick(path)
		state, err := s.Load(t.Context())
		if err != nil {
			t.Fatalf("round %d: %v", round, err)
		}
		if state.Serial < highest {
			t.Fatalf("round %d: the store ends at %d, but %d was acknowledged", round, state.Serial, highest)
		}
		if state.Tools["a.b"] != nil {
			t.Fatal("a skipped step is no tool")
		}
		// Every entry reads, each goroutine's in order.
		next := map[string]int{}
		for e, err := range s.Entries(t.Context(), fmt.Sprintf("run-%d", c.cmd.Process.Pid)) {
			if err != nil {
				t.Fatalf("round %d: %v", round, err)
			}
			var g string
			var i int
			if _, err := fmt.Sscan(e.Error, &g, &i); err != nil || i != next[g] {
				t.Fatalf("round %d: entry %q where %d should be (%v)", round, e.Error, next[g], err)
			}
			next[g]++
		}
		session, err := s.Open(t.Context(), storetest.Holder("apply"), state)
		if err != nil {
			t.Fatalf("round %d: open: %v", round, err)
		}
		if err := session.Close(); err != nil {
			t.Fatal(err)
		}
		if got, err := s.Load(t.Context()); err != nil || !cmp.Equal(state, got) {
			t.Fatalf("round %d: the state has changed by opening and closing (%v)", round, err)
		}
	}
}

func TestLockOfAnotherProcessNamesItAndEndsWithIt(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state.db")
	c := startChild(t, path)
	s := quick(path)
	held, err := s.Lock(t.Context())
	if err != nil || held == nil {
		t.Fatalf("lock: %+v, %v", held, err)
	}
	_, err = s.Open(t.Context(), storetest.Holder("apply"), nil)
	var locked *store.LockedError
	if !errors.As(err, &locked) || locked.ID != held.ID {
		t.Fatalf("%v, want *LockedError of %s", err, held.ID)
	}
	for _, holder := range []store.Holder{held.Holder, locked.Holder} {
		if want := childHolder(c.cmd.Process.Pid); !cmp.Equal(want, holder) {
			t.Errorf("the holder is said to be %+v, want %+v", holder, want)
		}
	}
	err = s.Unlock(t.Context(), held.ID)
	if want := fmt.Sprintf("stop process %d on build-7, the lock goes with it", c.cmd.Process.Pid); !errors.Is(err, store.ErrAlive) || hintOf(err) != want {
		t.Errorf("unlock: %v (%s), want ErrAlive (%s)", err, hintOf(err), want)
	}
	c.kill(t, 0)
	if held, err := s.Lock(t.Context()); err != nil || held != nil {
		t.Errorf("lock of a process that is dead: %+v, %v", held, err)
	}
	if err := s.Unlock(t.Context(), held.ID); !errors.Is(err, store.ErrNotLocked) {
		t.Errorf("unlock of a process that is dead: %v, want ErrNotLocked", err)
	}
	if _, err := os.Stat(path + ".lock"); err != nil {
		t.Fatalf("this test needs the name that the dead process has left: %v", err)
	}
	if _, err := s.Load(t.Context()); err != nil {
		t.Errorf("load: %v", err)
	}
	session, err := s.Open(t.Context(), storetest.Holder("apply"), nil)
	if err != nil {
		t.Fatalf("open: %v", err)
	}
	if err := session.Close(); err != nil {
		t.Error(err)
	}
}

func TestOpenWaitsForALockThatIsGivenBackInTime(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state.db")
	c := startChild(t, path)
	done := make(chan error)
	patient := bolt.New(path, bolt.Options{Timeout: time.Minute})
	go func() {
		session, err := patient.Open(t.Context(), storetest.Holder("apply"), nil)
		if err == nil {
			err = session.Close()
		}
		done <- err
	}()
	c.kill(t, 0)
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func TestWaitingForALockEndsWithTheContext(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state.db")
	startChild(t, path)
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Millisecond)
	defer cancel()
	if _, err := bolt.New(path, bolt.Options{Timeout: time.Hour}).Open(ctx, storetest.Holder("apply"), nil); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("open: %v", err)
	}
}

func TestReadingGoesOnWhileAnotherProcessRecordsWithoutAPause(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state.db")
	c := startChild(t, path)
	s := quick(path)
	run := fmt.Sprintf("run-%d", c.cmd.Process.Pid)
	last, slowest := uint64(0), time.Duration(0)
	for range 30 {
		line, err := c.out.ReadString('\n')
		if err != nil {
			t.Fatal(err)
		}
		acknowledged := max(last, seqOf(t, line))
		began := time.Now()
		state, err := s.Load(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		slowest = max(slowest, time.Since(began))
		if state.Serial < acknowledged {
			t.Fatalf("load ends at entry %d after %d was acknowledged", state.Serial, acknowledged)
		}
		last = state.Serial
		at, err := s.At(t.Context(), run)
		if err != nil || at.Serial < last {
			t.Fatalf("at: %v, %v", at, err)
		}
		for r, err := range s.Runs(t.Context()) {
			if err != nil || r.ID != run || r.Last < last {
				t.Fatalf("runs: %+v, %v", r, err)
			}
		}
	}
	t.Logf("the slowest load has taken %v", slowest)
	c.kill(t, 0)
}

func TestRekeyThatIsKilledLeavesTheOldKeysOrTheNew(t *testing.T) {
	dir := t.TempDir()
	s := made(t, dir)
	want, err := s.Load(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for round := range 10 {
		c := start(t, rekeyEnv, s.String())
		for range round {
			if _, err := c.out.ReadString('\n'); err != nil {
				t.Fatal(err)
			}
		}
		c.kill(t, 0)
		opens := -1
		for i, keys := range keysInTurn() {
			now := bolt.New(s.String(), bolt.Options{Keys: keys})
			state, err := now.Load(t.Context())
			if errors.Is(err, keyring.ErrKeys) {
				continue
			}
			if err != nil || !cmp.Equal(state, want) {
				t.Fatalf("round %d: another state is loaded (%v)", round, err)
			}
			opens = i
		}
		if opens < 0 {
			t.Fatalf("round %d: neither keys open the store", round)
		}
		// The next round begins in clear, and there is nothing left of this.
		now := bolt.New(s.String(), bolt.Options{Keys: keysInTurn()[opens]})
		if err := now.Rekey(t.Context(), storetest.Holder("rekey"), keyring.Keys{}); err != nil {
			t.Fatalf("round %d: %v", round, err)
		}
		if diff := cmp.Diff([]string{"state.db"}, names(t, dir)); diff != "" {
			t.Fatalf("round %d: %s", round, diff)
		}
	}
}
