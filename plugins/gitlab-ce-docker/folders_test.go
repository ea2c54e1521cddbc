package gitlabcedocker

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// mustHold checks what is in a folder, two levels deep, markers left out.
func mustHold(t *testing.T, dir string, want ...string) {
	t.Helper()
	var got []string
	for _, pattern := range []string{"*", ".[!.]*", "*/*"} {
		paths, err := filepath.Glob(filepath.Join(dir, pattern))
		must(t, err)
		for _, path := range paths {
			if filepath.Base(path) != marker {
				got = append(got, strings.TrimPrefix(path, dir+"/"))
			}
		}
	}
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("%s holds %q, want %q", dir, got, want)
	}
}

func TestFoldersThatDtmMadeGo(t *testing.T) {
	home := filepath.Join(t.TempDir(), "a", "b")
	o := Options{GitLabHome: home}
	must(t, makeFolders(o))
	must(t, makeFolders(o))
	must(t, os.MkdirAll(filepath.Join(home, "data/deep/deeper"), 0o700))
	must(t, os.WriteFile(filepath.Join(home, "data/deep/deeper/file"), nil, 0))
	must(t, os.WriteFile(filepath.Join(home, "mine"), nil, 0o600))
	must(t, os.Symlink("/etc", filepath.Join(home, "data/link")))
	var r reports
	must(t, removeFolders(r.listen(t.Context()), home))
	mustHold(t, home, "mine")
	must(t, removeFolders(t.Context(), home))
	must(t, removeFolders(t.Context(), filepath.Join(home, "never")))
	if r.said() != "" {
		t.Errorf("it said %s", r.said())
	}
	if _, err := os.Stat("/etc/passwd"); err != nil {
		t.Fatal(err)
	}
}

func TestFoldersThatDtmDidNotMakeStay(t *testing.T) {
	home, elsewhere := t.TempDir(), t.TempDir()
	must(t, os.WriteFile(filepath.Join(elsewhere, "precious"), nil, 0o600))
	must(t, os.WriteFile(filepath.Join(elsewhere, marker), nil, 0o600))
	must(t, os.Symlink(elsewhere, filepath.Join(home, "config")))
	must(t, os.Mkdir(filepath.Join(home, "logs"), 0o700))
	must(t, os.WriteFile(filepath.Join(home, "data"), nil, 0o600))
	must(t, makeFolders(Options{GitLabHome: home, RmDataAfterDelete: true}))
	var r reports
	must(t, removeFolders(r.listen(t.Context()), home))
	mustHold(t, home, "config", "config/precious", "data", "logs")
	mustHold(t, elsewhere, "precious")
	for _, text := range []string{"config stays: it is no folder", "logs stays: dtm did not make it", "data stays: it is no folder"} {
		if !strings.Contains(r.said(), filepath.Join(home, text)) {
			t.Errorf("nobody said %q:\n%s", text, r.said())
		}
	}
	// A link in the place of the marker is none.
	must(t, os.Symlink("/etc/passwd", filepath.Join(home, "logs", marker)))
	must(t, removeFolders(t.Context(), home))
	mustHold(t, home, "config", "config/precious", "data", "logs")
}

func TestWhatAnInterruptedRemovalLeftGoesTheNextTime(t *testing.T) {
	home := t.TempDir()
	o := Options{GitLabHome: home}
	must(t, makeFolders(o))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := removeFolders(ctx, home); !errors.Is(err, context.Canceled) {
		t.Errorf("removal returned %v", err)
	}
	must(t, os.Mkdir(filepath.Join(home, ".data.dtm"), 0o700))
	must(t, os.WriteFile(filepath.Join(home, ".data.dtm", "half"), nil, 0o600))
	must(t, os.RemoveAll(filepath.Join(home, "logs")))
	must(t, makeFolders(o))
	must(t, removeFolders(t.Context(), home))
	mustHold(t, home)
}

