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
	"github.com/devstream-io/dtm/store/storetest"
)

// childEnv makes the test binary record into the store it names until it is killed, instead of running tests.
const childEnv = "DTM_TEST_RECORD_INTO"

func TestMain(m *testing.M) {
	if path := os.Getenv(childEnv); path != "" {
		if err := recordForEver(path); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
	os.Exit(m.Run())
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
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childEnv+"="+path)
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
	_, loadErr := s.Load(t.Context())
	_, openErr := s.Open(t.Context(), storetest.Holder("apply"), nil)
	for _, err := range []error{loadErr, openErr} {
		var locked *store.LockedError
		if !errors.As(err, &locked) {
			t.Fatalf("%v, want *LockedError", err)
		}
		if want := childHolder(c.cmd.Process.Pid); !cmp.Equal(want, locked.Holder) {
			t.Errorf("the holder is said to be %+v, want %+v", locked.Holder, want)
		}
	}
	c.kill(t, 0)
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
