package scaffold

import (
	"bufio"
	"context"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"helm.sh/helm/v3/pkg/chart/loader"
	"helm.sh/helm/v3/pkg/chartutil"
	"helm.sh/helm/v3/pkg/engine"
	"helm.sh/helm/v3/pkg/lint"

	"github.com/devstream-io/dtm/plugins/internal/scm"
)

// written is the scaffold of a wish in a folder.
func written(t *testing.T, o Options, repo scm.Repository) string {
	t.Helper()
	found, err := golang()
	if err != nil {
		t.Fatal(err)
	}
	files, err := found.render(o, repo)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for path, f := range files {
		at := filepath.Join(dir, filepath.FromSlash(path))
		if err := os.MkdirAll(filepath.Dir(at), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(at, f.Content, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func run(t *testing.T, dir, name string, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), name, args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOWORK=off", "GOFLAGS=-mod=readonly", "GOPROXY=off")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
	return string(out)
}

func TestTheServiceBuildsPassesItsTestsAndAnswers(t *testing.T) {
	o := wish()
	o.License, o.Description, o.ImageRepo = "MIT", `A "service" of ours & yours`, "docker.io/acme/hello"
	dir := written(t, o, atGitHub())
	run(t, dir, "go", "vet", "./...")
	run(t, dir, "go", "test", "./...")
	run(t, dir, "go", "build", "-ldflags", "-X main.version=v7", "-o", "bin/", "./cmd/...")
	if out := run(t, dir, "gofmt", "-l", "."); out != "" {
		t.Errorf("gofmt would change %s", out)
	}

	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, filepath.Join(dir, "bin", "hello"))
	cmd.Env = []string{"ADDR=127.0.0.1:0"}
	says, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(says).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	words := strings.Fields(line)
	at := "http://" + words[len(words)-1]
	for path, want := range map[string]string{"/healthz": `{"status":"ok"}`, "/": `{"service":"hello","version":"v7"}`} {
		resp, err := http.Get(at + path)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil || resp.StatusCode != http.StatusOK || strings.TrimSpace(string(body)) != want {
			t.Errorf("%s answers %s %q (%v)", path, resp.Status, body, err)
		}
	}
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("after SIGTERM it ends with %v", err)
	}
}

func TestTheServiceListensForEverybody(t *testing.T) {
	main, err := os.ReadFile(filepath.Join(written(t, wish(), atGitHub()), "cmd", "hello", "main.go"))
	if err != nil || !strings.Contains(string(main), `":8080"`) {
		t.Errorf("%v: it does not listen on :8080\n%s", err, main)
	}
}

// The names that make trouble somewhere: in Go, in YAML, in Kubernetes.
func TestEveryNameOfARepositoryGivesAServiceAndAChart(t *testing.T) {
	for _, name := range []string{"Hello_World.go", "123", "null"} {
		o := wish()
		o.Repo = name
		repo := scm.Repository{Path: scm.Path{Owner: "group/sub", Name: name}, WebURL: "http://127.0.0.1:8080/group/sub/" + name}
		o.Owner = "group/sub"
		dir := written(t, o, repo)
		run(t, dir, "go", "build", "./...")
		manifests(t, filepath.Join(dir, "helm", name), nil)
	}
}

func TestTheTagOfTheImageIsAValueOfTheChart(t *testing.T) {
	o := wish()
	o.ImageRepo = "registry.example.com:5000/acme/hello"
	chart := filepath.Join(written(t, o, atGitHub()), "helm", "hello")
	for _, tag := range []string{"v1.2.3", ""} {
		want := o.ImageRepo + ":" + tag
		if tag == "" {
			want += "latest"
		}
		text := manifests(t, chart, map[string]any{"image": map[string]any{"tag": tag}})
		for _, line := range []string{`image: "` + want + `"`, "containerPort: 8080", "runAsNonRoot: true", "targetPort: http"} {
			if !strings.Contains(text, line) {
				t.Errorf("tag %q: there is no %s in\n%s", tag, line, text)
			}
		}
	}
}

// manifests lints a chart and renders it.
func manifests(t *testing.T, dir string, values map[string]any) string {
	t.Helper()
	for _, m := range lint.All(dir, values, "default", true).Messages {
		if m.Severity > 1 {
			t.Errorf("%s: %s", m.Path, m.Err)
		}
	}
	chart, err := loader.Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	all, err := chartutil.ToRenderValues(chart, values, chartutil.ReleaseOptions{Name: "r", Namespace: "n"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	rendered, err := engine.Render(chart, all)
	if err != nil {
		t.Fatal(err)
	}
	var text strings.Builder
	for _, name := range slices.Sorted(func(yield func(string) bool) {
		for name := range rendered {
			if !yield(name) {
				return
			}
		}
	}) {
		text.WriteString(rendered[name])
	}
	return text.String()
}

func TestTheScaffoldHasWhatAServiceNeeds(t *testing.T) {
	dir := written(t, wish(), atGitHub())
	for _, path := range []string{
		".dockerignore", ".gitignore", "Dockerfile", "Makefile", "README.md", "go.mod", "cmd/hello/main.go", "internal/server/server.go",
		"internal/server/server_test.go", "helm/hello/Chart.yaml", "helm/hello/values.yaml", "helm/hello/.helmignore",
	} {
		if _, err := os.Stat(filepath.Join(dir, path)); err != nil {
			t.Error(err)
		}
	}
	if _, err := os.Stat(filepath.Join(dir, "LICENSE")); err == nil {
		t.Error("there is a license that nobody asked for")
	}
	docker, err := os.ReadFile(filepath.Join(dir, "Dockerfile"))
	if err != nil || strings.Count(string(docker), "\nFROM ") != 2 || !strings.Contains(string(docker), "\nUSER 65532") {
		t.Errorf("%v: the image is not made in two stages, or runs as root:\n%s", err, docker)
	}
}
