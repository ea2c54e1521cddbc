// Package parts finds or builds the real programs that tests run against, so that no test talks to a toy.
//
// A part is named by a function that returns the path of its program. Where a part cannot be had, the test that asked
// for it is skipped and says what to install; with DTM_TEST_PARTS=require in the environment, as in CI, it fails, so
// that nothing is left out in silence. Tests with other needs of the machine (a reference folder, root) say so with
// [Need] and obey the same switch.
package parts

import (
	"os"
	"os/exec"
	"testing"
)

// Switch is the environment variable that decides what a missing part does to a test: unset or empty skips it,
// "require" fails it.
const Switch = "DTM_TEST_PARTS"

// Cue returns the path of the cue command, in the version of CUE that dtm itself is made with. Run it with
// CUE_REGISTRY=none, or it may look for modules on the network.
func Cue(t testing.TB) string {
	t.Helper()
	return Build{Name: "cue", Package: "cuelang.org/go/cmd/cue"}.Path(t)
}

// DTM returns the path of dtm, built from the sources as they are now. It is for tests that need a process of its own,
// to kill for example. A dtm that does not build always fails the test.
func DTM(t testing.TB) string {
	t.Helper()
	path, err := Build{Name: "dtm", Package: "./cmd/dtm"}.make(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// VersityGW returns the path of versitygw, an S3 server that keeps its objects as files and honours conditional writes.
// Its first build takes some minutes.
func VersityGW(t testing.TB) string {
	t.Helper()
	return Build{Name: "versitygw", Module: "cmd/dtm/parts/versitygw", Package: "github.com/versity/versitygw/cmd/versitygw", Env: []string{"CGO_ENABLED=0"}}.Path(t)
}

// Kubelab returns the path of kubelab, a Kubernetes control plane in one program. Its first build takes many minutes.
// Tests want [SharedCluster] or [StartCluster], which run it.
func Kubelab(t testing.TB) string {
	t.Helper()
	return kubelab().Path(t)
}

// kubelab names its version at build time, as Kubernetes' own builds do: a chart may refuse a cluster that is too old, and
// without a version every cluster is.
func kubelab() Build {
	const version = "k8s.io/component-base/version"
	return Build{
		Name:    "kubelab",
		Module:  "cmd/dtm/parts/kubelab",
		Package: "github.com/devstream-io/dtm/cmd/dtm/parts/kubelab",
		LDFlags: "-s -w -X " + version + ".gitVersion=v1.36.3 -X " + version + ".gitMajor=1 -X " + version + ".gitMinor=36 -X " + version + ".gitTreeState=clean",
		Env:     []string{"CGO_ENABLED=0"},
	}
}

// Dot returns the path of Graphviz's dot.
func Dot(t testing.TB) string {
	t.Helper()
	return installed(t, "dot", "graphviz")
}

// Git returns the path of git.
func Git(t testing.TB) string {
	t.Helper()
	return installed(t, "git", "git")
}

// Need is [Missing] unless ok.
func Need(t testing.TB, ok bool, format string, args ...any) {
	t.Helper()
	if !ok {
		Missing(t, format, args...)
	}
}

// Missing ends the test because of something that the machine does not have: it skips or fails it, as [Switch] says.
// The message says what is missing and how to get it: "dot is not here: install graphviz".
func Missing(t testing.TB, format string, args ...any) {
	t.Helper()
	switch how := os.Getenv(Switch); how {
	case "":
		t.Skipf(format, args...)
	case "require":
		t.Fatalf(format, args...)
	default:
		t.Fatalf("%s is %q: leave it unset or write require", Switch, how)
	}
}

func installed(t testing.TB, program, pkg string) string {
	t.Helper()
	path, err := exec.LookPath(program)
	if err != nil {
		Missing(t, "%s is not here: install %s", program, pkg)
	}
	return path
}
