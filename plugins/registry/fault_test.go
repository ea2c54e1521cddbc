package registry

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/devstream-io/dtm/cmd/dtm/parts"
)

func TestMain(m *testing.M) {
	if os.Getenv("REGISTRY_TEST_KILLED_AT") != "" {
		killed()
	}
	os.Exit(m.Run())
}

// killed is Init in a process that ends by SIGKILL at a step.
func killed() {
	var job struct {
		Dir, Cache string
		Wish       Wish
	}
	if err := json.Unmarshal([]byte(os.Getenv("REGISTRY_TEST_JOB")), &job); err != nil {
		panic(err)
	}
	at := os.Getenv("REGISTRY_TEST_KILLED_AT")
	_, err := Init(context.Background(), Options{Dir: job.Dir, Cache: job.Cache, Platform: here, step: func(name string) error {
		if strings.HasPrefix(name, at) {
			_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
			select {}
		}
		return nil
	}}, []Wish{job.Wish})
	panic(err)
}

func TestAKilledInitLeavesNothingThatCounts(t *testing.T) {
	for _, at := range []string{"install", "lock"} {
		t.Run(at, func(t *testing.T) {
			w, s := newWorld(t), newSite(t)
			s.release(t, "0.1.0", here)
			job, err := json.Marshal(map[string]any{"Dir": w.Dir, "Cache": w.Cache, "Wish": s.wish("0.1.0")})
			if err != nil {
				t.Fatal(err)
			}
			cmd := exec.CommandContext(t.Context(), os.Args[0])
			cmd.Env = append(os.Environ(), "REGISTRY_TEST_KILLED_AT="+at, "REGISTRY_TEST_JOB="+string(job))
			out, err := cmd.CombinedOutput()
			var exit *exec.ExitError
			if !errors.As(err, &exit) || exit.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL {
				t.Fatalf("%v: %s", err, out)
			}
			if found := w.found(); len(found) > 0 || len(w.lock().Plugins) > 0 {
				t.Errorf("found %+v, locked %+v", found, w.lock())
			}
			if err := Compare(w.Options, w.lock(), []Wish{s.wish("0.1.0")}); err == nil || hintOf(err) != initHint {
				t.Errorf("compare: %v", err)
			}
			result := w.init(s.wish("0.1.0"))
			if result.Plugins[0].Outcome != Fetched || !result.LockWritten {
				t.Errorf("result %+v", result)
			}
			w.found()
			if _, err := os.Stat(w.staging()); err == nil {
				t.Error("what it was unpacked in is still there")
			}
		})
	}
}

