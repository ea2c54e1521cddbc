package parts

import (
	"bytes"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/network"
	moby "github.com/moby/moby/client"
)

func TestDockerRunsWhatStandsInForGitLab(t *testing.T) {
	e := Docker(t)
	e.GitLab(t, "dtm.test/parts:1")
	port, home := FreePorts(t, 1)[0], t.TempDir()
	made, err := e.Client().ContainerCreate(t.Context(), moby.ContainerCreateOptions{
		Name:   "parts",
		Config: &container.Config{Image: "dtm.test/parts:1"},
		HostConfig: &container.HostConfig{
			Binds: []string{home + ":/var/opt/gitlab"},
			PortBindings: network.PortMap{network.MustParsePort("22/tcp"): {
				{HostIP: netip.MustParseAddr("127.0.0.1"), HostPort: fmt.Sprint(port)},
			}},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := e.Client().ContainerStart(t.Context(), made.ID, moby.ContainerStartOptions{}); err != nil {
		t.Fatal(err)
	}
	untilSo(t, "it is healthy", func() bool {
		is, err := e.Client().ContainerInspect(t.Context(), made.ID, moby.ContainerInspectOptions{})
		return err == nil && is.Container.State.Health != nil && is.Container.State.Health.Status == container.Healthy
	})
	connection, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port))
	if err != nil {
		t.Fatal(err)
	}
	defer connection.Close()
	said := make([]byte, 12)
	if _, err := connection.Read(said); err != nil || string(said) != "SSH-2.0-stub" {
		t.Errorf("at its port it says %q, %v", said, err)
	}
	if _, err := e.Client().ContainerRemove(t.Context(), made.ID, moby.ContainerRemoveOptions{Force: true}); err != nil {
		t.Fatal(err)
	}
	if kept, err := os.ReadFile(filepath.Join(home, "starts")); err != nil || bytes.Count(kept, []byte("\n")) != 1 {
		t.Errorf("in its folder it left %q, %v", kept, err)
	}
}

func TestNothingIsLeftOfAnEngine(t *testing.T) {
	Docker(t)
	program := Build{Name: "dockerlab", Package: "./cmd/dtm/parts/dockerlab"}.Path(t)
	for how, end := range map[string]func(e *Engine) error{
		"its parent ended": func(e *Engine) error { return e.stop() },
		"it was killed": func(e *Engine) error {
			_ = e.cmd.Process.Kill()
			_ = e.cmd.Wait()
			return nil
		},
	} {
		t.Run(how, func(t *testing.T) {
			e, err := startEngine(program)
			if err != nil {
				t.Fatal(err)
			}
			e.GitLab(t, "dtm.test/parts:1")
			made, err := e.Client().ContainerCreate(t.Context(), moby.ContainerCreateOptions{Image: "dtm.test/parts:1"})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := e.Client().ContainerStart(t.Context(), made.ID, moby.ContainerStartOptions{}); err != nil {
				t.Fatal(err)
			}
			dir := filepath.Dir(strings.TrimPrefix(e.Host(), "unix://"))
			if len(processes(t, dir)) == 0 {
				t.Fatal("no process is known by its folder")
			}
			if err := end(e); err != nil {
				t.Fatal(err)
			}
			untilSo(t, "no process is left", func() bool { return len(processes(t, dir)) == 0 })
			if mounts, err := os.ReadFile("/proc/self/mounts"); err != nil || strings.Contains(string(mounts), dir) {
				t.Errorf("something is mounted still (%v)", err)
			}
			if how == "it was killed" {
				// Whoever comes next in its place clears it.
				again, err := startEngine(program)
				if err != nil {
					t.Fatal(err)
				}
				if again.Host() != e.Host() {
					t.Logf("another test took the place of %s", e.Host())
				}
				if err := again.stop(); err != nil {
					t.Error(err)
				}
				if again.Host() != e.Host() {
					return
				}
			}
			if _, err := os.Stat(dir); !os.IsNotExist(err) {
				t.Errorf("its folder is still there: %v", err)
			}
			bridge := "dtmlab" + filepath.Base(dir)
			if out, err := exec.CommandContext(t.Context(), "ip", "link", "show", bridge).CombinedOutput(); err == nil {
				t.Errorf("its bridge is still there: %s", out)
			}
			if groups, _ := filepath.Glob("/sys/fs/cgroup/*/dtm-dockerlab-" + filepath.Base(dir)); len(groups) > 0 {
				t.Errorf("its groups are still there: %s", groups)
			}
		})
	}
}

func untilSo(t *testing.T, what string, ok func() bool) {
	t.Helper()
	deadline := time.Now().Add(30 * time.Second)
	for !ok() {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain until %s", what)
		}
		<-time.After(30 * time.Millisecond)
	}
}
