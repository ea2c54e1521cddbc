package external_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/devstream-io/dtm/plugins"
	"github.com/devstream-io/dtm/plugins/external"
	"github.com/devstream-io/dtm/plugins/plugintest"
)

// mustBeCrash checks what every error of a process that has ended is.
func mustBeCrash(t testing.TB, err error, texts ...string) {
	t.Helper()
	for _, text := range append(texts, "plugin odd: create: ") {
		if !strings.Contains(err.Error(), text) {
			t.Errorf("the error does not say %q: %v", text, err)
		}
	}
	if after, ok := plugins.RetryAfter(err); !ok || after != 0 {
		t.Errorf("retryable: %t after %v", ok, after)
	}
	var hinted interface{ Hint() string }
	if !errors.As(err, &hinted) || hinted.Hint() == "" {
		t.Error("the error has no hint")
	}
}

func TestACrashIsTheErrorOfTheVerbsThatRan(t *testing.T) {
	redacting := plugins.WithRedact(t.Context(), func(text string) string {
		return strings.ReplaceAll(text, "correct horse", "(known)")
	})
	for _, c := range []struct {
		name  string
		crash func(t *testing.T, kind plugins.Kind) error
		says  []string
	}{
		{"killed from outside", func(t *testing.T, kind plugins.Kind) error {
			must(t, syscall.Kill(pid(t, kind), syscall.SIGKILL))
			return nil
		}, []string{"its process ended: signal: killed"}},
		{"exits", func(t *testing.T, kind plugins.Kind) error {
			_, err := kind.Create(t.Context(), encode(order{Do: "exit"}))
			return err
		}, []string{"its process ended: exit status 3"}},
		{"panics in a goroutine", func(t *testing.T, kind plugins.Kind) error {
			_, err := kind.Create(redacting, encode(order{Do: "panic elsewhere", Secret: "correct horse"}))
			return err
		}, []string{"its process ended: exit status 2", "it said last:\n  panic: out of hand: (known)\n", "external_test.odd.Create"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			kind := oddKind(t, external.Options{})
			before := pid(t, kind)
			var others []<-chan error
			for range 5 {
				others = append(others, begin(t, redacting, kind, order{Do: "wait"}))
			}
			if err := c.crash(t, kind); err != nil {
				mustBeCrash(t, err, c.says...)
			}
			for _, other := range others {
				mustBeCrash(t, ends(t, other), c.says...)
			}
			if after := pid(t, kind); after == before {
				t.Errorf("the process is still %d", after)
			}
		})
	}
}

func TestAPluginThatEndsAgainAndAgainIsNotStartedForEver(t *testing.T) {
	kind := oddKind(t, external.Options{})
	for range 4 {
		_, err := kind.Create(t.Context(), encode(order{Do: "exit"}))
		mustBeCrash(t, err)
	}
	_, err := kind.Read(t.Context(), encode(order{Do: "nothing"}), nil)
	const want = "plugin odd: its process has ended 4 times in this run and is not started again; the last time, its process ended: exit status 3"
	if err == nil || err.Error() != want {
		t.Errorf("the fifth time: %v", err)
	}
	if _, ok := plugins.RetryAfter(err); ok {
		t.Error("the error is retryable")
	}
}

func TestAProcessThatHangsIsKilled(t *testing.T) {
	kind := oddKind(t, external.Options{HealthEvery: 50 * time.Millisecond, HealthWait: 2 * time.Second})
	before := pid(t, kind)
	other := begin(t, t.Context(), kind, order{Do: "wait"})
	_, err := kind.Create(t.Context(), encode(order{Do: "freeze"}))
	const says = "it gave no sign of life for 2s and was killed"
	mustBeCrash(t, err, says)
	mustBeCrash(t, ends(t, other), says)
	if after := pid(t, kind); after == before {
		t.Errorf("the process is still %d", after)
	}
	if alive(before) {
		t.Errorf("process %d is still there", before)
	}
}