func TestADamagedCacheIsFetchedAgain(t *testing.T) {
	w, s := newWorld(t), newSite(t)
	s.release(t, "0.1.0", here)
	w.init(s.wish("0.1.0"))
	kept := w.cache().path(w.lock().Plugins["greeting"].Platforms[here].Archive)
	damage := func() {
		t.Helper()
		if err := os.RemoveAll(w.home()); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(kept, []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	damage()
	result := w.init(s.wish("0.1.0"))
	if notes := result.Plugins[0].Notes; len(notes) != 1 || !strings.Contains(notes[0], "the cache had of it was damaged") || result.Plugins[0].Outcome != Fetched {
		t.Errorf("result %+v", result)
	}
	w.found()
	damage()
	network := w.offline()
	w.refuses(s.wish("0.1.0"), "wrong checksum: "+kept, "could not be fetched again", "there is no network")
	if len(network.asked) != attempts {
		t.Errorf("it asked %v", network.asked)
	}
	// With a cache that is well, no network is needed.
	w.HTTP = newWorld(t).HTTP
	w.init(s.wish("0.1.0"))
	if err := os.RemoveAll(w.home()); err != nil {
		t.Fatal(err)
	}
	network = w.offline()
	if w.init(s.wish("0.1.0")); len(network.asked) > 0 {
		t.Errorf("it asked %v", network.asked)
	}
}

func TestDamageOfWhatIsInstalledIsFoundAndMended(t *testing.T) {
	for name, damage := range map[string]func(dir string) error{
		"a changed program": func(dir string) error {
			return errors.Join(os.Chmod(filepath.Join(dir, "run"), 0o755), os.WriteFile(filepath.Join(dir, "run"), []byte("evil"), 0o755))
		},
		"one file more": func(dir string) error { return os.WriteFile(filepath.Join(dir, "sitecustomize.py"), nil, 0o644) },
		"one file less": func(dir string) error { return os.Remove(filepath.Join(dir, "lib", "data.txt")) },
		"a link for a file": func(dir string) error {
			return errors.Join(os.Remove(filepath.Join(dir, "run")), os.Symlink("/bin/sh", filepath.Join(dir, "run")))
		},
		"not executable":      func(dir string) error { return os.Chmod(filepath.Join(dir, "run"), 0o444) },
		"nothing":             os.RemoveAll,
		"a file":              func(dir string) error { return errors.Join(os.RemoveAll(dir), os.WriteFile(dir, nil, 0o644)) },
		"a link to elsewhere": func(dir string) error { return errors.Join(os.RemoveAll(dir), os.Symlink("/nowhere", dir)) },
		"a link to the same":  func(dir string) error { return errors.Join(os.Rename(dir, dir+"x"), os.Symlink(dir+"x", dir)) },
		"two folders for one ": func(dir string) error {
			return os.Rename(filepath.Join(dir, "lib", "x"), filepath.Join(dir, "lib", "X"))
		},
	} {
		t.Run(name, func(t *testing.T) {
			w, s := newWorld(t), newSite(t)
			s.release(t, "0.1.0", here)
			s.files["other.tgz"] = plugin("other", "1.0.0").packed(t)
			wishes := []Wish{s.wish("0.1.0"), {Name: "other", Source: s.URL + "/other.tgz"}}
			w.init(wishes...)
			lock := w.files()[filepath.Join(w.Dir, LockName)]
			if err := damage(w.place("greeting", "0.1.0", here)); err != nil {
				t.Fatal(err)
			}
			found, err := Installed(t.Context(), w.Options)
			var unusable *UnusableError
			if !errors.As(err, &unusable) || len(unusable.Plugins) != 1 || unusable.Plugins[0].Name != "greeting" {
				t.Fatalf("it says %v", err)
			}
			if hint := hintOf(unusable.Plugins[0].Err); !strings.Contains(hint, "dtm init") {
				t.Errorf("%v (%s)", err, hint)
			}
			if len(found) != 1 || found[0].Name != "other" {
				t.Errorf("found %+v", found)
			}
			w.offline() // the cache has it
			if result := w.init(wishes...); !result.Changed() || result.Plugins[0].Outcome != Fetched || result.Plugins[1].Outcome != Unchanged || result.LockWritten {
				t.Errorf("result %+v", result)
			}
			if len(w.found()) != 2 || w.files()[filepath.Join(w.Dir, LockName)] != lock {
				t.Errorf("found %+v", w.found())
			}
		})
	}
}

// smallDisk mounts a file system of this size, for which one must be root.
func smallDisk(t *testing.T, dir, size string) {
	t.Helper()
	err := os.MkdirAll(dir, 0o755)
	if err == nil {
		err = syscall.Mount("tmpfs", dir, "tmpfs", 0, "size="+size)
	}
	parts.Need(t, err == nil, "a small file system cannot be mounted: %v", err)
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, 0); err != nil {
			t.Errorf("unmount: %v", err)
		}
	})
}

func TestAFullDiskInstallsNothing(t *testing.T) {
	big := strings.Repeat("0", 1<<20) // small in an archive
	for _, where := range []string{"the configuration", "the cache"} {
		t.Run(where, func(t *testing.T) {
			w, s := newWorld(t), newSite(t)
			f := plugin("greeting", "0.1.0").with("big", big)
			wish := Wish{Name: "greeting", Source: s.URL + "/x.tgz"}
			if s.files["x.tgz"] = f.packed(t); where == "the cache" {
				s.files["x.tgz"] = tarred(t, entry{name: "noise", content: string(noise(1 << 20))})
				smallDisk(t, w.Cache, "256k")
			} else {
				smallDisk(t, w.Dir, "256k")
			}
			w.refuses(wish, "no space left on device", "make room")
		})
	}
}

// noise is bytes that cannot be compressed.
func noise(n int) []byte {
	data := make([]byte, n)
	seed := uint64(1)
	for i := range data {
		seed = seed*6364136223846793005 + 1442695040888963407
		data[i] = byte(seed >> 56)
	}
	return data
}

func TestAFolderThatCannotBeWrittenIsSaidAndMayBeReadOn(t *testing.T) {
	w, s := newWorld(t), newSite(t)
	s.release(t, "0.1.0", here)
	s.release(t, "0.2.0", here)
	smallDisk(t, w.Dir, "4m")
	w.init(s.wish("0.1.0"))
	writable := func(flags uintptr) {
		t.Helper()
		if err := syscall.Mount("tmpfs", w.Dir, "tmpfs", syscall.MS_REMOUNT|flags, ""); err != nil {
			t.Fatal(err)
		}
	}
	writable(syscall.MS_RDONLY)
	if result := w.init(s.wish("0.1.0")); result.Changed() {
		t.Errorf("result %+v", result)
	}
	w.found()
	w.Upgrade = true
	w.refuses(s.wish("0.2.0"), "read-only file system", "must be able to write there")
	writable(0)
	w.init(s.wish("0.2.0"))
}

