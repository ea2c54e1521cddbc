package gitlabcedocker

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"

	"github.com/devstream-io/dtm/cmd/dtm/parts"
	"github.com/devstream-io/dtm/plugins"
	"github.com/devstream-io/dtm/plugins/plugintest"
)

func TestKeepsThePromise(t *testing.T) {
	t.Parallel()
	// Each promise is a test with worlds of its own, so several may be checked at the same time: from its first world on.
	var mu sync.Mutex
	known := map[*testing.T]bool{t: true}
	plugintest.Run(t, func(t *testing.T) plugintest.Subject {
		mu.Lock()
		first := !known[t]
		known[t] = true
		mu.Unlock()
		if first {
			t.Parallel()
		}
		s := newWorld(t).subject(t)
		if testing.Short() {
			s.Fail = nil // some hundred containers
		}
		return s
	})
}

func (w world) subject(t *testing.T) plugintest.Subject {
	base := w.options(withEnv("GITLAB_ROOT_PASSWORD", "s3cret"), func(o *Options) { o.RmDataAfterDelete, o.Address = true, "" })
	changed, renamed := base, base
	changed.Env, changed.Hostname = map[string]string{"GITLAB_ROOT_PASSWORD": "an0ther"}, "git.example.com"
	renamed.ContainerName = w.name + "-renamed"
	s := plugintest.Subject{
		Kind: w.kind, Want: encode(base), Changed: encode(changed), Renamed: encode(renamed), Fail: w.line.fail,
		Drift: func() error {
			now := 0
			_, err := w.engine.Client().ContainerStop(context.Background(), w.name, client.ContainerStopOptions{Timeout: &now})
			return err
		},
		Remove: func() error {
			_, err := w.engine.Client().ContainerRemove(context.Background(), w.name, client.ContainerRemoveOptions{Force: true})
			return err
		},
		Exists: w.exists,
		Leftovers: func() ([]string, error) {
			left, err := w.containers()
			if err != nil {
				return nil, err
			}
			for _, folder := range []string{"config", "logs", "data", ".config.dtm", ".logs.dtm", ".data.dtm"} {
				if _, err := os.Lstat(filepath.Join(w.home, folder)); !errors.Is(err, os.ErrNotExist) {
					left = append(left, folder)
				}
			}
			return left, nil
		},
		Old: encode(map[string]any{
			"containerRunning": true, "volumes": strings.Join([]string{w.home + "/config", w.home + "/data", w.home + "/logs"}, ","),
			"hostname": base.Hostname, "SSHPort": fmt.Sprint(base.SSHPort), "HTTPPort": fmt.Sprint(base.HTTPPort), "HTTPSPort": fmt.Sprint(base.HTTPSPort),
		}),
	}
	for i := range 3 {
		o := w.options()
		ports := parts.FreePorts(t, 3)
		o.ContainerName, o.GitLabHome = fmt.Sprintf("%s-%d", w.name, i), fmt.Sprintf("%s-%d", w.home, i)
		o.SSHPort, o.HTTPPort, o.HTTPSPort = ports[0], ports[1], ports[2]
		s.Others = append(s.Others, encode(o))
	}
	return s
}

// exists tells whether a container runs that is what options say.
func (w world) exists(options json.RawMessage) (bool, error) {
	o := decode[Options](options)
	c, err := w.inspect(o.ContainerName)
	if c == nil || err != nil {
		return false, err
	}
	for name, value := range o.Env {
		if !slices.Contains(c.Config.Env, name+"="+value) {
			return false, nil
		}
	}
	return c.State.Running && c.Config.Image == o.Image && c.Config.Hostname == o.Hostname, nil
}

// createdOnceReady creates a GitLab that is ready as soon as somebody has said that it is not, and returns what was said.
func (w world) createdOnceReady(t *testing.T, o Options) (Resource, string) {
	t.Helper()
	var r reports
	told := false
	ctx := plugins.WithReport(t.Context(), func(text string) {
		r.add(text)
		if strings.HasPrefix(text, "waiting for GitLab: ") && !told {
			told = true
			w.ready(t)
		}
	})
	made, err := w.kind.Create(ctx, encode(o))
	must(t, err)
	if !told {
		t.Error("it was not waited for")
	}
	return decode[Resource](made), r.said()
}