func TestAVerbThatRunsLongIsNoHang(t *testing.T) {
	kind := oddKind(t, external.Options{HealthEvery: time.Millisecond, HealthWait: soon})
	before := pid(t, kind)
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	if _, err := kind.Create(ctx, encode(order{Do: "wait"})); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("error: %v", err)
	}
	if after := pid(t, kind); after != before {
		t.Errorf("the process was %d and is %d", before, after)
	}
}

func TestACancelledVerbSaysItsOutcome(t *testing.T) {
	kind := oddKind(t, external.Options{})
	before := pid(t, kind)

	ctx, cancel := context.WithCancel(t.Context())
	ended := begin(t, ctx, kind, order{Do: "wait"})
	cancel()
	if err := ends(t, ended); !errors.Is(err, context.Canceled) || err.Error() != "interrupted: context canceled" {
		t.Errorf("error: %v", err)
	}

	ctx, cancel = context.WithCancel(t.Context())
	ctx, begun := until(ctx, "begun")
	go func() {
		<-begun
		cancel()
	}()
	r, err := kind.Create(ctx, encode(order{Do: "finish"}))
	if err != nil || decode[done](t, r).Text != "finished all the same" {
		t.Errorf("what was finished all the same: %s, %v", r, err)
	}
	if after := pid(t, kind); after != before {
		t.Errorf("the process was %d and is %d", before, after)
	}
}

func TestADeadlineGoesAlong(t *testing.T) {
	kind := oddKind(t, external.Options{})
	ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
	ctx, told := until(ctx, "1h0m0s left")
	ended := make(chan error, 1)
	go func() {
		_, err := kind.Create(ctx, encode(order{Do: "wait"}))
		ended <- err
	}()
	select {
	case <-told:
	case err := <-ended:
		t.Fatalf("the plugin did not say how long it has: %v", err)
	case <-time.After(soon):
		t.Fatal("the plugin does not say how long it has")
	}
	cancel()
	if err := ends(t, ended); !errors.Is(err, context.Canceled) {
		t.Errorf("error: %v", err)
	}
}

func TestAVerbThatDoesNotStopIsKilled(t *testing.T) {
	kind := oddKind(t, external.Options{Grace: 300 * time.Millisecond})
	before := pid(t, kind)
	other := begin(t, t.Context(), kind, order{Do: "wait"})
	ctx, cancel := context.WithCancel(t.Context())
	stubborn := begin(t, ctx, kind, order{Do: "stubborn"})
	cancel()
	const says = "it did not stop within 300ms of being asked to, and was killed"
	err := ends(t, stubborn)
	if !errors.Is(err, context.Canceled) || !strings.Contains(err.Error(), says) {
		t.Errorf("error: %v", err)
	}
	if _, ok := plugins.RetryAfter(err); ok {
		t.Error("what was cancelled is retryable")
	}
	mustBeCrash(t, ends(t, other), says)
	if after := pid(t, kind); after == before {
		t.Errorf("the process is still %d", after)
	}
}

func TestNothingIsStartedForWhoDoesNotWait(t *testing.T) {
	host := newHost(t, external.Options{})
	i := oddInstalled(t)
	i.Command = []string{"/nowhere/at/all"}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := host.Kind(i).Create(ctx, encode(order{Do: "nothing"})); !errors.Is(err, context.Canceled) {
		t.Errorf("error: %v", err)
	}
}

func TestCloseLeavesNoProcess(t *testing.T) {
	for _, c := range []struct {
		name string
		do   string
	}{{"idle", ""}, {"in a verb", "wait"}, {"in a verb that does not stop", "stubborn"}, {"frozen", "freeze"}} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			env := plugintest.Env(dir)
			env.Getenv = func(name string) string { return map[string]string{"TMPDIR": "/tmp"}[name] }
			host := external.New(external.Options{Env: env})
			kind := host.Kind(oddInstalled(t))
			r, err := kind.Create(t.Context(), encode(order{Do: "child"}))
			must(t, err)
			made := decode[done](t, r)
			var ended <-chan error
			switch c.do {
			case "":
			case "freeze":
				end := make(chan error, 1)
				go func() {
					_, err := kind.Create(t.Context(), encode(order{Do: c.do}))
					end <- err
				}()
				eventually(t, "the process is frozen", func() bool { return state(made.PID) == "T" })
				ended = end
			default:
				ended = begin(t, t.Context(), kind, order{Do: c.do})
			}
			must(t, host.Close(t.Context()))
			for _, id := range []int{made.PID, made.Child} {
				eventually(t, fmt.Sprintf("process %d ends", id), func() bool { return !alive(id) })
			}
			const says = "dtm is ending and needs no plugin any more"
			if ended != nil {
				if err := ends(t, ended); !strings.Contains(err.Error(), says) {
					t.Errorf("the verb that ran: %v", err)
				}
			}
			if _, err := kind.Read(t.Context(), encode(order{}), nil); err == nil || !strings.Contains(err.Error(), says) {
				t.Errorf("a verb that comes late: %v", err)
			}
			must(t, host.Close(t.Context()))
		})
	}
}