func TestSomethingElseWherePluginsGoIsSaid(t *testing.T) {
	w, s := newWorld(t), newSite(t)
	s.release(t, "0.1.0", here)
	if err := os.WriteFile(filepath.Join(w.Dir, ".devstream"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	w.refuses(s.wish("0.1.0"), "not a directory", "move it away")
}

func TestALockThatIsDamagedOrNewerIsLeftAlone(t *testing.T) {
	digest := `"sha256:` + strings.Repeat("0", 64) + `"`
	for text, words := range map[string]string{
		"":                       "it is damaged",
		"{":                      "it is damaged",
		"<<<<<<< HEAD":           "it is damaged",
		`{"lock": 1} {}`:         "behind the closing brace",
		`{"lock": 2, "x": true}`: "it is of form 2, this dtm knows 1",
		`{"lock": 0}`:            "lock is 0",
		`{"lock": 1, "x": 1}`:    `unknown field "x"`,
		`{"lock": 1, "plugins": {"../x": {"source": "./x", "version": "1.0.0", "local": true}}}`:                                                        "no name",
		`{"lock": 1, "plugins": {"x": {"source": "x", "version": "1.0.0", "local": true}}}`:                                                             "nothing that dtm knows",
		`{"lock": 1, "plugins": {"x": {"source": "./x", "version": "../1", "local": true}}}`:                                                            "no version",
		`{"lock": 1, "plugins": {"x": {"source": "./x", "version": "1.0.0"}}}`:                                                                          "either platforms or is local",
		`{"lock": 1, "plugins": {"x": {"source": "./x", "version": "1.0.0", "local": true, "platforms": {"any": {"archive": ` + digest + `}}}}}`:        "either platforms or is local",
		`{"lock": 1, "plugins": {"x": {"source": "./x", "version": "1.0.0", "platforms": {"../../x": {"archive": ` + digest + `}}}}}`:                   "no platform",
		`{"lock": 1, "plugins": {"x": {"source": "./x", "version": "1.0.0", "platforms": {"any": {"archive": "sha256:../../x"}}}}}`:                     "no digest",
		`{"lock": 1, "plugins": {"x": {"source": "./x", "version": "1.0.0", "platforms": {"any": {"archive": ` + digest + `, "manifest": "x"}}}}}`:      "no digest",
		`{"lock": 1, "plugins": {"x": {"source": "./x", "version": "1.0.0", "platforms": {"any": {"archive": ` + digest + `, "tree": "x"}}}}}`:          "no digest",
		`{"lock": 1, "plugins": {"x": {"source": "./x", "version": "1.0.0", "key": "x", "platforms": {"any": {"archive": ` + digest + `}}}}}`:           "no digest",
		`{"lock": 1, "plugins": {"x": {"source": "https://a:b@example.org/x", "version": "1.0.0", "platforms": {"any": {"archive": ` + digest + `}}}}}`: "password",
	} {
		t.Run(text, func(t *testing.T) {
			w := newWorld(t)
			plugin("near", "0.3.0").in(t, filepath.Join(w.Dir, "near"))
			if err := os.WriteFile(filepath.Join(w.Dir, LockName), []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
			w.refuses(Wish{Name: "near", Source: "./near"}, LockName, words)
			w.Upgrade = true
			w.refuses(Wish{Name: "near", Source: "./near"}, LockName, words)
			if _, err := Installed(t.Context(), w.Options); err == nil || !strings.Contains(err.Error(), words) {
				t.Errorf("installed: %v", err)
			}
		})
	}
}

func TestTheBytesOfALockAreAlwaysTheSame(t *testing.T) {
	w, s := newWorld(t), newSite(t)
	s.release(t, "0.1.0", here, "darwin/arm64", "linux/arm64")
	w.init(s.wish("0.1.0"))
	path := filepath.Join(w.Dir, LockName)
	first, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for range 5 {
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
		w.init(s.wish("0.1.0"))
		if again, err := os.ReadFile(path); err != nil || !slices.Equal(again, first) {
			t.Fatalf("%s, %v\nbefore\n%s", again, err, first)
		}
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm()&fs.FileMode(0o044) == 0 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
}

func TestALockThatDoesNotFitItselfInstallsNothing(t *testing.T) {
	w, s := newWorld(t), newSite(t)
	s.release(t, "0.1.0", here)
	w.init(s.wish("0.1.0"))
	lock := w.lock().clone()
	p := lock.Plugins["greeting"].Platforms[here]
	p.Tree = "h1:" + strings.Repeat("A", 43) + "="
	lock.Plugins["greeting"].Platforms[here] = p
	if _, err := lock.write(w.Dir); err != nil {
		t.Fatal(err)
	}
	w.refuses(s.wish("0.1.0"), "wrong checksum: what is in the archive", "dtm.lock does not fit itself")
}
