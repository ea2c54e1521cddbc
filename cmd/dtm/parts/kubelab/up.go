package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"syscall"
)

// answer is one line of what up writes to its output, as JSON: one when the cluster is there, one for each line of its
// input, and one when a part ends by itself.
type answer struct {
	// Did is "up", or the line of input that this answers.
	Did string `json:"did,omitempty"`
	// Error says why it was not done.
	Error string `json:"error,omitempty"`
	// Dir is the folder of the cluster: kubeconfig, ca.crt, ca.key, and a log of each part.
	Dir string `json:"dir,omitempty"`
	// Server is the address of the API server.
	Server string `json:"server,omitempty"`
}

// up runs a cluster until its input ends, which happens at the latest when the process dies that holds the other end:
// nothing is left behind, however that process died. On lines of input it stops ("stop-api") and starts ("start-api")
// the API server.
//
// It is in a session of its own, so that a ^C at the terminal, or a kill of the test's process group, leaves it the
// time to tidy up. If it is killed itself, the kernel kills the parts and only files are left.
func up() error {
	runtime.LockOSThread()
	_, _ = syscall.Setsid() // fails for the first process of a group, which is as well off
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	ctx, end := context.WithCancelCause(ctx)
	lines := make(chan string)
	go func() {
		in := bufio.NewScanner(os.Stdin)
		for in.Scan() {
			select {
			case lines <- in.Text():
			case <-ctx.Done():
			}
		}
		end(errors.New("the input has ended"))
	}()

	dir, err := os.MkdirTemp("", "kubelab-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	c := &cluster{dir: dir}
	defer c.kill()
	say := json.NewEncoder(os.Stdout)
	if err := c.start(ctx); err != nil {
		return say.Encode(answer{Did: "up", Error: err.Error()})
	}
	if err := say.Encode(answer{Did: "up", Dir: dir, Server: c.server()}); err != nil {
		return err
	}
	for {
		reply := answer{}
		select {
		case <-ctx.Done():
			return nil
		case line := <-lines:
			reply.Did = line
			if err := c.command(ctx, line); err != nil {
				reply.Error = err.Error()
			}
		case p := <-c.lost:
			if p.name == "apiserver" && p != c.api {
				continue // it was stopped
			}
			reply.Error = p.lost().Error()
		}
		if err := say.Encode(reply); err != nil {
			return err
		}
	}
}

// A cluster is the processes of one control plane and the folder that is all they know.
type cluster struct {
	dir  string
	port struct{ api, etcd, peer int }
	api  *process   // nil while it is stopped
	rest []*process // in the order they were started
	lost chan *process
}

// firstService is the address of the service "kubernetes". Services have addresses on the loopback: the API server
// calls webhooks there, of pods that nobody runs, and is refused at once, without a route and without leaving the machine.
var firstService = net.IPv4(127, 96, 0, 1)

func (c *cluster) server() string { return fmt.Sprintf("https://127.0.0.1:%d", c.port.api) }

func (c *cluster) file(name string) string { return filepath.Join(c.dir, name) }

// start returns when the cluster can be used. A port that somebody takes between being found free and being listened
// on is another one the next time.
func (c *cluster) start(ctx context.Context) error {
	ca, err := newAuthority(c.dir)
	if err != nil {
		return err
	}
	if err := errors.Join(ca.server(), ca.administrator(), ca.tokens()); err != nil {
		return err
	}
	for range 5 {
		if err = c.startOnce(ctx); err == nil {
			return nil
		}
		c.kill()
		var lost *lostError
		if !errors.As(err, &lost) || !lost.taken() {
			return err
		}
		if err := os.RemoveAll(c.file("etcd")); err != nil {
			return err
		}
	}
	return err
}

func (c *cluster) startOnce(ctx context.Context) error {
	ports, err := freePorts(3)
	if err != nil {
		return err
	}
	c.port.api, c.port.etcd, c.port.peer = ports[0], ports[1], ports[2]
	c.rest, c.lost = nil, make(chan *process, 16)
	if err := os.WriteFile(c.file("kubeconfig"), []byte(c.kubeconfig()), 0o600); err != nil {
		return err
	}
	client, peer := fmt.Sprintf("http://127.0.0.1:%d", c.port.etcd), fmt.Sprintf("http://127.0.0.1:%d", c.port.peer)
	if err := c.add("etcd", "--name=lab", "--data-dir="+c.file("etcd"), "--log-level=warn", "--unsafe-no-fsync",
		"--listen-client-urls="+client, "--advertise-client-urls="+client,
		"--listen-peer-urls="+peer, "--initial-advertise-peer-urls="+peer, "--initial-cluster=lab="+peer); err != nil {
		return err
	}
	if err := c.startAPI(ctx); err != nil {
		return err
	}
	// A controller that is left out is missed somewhere: all of them run, in the name of the administrator, which is
	// seconds faster than with a service account each.
	config := "--kubeconfig=" + c.file("kubeconfig")
	if err := c.add("controller-manager", config, "--leader-elect=false", "--secure-port=0", "--bind-address=127.0.0.1",
		"--use-service-account-credentials=false", "--kube-api-qps=300", "--kube-api-burst=600",
		"--service-account-private-key-file="+c.file("accounts.key"), "--root-ca-file="+c.file("ca.crt")); err != nil {
		return err
	}
	if err := c.add("scheduler", config, "--leader-elect=false", "--secure-port=0", "--bind-address=127.0.0.1",
		"--kube-api-qps=300", "--kube-api-burst=600"); err != nil {
		return err
	}
	if err := c.add("kubelet", config); err != nil {
		return err
	}
	return c.settled(ctx)
}

func (c *cluster) startAPI(ctx context.Context) error {
	if c.api != nil {
		return errors.New("the API server runs already")
	}
	api, err := start(c.dir, "apiserver", "--etcd-servers="+fmt.Sprintf("http://127.0.0.1:%d", c.port.etcd),
		"--bind-address=127.0.0.1", "--advertise-address=127.0.0.1", fmt.Sprintf("--secure-port=%d", c.port.api),
		"--cert-dir="+c.dir, "--tls-cert-file="+c.file("apiserver.crt"), "--tls-private-key-file="+c.file("apiserver.key"),
		"--client-ca-file="+c.file("ca.crt"), "--authorization-mode=RBAC", "--allow-privileged=true",
		"--service-cluster-ip-range="+services, "--endpoint-reconciler-type=none",
		"--service-account-issuer=https://kubernetes.default.svc", "--service-account-key-file="+c.file("accounts.key"),
		"--service-account-signing-key-file="+c.file("accounts.key"), "--shutdown-delay-duration=0s", "--profiling=false")
	if err != nil {
		return err
	}
	c.api = api
	c.watch(api)
	return c.ready(ctx)
}

// services is the range that firstService is the first address of.
const services = "127.96.0.0/16"

func (c *cluster) add(name string, args ...string) error {
	p, err := start(c.dir, name, args...)
	if err != nil {
		return err
	}
	c.rest = append(c.rest, p)
	c.watch(p)
	return nil
}

// watch says on c.lost when p has ended.
func (c *cluster) watch(p *process) {
	lost := c.lost
	go func() {
		<-p.gone
		lost <- p
	}()
}

func (c *cluster) command(ctx context.Context, line string) error {
	switch line {
	case "stop-api":
		if c.api == nil {
			return errors.New("the API server is stopped already")
		}
		api := c.api
		c.api = nil
		api.kill()
		return nil
	case "start-api":
		return c.startAPI(ctx)
	}
	return fmt.Errorf("no such command: %q", line)
}

// kill ends all parts, those first that others do not need.
func (c *cluster) kill() {
	for len(c.rest) > 1 {
		c.rest[len(c.rest)-1].kill()
		c.rest = c.rest[:len(c.rest)-1]
	}
	if c.api != nil {
		c.api.kill()
		c.api = nil
	}
	for _, p := range c.rest {
		p.kill()
	}
	c.rest = nil
}

func (c *cluster) kubeconfig() string {
	return fmt.Sprintf(`apiVersion: v1
kind: Config
clusters:
- name: test
  cluster: {server: %q, certificate-authority: ca.crt}
users:
- name: admin
  user: {client-certificate: admin.crt, client-key: admin.key}
contexts:
- name: test
  context: {cluster: test, user: admin}
current-context: test
`, c.server())
}