func TestCreateReturnsWhenGitLabIsReady(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	made, said := w.createdOnceReady(t, w.options(withEnv("STUB_READY_AFTER", "told"), func(o *Options) { o.Image = checked }))
	want := Outputs{URL: fmt.Sprintf("http://gitlab.example.com:%d", w.ports[1]), SSHURL: fmt.Sprintf("ssh://git@gitlab.example.com:%d", w.ports[0]), Container: w.name}
	if diff := cmp.Diff(want, made.Outputs); diff != "" {
		t.Errorf("outputs: -want +got\n%s", diff)
	}
	if status := made.Status; status.State != "running" || status.Health != "healthy" {
		t.Errorf("status is %+v", status)
	}
	for _, text := range []string{"starting container " + w.name, "waiting for GitLab: health: "} {
		if !strings.Contains(said, text) {
			t.Errorf("nobody said %q:\n%s", text, said)
		}
	}
	if labels := w.mustInspect(t, w.name).Config.Labels; labels["io.devstream.dtm.plugin"] != pluginName {
		t.Errorf("the labels are %v", labels)
	}
}

func TestReadinessCountsWhereTheImageHasNoCheck(t *testing.T) {
	t.Parallel()
	for name, env := range map[string][]string{"told to nobody": {"STUB_READY_AFTER", "told"}, "told": {"STUB_READY_AFTER", "told", "STUB_OPEN", "1"}} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.createdOnceReady(t, w.options(withEnv(env...)))
		})
	}
}

func TestNobodyWaitsWhereThatIsNotWanted(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.create(t, w.options(withEnv("STUB_READY_AFTER", "never"), func(o *Options) { o.Wait = false }))
}

func TestUsualPortsAreNotInTheURLs(t *testing.T) {
	for ports, want := range map[[2]string]Outputs{
		{"22:22", "80:80"}:                         {URL: "http://h", SSHURL: "ssh://git@h"},
		{"127.0.0.1:22:22", "127.0.0.1:80:80"}:     {URL: "http://h", SSHURL: "ssh://git@h"},
		{"[::1]:2222:22", "0.0.0.0:8080:80"}:       {URL: "http://h:8080", SSHURL: "ssh://git@h:2222"},
		{"2222:22", "10080:80"}:                    {URL: "http://h:10080", SSHURL: "ssh://git@h:2222"},
		{"127.0.0.1:443:443", "127.0.0.1:22:22/u"}: {URL: "http://h", SSHURL: "ssh://git@h"},
	} {
		got := Outputs{URL: "http://h" + suffix(ports[:], "80"), SSHURL: "ssh://git@h" + suffix(ports[:], "22")}
		if got != want {
			t.Errorf("%s: %+v, want %+v", ports, got, want)
		}
	}
}

func TestUpdateKeepsTheDataAndTheImage(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	have := w.options()
	made := w.create(t, have)
	first := w.mustInspect(t, w.name)
	want := w.options(withEnv("A", "B"), func(o *Options) {
		o.Image, o.Hostname, o.ShmSize, o.Volumes = nextImage, "git.example.com", "32m", []string{w.name + "-extra:/extra:ro"}
	})
	got := w.update(t, want, have, made)
	t.Cleanup(func() {
		w.remove(t, w.name)
		_, err := w.engine.Client().VolumeRemove(context.Background(), w.name+"-extra", client.VolumeRemoveOptions{})
		if err != nil {
			t.Error(err)
		}
	})
	second := w.mustInspect(t, w.name)
	if first.ID == second.ID || got.Image != nextImage || got.Hostname != "git.example.com" || got.ShmSize != 32<<20 || !slices.Contains(got.Volumes, w.name+"-extra:/extra:ro") || len(got.Env) != 1 {
		t.Errorf("it is %+v", got)
	}
	if n := w.starts(t); n != 2 {
		t.Errorf("the data knows of %d starts, want 2", n)
	}
	w.mustHave(t, w.name)
	w.delete(t, want, got)
	w.mustHave(t)
	if _, err := w.engine.Client().ImageInspect(t.Context(), nextImage); err != nil {
		t.Error(err)
	}
	if n := w.starts(t); n != 2 {
		t.Errorf("after the delete the data knows of %d starts", n)
	}
}