func TestCloseEndsAStart(t *testing.T) {
	log, logger := newJournal()
	host := newHost(t, external.Options{Log: logger, StartWait: 2 * soon})
	ended := make(chan error, 1)
	go func() { ended <- host.Start(context.Background(), program(t, "waits", oddSchema)) }()
	log.entry(t, func(e map[string]any) bool { return e["message"] == "waiting" })
	must(t, host.Close(t.Context()))
	if err := ends(t, ended); !strings.Contains(err.Error(), "dtm is ending and needs no plugin any more") {
		t.Errorf("the start: %v", err)
	}
}

func TestWhatAProcessHasStartedEndsWithIt(t *testing.T) {
	kind := oddKind(t, external.Options{})
	r, err := kind.Create(t.Context(), encode(order{Do: "child"}))
	must(t, err)
	child := decode[done](t, r).Child
	if !alive(child) {
		t.Fatal("there is no child")
	}
	_, err = kind.Create(t.Context(), encode(order{Do: "exit"}))
	mustBeCrash(t, err)
	eventually(t, "the child ends", func() bool { return !alive(child) })
}

func TestTheEndOfDtmIsTheEndOfItsPlugins(t *testing.T) {
	for _, does := range []string{"wait", "stubborn", "freeze"} {
		t.Run(does, func(t *testing.T) {
			dtm := exec.Command(os.Args[0])
			dtm.Env = append(os.Environ(), hostsIn+"="+shortDir(t), "EXTERNAL_DOES="+does)
			out, err := dtm.StdoutPipe()
			must(t, err)
			must(t, dtm.Start())
			line, err := bufio.NewReader(out).ReadString('\n')
			must(t, err)
			id, err := strconv.Atoi(strings.TrimSpace(line))
			must(t, err)
			if does == "freeze" {
				eventually(t, "the plugin is frozen", func() bool { return state(id) == "T" })
			} else if !alive(id) {
				t.Fatal("there is no plugin")
			}
			must(t, dtm.Process.Kill())
			_ = dtm.Wait()
			eventually(t, "the plugin ends", func() bool { return !alive(id) })
		})
	}
}

func TestAnInterruptOfTheTerminalIsNotForPlugins(t *testing.T) {
	kind := oddKind(t, external.Options{})
	id := pid(t, kind)
	ctx, cancel := context.WithCancel(t.Context())
	ended := begin(t, ctx, kind, order{Do: "wait"})
	group, err := syscall.Getpgid(id)
	must(t, err)
	if own, _ := syscall.Getpgid(os.Getpid()); own == group {
		t.Error("it is in the group of dtm")
	}
	for range 3 {
		must(t, syscall.Kill(-group, syscall.SIGINT))
	}
	if after := pid(t, kind); after != id {
		t.Errorf("the process was %d and is %d", id, after)
	}
	cancel()
	if err := ends(t, ended); err.Error() != "interrupted: context canceled" {
		t.Errorf("error: %v", err)
	}
}

// alive tells whether a process is there and not only waited for.
func alive(id int) bool {
	switch state(id) {
	case "", "X", "Z":
		return false
	}
	return true
}

// state is the letter that Linux has for what a process does, "" if there is none.
func state(id int) string {
	stat, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(id), "stat"))
	if err != nil {
		return ""
	}
	_, rest, _ := strings.Cut(string(stat), ") ")
	return rest[:1]
}
