package scaffold

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"

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
	t.Parallel()
	o := wish()
	o.License, o.Description, o.ImageRepo = "MIT", `A "service" of ours & yours`, "docker.io/acme/hello"
	dir := written(t, o, atGitHub())
	for _, script := range commands(t, "github") {
		run(t, dir, "bash", "-eo", "pipefail", "-c", script)
	}
	imageBuild(t, dir)

	cmd := exec.CommandContext(t.Context(), filepath.Join(dir, "bin", "service"))
	cmd.Env = []string{"ADDR=:0"}
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
	host, port, err := net.SplitHostPort(words[len(words)-1])
	if err != nil || !net.ParseIP(host).IsUnspecified() {
		t.Errorf("it listens on %s, and not on every address: %v", words[len(words)-1], err)
	}
	at := "http://127.0.0.1:" + port
	if usage, _ := exec.CommandContext(t.Context(), cmd.Path, "-h").CombinedOutput(); !strings.Contains(string(usage), `(default ":8080")`) {
		t.Errorf("the chart and the image have port 8080:\n%s", usage)
	}
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

// The names that make trouble somewhere: in Go, in YAML, in Kubernetes.
func TestEveryNameOfARepositoryGivesAServiceAndAChart(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"Hello_World.go", "123", "null"} {
		o := wish()
		o.Repo = name
		repo := scm.Repository{Path: scm.Path{Owner: "group/sub", Name: name}, WebURL: "http://127.0.0.1:8080/group/sub/" + name}
		o.Owner = "group/sub"
		dir := written(t, o, repo)
		run(t, dir, "go", "vet", "./...") // which compiles it, too
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
		"internal/server/server_test.go", ".github/workflows/check.yml", "helm/hello/Chart.yaml", "helm/hello/values.yaml", "helm/hello/.helmignore",
	} {
		if _, err := os.Stat(filepath.Join(dir, path)); err != nil {
			t.Error(err)
		}
	}
	if _, err := os.Stat(filepath.Join(dir, "LICENSE")); err == nil {
		t.Error("there is a license that nobody asked for")
	}
}

func TestTheImageIsOfTwoStagesOfKnownVersionsAndDoesNotRunAsRoot(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(written(t, wish(), atGitHub()), "Dockerfile"))
	if err != nil {
		t.Fatal(err)
	}
	from := regexp.MustCompile(`(?m)^FROM (?:--platform=\S+ )?\S+:(\S+)`).FindAllSubmatch(text, -1)
	if len(from) != 2 || strings.Count(string(text), "\nFROM ") != 2 {
		t.Errorf("%d of its stages have a version:\n%s", len(from), text)
	}
	for _, m := range from {
		if string(m[1]) == "latest" {
			t.Error("a stage is of the latest version, whatever that is")
		}
	}
	last := string(text[strings.LastIndex(string(text), "\nFROM "):])
	for _, line := range []string{"\nUSER 65532:65532\n", "\nEXPOSE 8080\n", "\nENTRYPOINT [\"/service\"]\n", "\nCOPY --from=build "} {
		if !strings.Contains(last, line) {
			t.Errorf("there is no %q in the last stage:\n%s", line, last)
		}
	}
}

// imageBuild runs what the Dockerfile runs, so that bin/service is what is in the image.
func imageBuild(t *testing.T, dir string) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, "Dockerfile"))
	if err != nil {
		t.Fatal(err)
	}
	m := regexp.MustCompile(`\nRUN ((?:.*\\\n)*.*)\n`).FindSubmatch(text)
	if m == nil || !strings.Contains(string(m[1]), "/out/service") {
		t.Fatalf("it does not build /out/service:\n%s", text)
	}
	script := "export TARGETOS=" + runtime.GOOS + " TARGETARCH=" + runtime.GOARCH + " VERSION=v7\n"
	// With -trimpath, Go's own library would have to be compiled for this alone.
	run(t, dir, "sh", "-ec", script+strings.NewReplacer("/out/", "bin/", "-trimpath ", "").Replace(string(m[1])))
}

// What an update brings is told by the template's version.
func TestATemplateThatHasChangedHasAnotherVersion(t *testing.T) {
	found, err := golang()
	if err != nil {
		t.Fatal(err)
	}
	const version, sum = "2", "sha256:016d14a9dfb0a8f81052b73a6f1a1249c75febd72181609e4b54d6da4d1a9e38"
	if got := fingerprint(found.files); found.origin.Version != version || got != sum {
		t.Errorf("version %s is %s, and version %s was %s: give a template that has changed the next number, and write both down here",
			found.origin.Version, got, version, sum)
	}
}