func TestAContainerIsNotMadeAnewWithoutNeed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	have := w.options(withEnv("A", "B"))
	made := w.create(t, have)
	id := w.mustInspect(t, w.name).ID
	for name, change := range map[string]func(*Options){
		"nothing": func(*Options) {},
		"restart": func(o *Options) { o.Restart = "unless-stopped" },
		"wait":    func(o *Options) { o.Wait, o.Timeout = false, "1m" },
		"order":   func(o *Options) { o.ShmSize = "65536k" },
		"rm":      func(o *Options) { o.RmDataAfterDelete = true },
	} {
		want := w.options(withEnv("A", "B"), change)
		got := w.update(t, want, have, made)
		if c := w.mustInspect(t, w.name); c.ID != id || string(c.HostConfig.RestartPolicy.Name) != want.Restart || got.Restart != want.Restart {
			t.Errorf("%s: %s is restarted %s, %+v", name, c.ID, c.HostConfig.RestartPolicy.Name, got)
		}
	}
	if n := w.starts(t); n != 1 {
		t.Errorf("it was started %d times", n)
	}
}

func TestGitLabIsAskedToEndBeforeItIsRemoved(t *testing.T) {
	t.Parallel()
	for name, before := range map[string]func(w world) error{
		"running": func(world) error { return nil },
		"paused": func(w world) error {
			_, err := w.engine.Client().ContainerPause(t.Context(), w.name, client.ContainerPauseOptions{})
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			o := w.options(func(o *Options) { o.Image = checked })
			made := w.create(t, o)
			must(t, before(w))
			w.delete(t, o, made)
			w.mustHave(t)
			if _, err := os.Stat(filepath.Join(w.home, "data", "ended")); err != nil {
				t.Errorf("it was not asked: %v", err)
			}
		})
	}
}

func TestOfVolumesOnlyThoseGoThatNobodyElseCanFind(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	api := w.engine.Client()
	named := w.name + "-extra"
	_, err := api.VolumeCreate(t.Context(), client.VolumeCreateOptions{Name: named})
	must(t, err)
	o := w.options(func(o *Options) { o.Volumes, o.Adopt = []string{named + ":/extra"}, true })

	// Somebody's container, with a volume of its own that has no name, is taken over and deleted.
	id := w.byHand(t, w.name, o, "/nameless")
	var nameless string
	for _, m := range w.mustInspect(t, id).Mounts {
		if m.Destination == "/nameless" {
			nameless = m.Name
		}
	}
	w.delete(t, o, Resource{})
	w.mustHave(t)
	for _, volume := range []string{named, nameless} {
		if _, err := api.VolumeInspect(t.Context(), volume, client.VolumeInspectOptions{}); err != nil {
			t.Errorf("volume %s: %v", volume, err)
		}
	}
	made := w.create(t, o)
	w.delete(t, o, made)
	if _, err := api.VolumeInspect(t.Context(), named, client.VolumeInspectOptions{}); err != nil {
		t.Errorf("volume %s: %v", named, err)
	}
	for _, volume := range []string{named, nameless} {
		_, err := api.VolumeRemove(t.Context(), volume, client.VolumeRemoveOptions{})
		must(t, err)
	}
}

func TestARenameDoesNotInterrupt(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	have := w.options()
	made := w.create(t, have)
	id := w.mustInspect(t, w.name).ID
	want := w.options(func(o *Options) { o.ContainerName = w.name + "-new" })
	if waits := w.read(t, want, made); waits.Outputs.Container != w.name {
		t.Errorf("while the rename waits, read looks at %s", waits.Outputs.Container)
	}
	got := w.update(t, want, have, made)
	w.mustHave(t, w.name+"-new")
	if w.mustInspect(t, w.name+"-new").ID != id || w.starts(t) != 1 || got.Outputs.Container != w.name+"-new" {
		t.Errorf("it is another container: %+v", got)
	}
}

