package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/devstream-io/dtm/cmd/dtm/parts"
)

// oldTwo is what DevStream 0.7 left of two files, of which the configuration wants the first to be another one and does not
// speak of the second.
const oldTwo = `localfile_a:
  name: localfile
  instanceid: a
  dependson: []
  options: {filename: a.txt, content: one}
  resource: {filename: a.txt, content: one}
localfile_b:
  name: localfile
  instanceid: b
  dependson: []
  options: {filename: b.txt, content: two}
  resource: {filename: b.txt, content: two}
`

// leaveTwo makes a folder as DevStream left it; section says where the state is.
func leaveTwo(t *testing.T, dir, section string) {
	t.Helper()
	writeFile(t, filepath.Join(dir, "a.txt"), "one")
	writeFile(t, filepath.Join(dir, "b.txt"), "two")
	writeFile(t, filepath.Join(dir, "config.yaml"), section+"tools:\n- {name: localfile, instanceID: a, options: {filename: a.txt, content: other}}\n")
}

// converges applies once more and checks that all is as it should be, and that the old state was taken over just once.
func converges(t *testing.T, when string, command func(args ...string) *exec.Cmd, dir string) {
	t.Helper()
	for _, line := range []string{"apply -y", "verify", "apply -y"} {
		if out, err := command(strings.Fields(line)...).CombinedOutput(); err != nil {
			t.Fatalf("%s: dtm %s: %v\n%s", when, line, err, out)
		}
	}
	if data, err := os.ReadFile(filepath.Join(dir, "a.txt")); err != nil || string(data) != "other" {
		t.Errorf("%s: a.txt has %q, %v", when, data, err)
	}
	if _, err := os.Stat(filepath.Join(dir, "b.txt")); !os.IsNotExist(err) {
		t.Errorf("%s: b.txt is still there: %v", when, err)
	}
	out, err := command("history", "-n", "99").CombinedOutput()
	if n := strings.Count(string(out), "take over "); err != nil || n != 1 {
		t.Errorf("%s: it was taken over %d times, %v:\n%s", when, n, err, out)
	}
	left, err := filepath.Glob(filepath.Join(dir, "devstream.*"))
	// Who is killed when all is done leaves the file of the lock, which nobody holds; the next one that writes removes it.
	left = slices.DeleteFunc(left, func(name string) bool { return filepath.Ext(name) == ".lock" })
	if err != nil || len(left) > 2 {
		t.Errorf("%s: there is %q", when, left)
	}
}

// However a take-over is cut off, the next one completes it: never is anything half taken over, or taken over twice.
func TestATakeOverThatIsKilledIsCompleted(t *testing.T) {
	t.Run("a file", func(t *testing.T) {
		t.Parallel()
		program := parts.DTM(t)
		rounds := 40
		if testing.Short() {
			rounds = 10
		}
		usual := 300 * time.Millisecond
		kept := 0
		for i := range rounds {
			dir := t.TempDir()
			leaveTwo(t, dir, "")
			writeFile(t, filepath.Join(dir, "devstream.state"), oldTwo)
			command := func(args ...string) *exec.Cmd {
				cmd := exec.Command(program, args...)
				cmd.Dir = dir
				return cmd
			}
			ctx, cancel := context.WithTimeout(t.Context(), usual*time.Duration(i)/time.Duration(rounds))
			cmd := exec.CommandContext(ctx, program, "apply", "-y")
			cmd.Dir = dir
			began := time.Now()
			if err := cmd.Run(); err == nil {
				usual = time.Since(began)
			}
			cancel()
			when := fmt.Sprintf("killed after %v", time.Since(began))
			if data, err := os.ReadFile(filepath.Join(dir, "devstream.state")); err != nil || len(data) == 0 {
				t.Fatalf("%s: the state has %d bytes, %v", when, len(data), err)
			} else if string(data) == oldTwo {
				kept++
				if i > rounds/2 {
					usual = usual * 3 / 2 // the machine is slower than it was thought to be
				}
			}
			converges(t, when, command, dir)
			if data, err := os.ReadFile(filepath.Join(dir, "devstream.state.bak")); err != nil || string(data) != oldTwo {
				t.Errorf("%s: the backup has %q, %v", when, data, err)
			}
		}
		if kept == rounds {
			t.Errorf("never had it got so far as to take over")
		}
	})
	t.Run("a bucket", func(t *testing.T) {
		t.Parallel()
		address := parts.ServeS3(t, "team", "AKIDTEST", "secret-of-the-test")
		for _, heard := range []bool{false, true} {
			killedBetween(t, "http://"+address, heard, func(n int, front, dir string) (func(args ...string) *exec.Cmd, func()) {
				key := fmt.Sprintf("old-%t-%d", heard, n)
				leaveTwo(t, dir, fmt.Sprintf("state: {backend: s3, options: {bucket: team, key: %s, region: us-east-1, endpoint: %q, pathStyle: true}}\n", key, front))
				bucketObject(t, address, http.MethodPut, key, oldTwo)
				command := func(args ...string) *exec.Cmd {
					cmd := dtm(t, dir, args...)
					cmd.Env = os.Environ()
					for name, value := range s3Env("secret-of-the-test") {
						cmd.Env = append(cmd.Env, name+"="+value)
					}
					return cmd
				}
				return command, func() {
					if kept := bucketObject(t, address, http.MethodGet, key+".bak", ""); kept != oldTwo {
						t.Errorf("%s.bak has %q", key, kept)
					}
				}
			})
		}
	})
	t.Run("a ConfigMap", func(t *testing.T) {
		cluster := parts.SharedCluster(t)
		proxy := cluster.Proxy(t)
		text, err := os.ReadFile(proxy.Kubeconfig())
		if err != nil {
			t.Fatal(err)
		}
		address := regexp.MustCompile(`server: (\S+)`).FindStringSubmatch(string(text))[1]
		namespace := cluster.Namespace(t)
		if _, err := cluster.Dynamic().Resource(kinds["Namespace"]).Create(t.Context(), &unstructured.Unstructured{Object: map[string]any{
			"apiVersion": "v1", "kind": "Namespace", "metadata": map[string]any{"name": namespace},
		}}, metav1.CreateOptions{}); err != nil {
			t.Fatal(err)
		}
		maps := cluster.Dynamic().Resource(kinds["ConfigMap"]).Namespace(namespace)
		for _, heard := range []bool{false, true} {
			killedBetween(t, address, heard, func(n int, front, dir string) (func(args ...string) *exec.Cmd, func()) {
				name := fmt.Sprintf("old-%t-%d", heard, n)
				// As DevStream made them.
				if _, err := maps.Create(t.Context(), &unstructured.Unstructured{Object: map[string]any{
					"apiVersion": "v1", "kind": "ConfigMap", "data": map[string]any{"state": oldTwo}, "metadata": map[string]any{"name": name, "labels": map[string]any{
						"app.kubernetes.io/name": name, "app.kubernetes.io/managed-by": "DevStream", "created_by": "DevStream",
					}},
				}}, metav1.CreateOptions{FieldManager: "DevStream"}); err != nil {
					t.Fatal(err)
				}
				leaveTwo(t, dir, fmt.Sprintf("state: {backend: k8s, options: {namespace: %s, configmap: %s, kubeconfig: kube, stateFile: devstream.db}}\n---\n", namespace, name))
				writeFile(t, filepath.Join(dir, "kube"), strings.ReplaceAll(string(text), address, front))
				command := func(args ...string) *exec.Cmd { return dtm(t, dir, args...) }
				return command, func() {
					for _, each := range []string{name, name + ".bak"} {
						object, err := maps.Get(t.Context(), each, metav1.GetOptions{})
						if err != nil {
							t.Fatal(err)
						}
						if text, _, _ := unstructured.NestedString(object.Object, "data", "state"); text != oldTwo {
							t.Errorf("%s has %q", each, text)
						}
					}
				}
			})
		}
	})
}