func TestALinkToASystemFolderIsRefused(t *testing.T) {
	link := filepath.Join(t.TempDir(), "home")
	must(t, os.Symlink("/etc", link))
	for name, err := range map[string]error{
		"make":   makeFolders(Options{GitLabHome: link}),
		"remove": removeFolders(t.Context(), link),
	} {
		mustSay(t, err, `gitlab_home "/etc" is a folder of the system`, "give GitLab one of its own")
		if _, err := os.Lstat("/etc/config"); err == nil {
			t.Fatalf("%s: there is a /etc/config", name)
		}
	}
}

func TestHostileOptionsAreRefusedOrHarmless(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, home := range []string{
		"", "/", "//", "/.", "/etc", "/etc/gitlab", "/etc/", "//etc", "/srv/../etc", "/srv/gitlab/../..", "/proc/self/cwd", "/home", "/root/",
		"/tmp", "/usr", "/run/x", "srv/gitlab", "./gitlab", "~/gitlab", "/srv/a:/etc", "/srv/a\n", "/srv/\x00", "/lib64/x",
	} {
		o := w.options(func(o *Options) { o.GitLabHome, o.RmDataAfterDelete = home, true })
		_, err := w.kind.Create(t.Context(), encode(o))
		mustSay(t, err, "gitlab_home ", "")
		mustSay(t, w.kind.Delete(t.Context(), encode(o), nil), "gitlab_home ", "")
	}
	w.mustHave(t)

	pwned := filepath.Join(t.TempDir(), "PWNED")
	o := w.options(func(o *Options) {
		o.GitLabHome, o.RmDataAfterDelete = filepath.Dir(w.home)+"/x; touch "+pwned+"; $(touch "+pwned+")", true
		o.Env = map[string]string{"A": "$(touch " + pwned + ")"}
	})
	made := w.create(t, o)
	if _, err := os.Stat(o.GitLabHome + "/data/starts"); err != nil {
		t.Error(err)
	}
	w.delete(t, o, made)
	mustHold(t, o.GitLabHome)
	if _, err := os.Lstat(pwned); err == nil {
		t.Error("an option was run as a command")
	}

	for text, change := range map[string]func(*Options){
		"ssh_port and http_port are both":                func(o *Options) { o.HTTPPort = o.SSHPort },
		"https_port: want a port":                        func(o *Options) { o.HTTPSPort = 0 },
		"address \"localhost\"":                          func(o *Options) { o.Address = "localhost" },
		"shm_size \"lots\"":                              func(o *Options) { o.ShmSize = "lots" },
		"timeout \"-1m\"":                                func(o *Options) { o.Timeout = "-1m" },
		"something is mounted at /etc/gitlab already":    func(o *Options) { o.Volumes = []string{"/x:/etc/gitlab/"} },
		"something is mounted at /y already":             func(o *Options) { o.Volumes = []string{"/x:/y", "z:/y:ro"} },
		"volumes: \"/x\": want":                          func(o *Options) { o.Volumes = []string{"/x"} },
		"volumes: \"/x:y\": want":                        func(o *Options) { o.Volumes = []string{"/x:y"} },
		"invalid reference format":                       func(o *Options) { o.Image = "No Image; touch /x" },
		"Invalid container name":                         func(o *Options) { o.ContainerName = w.name + "-; touch " },
		"cannot assign requested address":                func(o *Options) { o.Address = "198.51.100.1" },
		"gitlab_home \"/srv/..\": want a path without":   func(o *Options) { o.GitLabHome = "/srv/.." },
		"gitlab_home \"/media\" is a folder of the syst": func(o *Options) { o.GitLabHome = "/media" },
	} {
		_, err := w.kind.Create(t.Context(), encode(w.options(change)))
		mustSay(t, err, text, "")
		w.mustHave(t)
	}
}

func TestAFolderThatCannotBeMadeIsAnError(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	must(t, os.WriteFile(file, nil, 0o600))
	err := makeFolders(Options{GitLabHome: filepath.Join(file, "home")})
	mustSay(t, err, "gitlab_home "+file, "")
}
