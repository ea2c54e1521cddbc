package parts

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
)

// A Cluster is a Kubernetes control plane on the loopback, with three nodes on which nothing runs: pods become ready
// because somebody says so. README.md beside kubelab tells what pods can be told to do instead. There is a default
// StorageClass, "standard"; claims of other classes stay pending, as they would elsewhere.
//
// Its methods may be called by many goroutines at the same time.
type Cluster struct {
	dir    string // of kubelab: kubeconfig, ca.crt, ca.key, logs
	config *rest.Config
	client kubernetes.Interface
	dyn    dynamic.Interface
	shared bool

	cmd     *exec.Cmd
	mu      sync.Mutex // held from a command to its answer
	in      io.WriteCloser
	answers chan answer
	errors  bytes.Buffer // what kubelab itself says, to be read when it has ended
}

// answer is a line of kubelab's, as its own comment on the same type says.
type answer struct {
	Did, Error, Dir, Server string
}

// StartCluster starts a cluster of the test's own, which ends with the test. It takes some seconds and 0.7 GB: only
// tests that stop the API server, or change what others see, want one. The cluster also ends when the process of the
// test does, in whatever way.
func StartCluster(t testing.TB) *Cluster {
	t.Helper()
	program := Kubelab(t)
	c, err := startCluster(program)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.stop(); err != nil {
			t.Error(err)
		}
	})
	return c
}

// shared is the cluster of this process: there is one of it, as there is one process.
var shared struct {
	sync.Mutex
	cluster *Cluster
	err     error
}

// SharedCluster is the cluster that all tests of the process share. It is started when the first one asks for it and
// ends with the process. Tests stay apart by [Cluster.Namespace]; names of what has no namespace must be their own.
func SharedCluster(t testing.TB) *Cluster {
	t.Helper()
	program := Kubelab(t)
	shared.Lock()
	defer shared.Unlock()
	if shared.cluster == nil && shared.err == nil {
		shared.cluster, shared.err = startCluster(program)
		if shared.err == nil {
			shared.cluster.shared = true
		}
	}
	if shared.err != nil {
		t.Fatal(shared.err)
	}
	return shared.cluster
}

func startCluster(program string) (*Cluster, error) {
	c := &Cluster{answers: make(chan answer)}
	// Not a context's: the cluster outlives the test that happens to be the first.
	c.cmd = exec.Command(program, "up")
	c.cmd.Stderr = &c.errors
	in, err := c.cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	c.in = in
	out, err := c.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := c.cmd.Start(); err != nil {
		return nil, err
	}
	go func() {
		defer close(c.answers)
		lines := bufio.NewScanner(out)
		lines.Buffer(nil, 1<<20) // some answers quote logs
		for lines.Scan() {
			var a answer
			if err := json.Unmarshal(lines.Bytes(), &a); err != nil {
				a.Error = fmt.Sprintf("kubelab says %q: %v", lines.Bytes(), err)
			}
			c.answers <- a
		}
	}()
	up, err := c.answer()
	if err != nil {
		return nil, errors.Join(err, c.stop())
	}
	c.dir = up.Dir
	if err := c.connect(); err != nil {
		return nil, errors.Join(err, c.stop())
	}
	return c, nil
}

func (c *Cluster) connect() error {
	config, err := clientcmd.BuildConfigFromFlags("", c.Kubeconfig())
	if err != nil {
		return err
	}
	config.QPS = -1 // tests that look often are not to wait for it
	c.config = config
	if c.client, err = kubernetes.NewForConfig(config); err != nil {
		return err
	}
	c.dyn, err = dynamic.NewForConfig(config)
	return err
}

// answer is the next answer of kubelab's.
func (c *Cluster) answer() (answer, error) {
	a, ok := <-c.answers
	if !ok {
		return a, errors.New("kubelab has ended")
	}
	if a.Error != "" {
		return a, fmt.Errorf("kubelab: %s", a.Error)
	}
	return a, nil
}

// stop ends the cluster and returns when nothing of it is left.
func (c *Cluster) stop() error {
	_ = c.in.Close() // it may have ended before
	lost := error(nil)
	for a := range c.answers {
		// A part that ended by itself has answered nobody yet.
		lost = errors.Join(lost, fmt.Errorf("kubelab: %s", a.Error))
	}
	if err := c.cmd.Wait(); err != nil {
		return errors.Join(lost, fmt.Errorf("kubelab: %w: %s", err, bytes.TrimSpace(c.errors.Bytes())))
	}
	return lost
}

// Kubeconfig returns the path of a kubeconfig whose only context, "test", is an administrator's.
func (c *Cluster) Kubeconfig() string { return filepath.Join(c.dir, "kubeconfig") }

// Config returns a configuration for clients of an administrator, which the caller may change. It knows no limit of
// requests per second.
func (c *Cluster) Config() *rest.Config { return rest.CopyConfig(c.config) }

// Client returns a client of an administrator, to look at the world past what is tested, and to change it.
func (c *Cluster) Client() kubernetes.Interface { return c.client }

// Dynamic returns a client of an administrator for kinds that have no Go type here.
func (c *Cluster) Dynamic() dynamic.Interface { return c.dyn }

// StopAPI stops the API server at once: connections break, new ones are refused. etcd and the controllers stay.
func (c *Cluster) StopAPI(t testing.TB) {
	t.Helper()
	c.command(t, "stop-api")
}

// StartAPI starts the API server again, at the same address, and returns when it is ready.
func (c *Cluster) StartAPI(t testing.TB) {
	t.Helper()
	c.command(t, "start-api")
}

func (c *Cluster) command(t testing.TB, line string) {
	t.Helper()
	if c.shared {
		t.Fatalf("%s would disturb other tests: take a cluster from StartCluster", line)
	}
	if err := c.tell(line); err != nil {
		t.Fatal(err)
	}
}

func (c *Cluster) tell(line string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, err := fmt.Fprintln(c.in, line); err != nil {
		return fmt.Errorf("kubelab: %s: %w", line, err)
	}
	_, err := c.answer()
	return err
}

// spaces counts the namespaces of the process, whatever cluster they are in.
var spaces atomic.Int64

// Namespace returns a name for a namespace that no other test of the process uses. The test makes it if it wants it;
// if it is there when the test ends, it is deleted, which nobody waits for.
func (c *Cluster) Namespace(t testing.TB) string {
	t.Helper()
	name := fmt.Sprintf("test-%d", spaces.Add(1))
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		err := c.client.CoreV1().Namespaces().Delete(ctx, name, metav1.DeleteOptions{})
		if err != nil && !apierrors.IsNotFound(err) && !apierrors.IsConflict(err) {
			t.Logf("namespace %s stays: %v", name, err) // it does not outlive the cluster
		}
	})
	return name
}

// StorageClass makes a class whose claims get volumes at once. It is gone when the test has ended.
func (c *Cluster) StorageClass(t testing.TB, name string) {
	t.Helper()
	makeStorageClass(t, c.client, name)
}

// Until waits until ok says so, and fails the test when it has not within a minute. The text says what is waited for, as in
// "the deployment is gone". An error of ok's counts as not yet.
func (c *Cluster) Until(t testing.TB, what string, ok func(ctx context.Context) (bool, error)) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		is, err := ok(ctx)
		if is && err == nil {
			return
		}
		select {
		case <-ctx.Done():
			t.Fatal(strings.TrimSpace(fmt.Sprintf("waited in vain until %s: %v", what, err)))
		case <-tick.C:
		}
	}
}
