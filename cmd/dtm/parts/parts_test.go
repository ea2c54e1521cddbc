package parts

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"
)

// Each part is really what it is called. CI runs this test first, so that what takes long to build is there before
// the other tests ask for it.
func TestEveryPart(t *testing.T) {
	tests := []struct {
		name  string
		part  func(testing.TB) string
		args  []string
		wants string
	}{
		{"cue", Cue, []string{"version"}, "cue version v0."},
		{"dtm", DTM, []string{"--help"}, "Usage: dtm"},
		{"versitygw", VersityGW, []string{"--version"}, "Version"},
		{"kubelab", Kubelab, []string{"version"}, "kubelab: Kubernetes v1.36."},
		{"dot", Dot, []string{"-V"}, "graphviz version"},
		{"git", Git, []string{"--version"}, "git version"},
		{"python", Python, []string{"--version"}, "Python 3."},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			out, err := exec.CommandContext(t.Context(), tt.part(t), tt.args...).CombinedOutput()
			if err != nil || !strings.Contains(string(out), tt.wants) {
				t.Errorf("it says %q (%v), want %q", out, err, tt.wants)
			}
		})
	}
}

func TestMissing(t *testing.T) {
	tests := []struct {
		name, require string
		test          func(testing.TB)
		wants         string
	}{
		{"skips", "", func(t testing.TB) { Missing(t, "no %s", "root") }, "skip: no root"},
		{"fails", "require", func(t testing.TB) { Missing(t, "no %s", "root") }, "fatal: no root"},
		{"knows no other word", "required", func(t testing.TB) { Missing(t, "no %s", "root") },
			`fatal: DTM_TEST_PARTS is "required": leave it unset or write require`},
		{"need not met", "", func(t testing.TB) { Need(t, 1 > 2, "no %s", "root") }, "skip: no root"},
		{"need met", "require", func(t testing.TB) { Need(t, 2 > 1, "no %s", "root") }, "ran on"},
		{"dot", "", func(t testing.TB) { Dot(t) }, "skip: dot is not here: install graphviz"},
		{"git", "require", func(t testing.TB) { Git(t) }, "fatal: git is not here: install git"},
		{"cue", "", func(t testing.TB) { Cue(t) }, `skip: cue is not here: go env: exec: "go": executable file not found in $PATH`},
		{"dtm", "", func(t testing.TB) { DTM(t) }, `fatal: go env: exec: "go": executable file not found in $PATH`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Setenv("PATH", t.TempDir())
			t.Setenv(Switch, tt.require)
			if got := outcome(t, tt.test); got != tt.wants {
				t.Errorf("the test ended with %q, want %q", got, tt.wants)
			}
		})
	}
}

// outcome tells how a test would end.
func outcome(t *testing.T, test func(testing.TB)) string {
	r := &recorder{TB: t, outcome: "ran on"}
	done := make(chan struct{})
	go func() {
		defer close(done)
		test(r)
	}()
	<-done
	return r.outcome
}

// recorder is a testing.TB that ends a test as the real one does, and remembers how.
type recorder struct {
	testing.TB
	outcome string
}

func (r *recorder) Helper() {}

func (r *recorder) Skipf(format string, args ...any) { r.end("skip: ", format, args...) }

func (r *recorder) Fatalf(format string, args ...any) { r.end("fatal: ", format, args...) }

func (r *recorder) Fatal(args ...any) { r.end("fatal: ", "%s", fmt.Sprint(args...)) }

func (r *recorder) end(how, format string, args ...any) {
	r.outcome = how + fmt.Sprintf(format, args...)
	runtime.Goexit()
}

func TestMain(m *testing.M) {
	switch os.Getenv("PARTS_TEST_CHILD") {
	case "builds":
		child()
		return
	case "clusters":
		clusterChild()
		return
	}
	os.Exit(m.Run())
}