// killedBetween kills dtm at each of the requests that change something, when the service has got it, or just before. world
// makes a world in which dtm has not yet taken over, for a service that is reached at front, and a check of the backup.
func killedBetween(t *testing.T, address string, heard bool, world func(n int, front, dir string) (command func(args ...string) *exec.Cmd, check func())) {
	t.Helper()
	to, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	service := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(to)
		r.Out.Host = r.In.Host
	}}
	var left atomic.Int64 // requests that change something, until the one that is not answered
	done := make(chan string)
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet || r.Method == http.MethodHead || left.Add(-1) != 0 {
			service.ServeHTTP(w, r)
			return
		}
		if heard {
			service.ServeHTTP(httptest.NewRecorder(), r)
		} else {
			_, _ = io.Copy(io.Discard, r.Body) // before, nobody notices that the client has gone
		}
		done <- r.Method + " " + r.URL.Path
		<-r.Context().Done()
	}))
	t.Cleanup(func() {
		front.CloseClientConnections()
		front.Close()
	})
	for n := 1; ; n++ {
		dir := t.TempDir()
		command, check := world(n, front.URL, dir)
		left.Store(int64(n))
		cmd := command("apply", "-y")
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		ended := make(chan error, 1)
		go func() { ended <- cmd.Wait() }()
		var last string
		select {
		case err := <-ended:
			if err != nil || n < 3 {
				t.Fatalf("nobody killed it, and there were %d requests: %v", n-1, err)
			}
			check()
			return
		case last = <-done:
		}
		if err := cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		if err := <-ended; err == nil {
			t.Fatalf("it ended well, though it was killed at %s", last)
		}
		left.Store(0)
		when := fmt.Sprintf("killed at %s (%d, heard: %t)", last, n, heard)
		// A lock in a bucket outlives its holder for a while.
		if out, err := command("state", "lock").CombinedOutput(); err != nil {
			t.Fatalf("%s: %v\n%s", when, err, out)
		} else if m := regexp.MustCompile(`(?m)^id +(\S+)`).FindStringSubmatch(string(out)); m != nil {
			if out, err := command("state", "unlock", "--id", m[1]).CombinedOutput(); err != nil {
				t.Fatalf("%s: %v\n%s", when, err, out)
			}
		}
		converges(t, when, command, dir)
		check()
	}
}

// Of several that take an old state over at once, one does; the others see that, plan again or say so, and nothing is lost.
func TestOfSeveralTakeOversAtOnceOneWins(t *testing.T) {
	t.Parallel()
	program := parts.DTM(t)
	for range 5 {
		dir := t.TempDir()
		leaveTwo(t, dir, "")
		writeFile(t, filepath.Join(dir, "devstream.state"), oldTwo)
		command := func(args ...string) *exec.Cmd {
			cmd := exec.Command(program, args...)
			cmd.Dir = dir
			return cmd
		}
		const many = 6
		type end struct {
			out []byte
			err error
		}
		ends := make(chan end, many)
		for range many {
			go func() {
				out, err := command("apply", "-y", "--lock-timeout", "60s").CombinedOutput()
				ends <- end{out, err}
			}()
		}
		for range many {
			if e := <-ends; e.err != nil {
				t.Errorf("%v\n%s", e.err, e.out)
			}
		}
		converges(t, "at once", command, dir)
	}
}