func TestEveryDriftIsSeen(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	o := w.options()
	made := w.create(t, o)
	for name, drift := range map[string]func() error{
		"stopped": func() error {
			_, err := w.engine.Client().ContainerStop(t.Context(), w.name, client.ContainerStopOptions{})
			return err
		},
		"paused": func() error {
			_, err := w.engine.Client().ContainerPause(t.Context(), w.name, client.ContainerPauseOptions{})
			return err
		},
	} {
		must(t, drift())
		if got := w.read(t, o, made); got.Running {
			t.Errorf("%s: %+v", name, got)
		}
		if got := w.update(t, o, o, made); !got.Running || got.Status.ID != made.Status.ID {
			t.Errorf("%s: after an update %+v", name, got)
		}
	}
	_, err := w.engine.Client().ContainerUpdate(t.Context(), w.name, client.ContainerUpdateOptions{RestartPolicy: &container.RestartPolicy{Name: "no"}})
	must(t, err)
	if got := w.read(t, o, made); got.Restart != "no" {
		t.Errorf("edited: %+v", got)
	}
	if got := w.update(t, o, o, made); got.Restart != "always" || got.Status.ID != made.Status.ID {
		t.Errorf("edited: after an update %+v", got)
	}
	w.remove(t, w.name)
	if _, err := w.kind.Read(t.Context(), encode(o), encode(made)); !errors.Is(err, plugins.ErrNotFound) {
		t.Errorf("removed: %v", err)
	}
	// Somebody made it again, with other ports, another image and another environment.
	other := w.options(func(o *Options) { o.Image, o.SSHPort, o.HTTPPort = nextImage, o.HTTPPort, o.SSHPort })
	w.byHand(t, w.name, other)
	got := w.read(t, o, made)
	if got.Image != nextImage || slices.Equal(got.Ports, made.Ports) {
		t.Errorf("made again: %+v", got)
	}
}

func TestVariablesAreNeitherShownNorGuessable(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	have := w.options(withEnv("GITLAB_ROOT_PASSWORD", "hunter2", "OTHER", "hunter2"))
	made := w.create(t, have)
	text := string(encode(made))
	if strings.Contains(text, "hunter2") || len(made.Env) != 2 || made.Env["OTHER"] == "" {
		t.Errorf("the resource is %s", text)
	}
	w.delete(t, have, made)
	again := w.create(t, have)
	if again.Env["OTHER"] == made.Env["OTHER"] {
		t.Error("the same variable has the same hash in another container: it can be guessed from the hash")
	}
	want := w.options(withEnv("GITLAB_ROOT_PASSWORD", "hunter2"))
	if got := w.update(t, want, have, again); len(got.Env) != 1 || slices.Contains(w.mustInspect(t, w.name).Config.Env, "OTHER=hunter2") {
		t.Errorf("a variable that is not wanted any more is still there: %+v", got)
	}
}

func TestPreviewTellsWhetherGitLabWillBeAway(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	have := w.options()
	preview := func(want Options, last any) plugins.Preview {
		t.Helper()
		p, err := w.kind.Preview(t.Context(), encode(want), encode(have), encode(last))
		must(t, err)
		return p
	}
	part := func(action string, fields ...string) []plugins.Part {
		return []plugins.Part{{Action: action, Name: "container " + w.name, Fields: fields}}
	}
	away := "the container is made anew: GitLab is away until the new one is ready, the data stays in " + w.home
	if diff := cmp.Diff(plugins.Preview{Parts: part("create")}, preview(have, nil)); diff != "" {
		t.Errorf("create: -want +got\n%s", diff)
	}
	missing := w.options(func(o *Options) { o.Image = "dtm.test/none:1" })
	if diff := cmp.Diff([]string{"the image dtm.test/none:1 is pulled first"}, preview(missing, nil).Notes); diff != "" {
		t.Errorf("create: -want +got\n%s", diff)
	}
	made := w.create(t, have)
	for name, c := range map[string]struct {
		want Options
		is   plugins.Preview
	}{
		"nothing":  {have, plugins.Preview{}},
		"in place": {w.options(func(o *Options) { o.Restart = "no" }), plugins.Preview{Parts: part("update", "restart")}},
		"anew": {
			w.options(withEnv("A", "B"), func(o *Options) { o.Image = nextImage }),
			plugins.Preview{Parts: part("update", "env", "image"), Notes: []string{away}},
		},
	} {
		if diff := cmp.Diff(c.is, preview(c.want, made)); diff != "" {
			t.Errorf("%s: -want +got\n%s", name, diff)
		}
	}
	renamed := w.options(func(o *Options) { o.ContainerName = w.name + "-new" })
	if got := preview(renamed, made); len(got.Parts) != 1 || !slices.Equal(got.Parts[0].Fields, []string{"container_name"}) || got.Notes != nil {
		t.Errorf("rename: %+v", got)
	}
}
