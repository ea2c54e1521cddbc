package registry

import (
	"context"
	"encoding/pem"
	"errors"
	"io"
	"log"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
)

func TestInitInstallsAnArchiveAndLocksAllPlatforms(t *testing.T) {
	w, s := newWorld(t), newSite(t)
	s.release(t, "0.1.0", here, "darwin/arm64")
	result := w.init(s.wish("0.1.0"))
	if d := result.Plugins[0]; d.Outcome != Fetched || d.Version != "0.1.0" || len(d.Notes) > 0 || !result.LockWritten || !result.Changed() {
		t.Errorf("result %+v", result)
	}
	e := w.lock().Plugins["greeting"]
	if e.Source != s.wish("").Source || e.Constraint != "0.1.0" || e.Version != "0.1.0" || !slices.Equal(e.Env, []string{"GREETING_TOKEN"}) {
		t.Errorf("locked %s", asJSON(e))
	}
	if len(e.Platforms) != 2 || e.Platforms[here].Tree == "" || e.Platforms["darwin/arm64"].Tree != "" || e.Platforms["darwin/arm64"].Archive == "" {
		t.Errorf("locked %s", asJSON(e))
	}
	found := w.found()
	if len(found) != 1 {
		t.Fatalf("found %+v", found)
	}
	f := found[0]
	if f.Dir != filepath.Join(w.Dir, ".devstream", "plugins", "greeting", "0.1.0", "linux_amd64") || f.Local || f.Name != "greeting" || f.Version != "0.1.0" ||
		!slices.Equal(f.Command, []string{"./run", "./lib/data.txt"}) || !slices.Equal(f.Env, []string{"GREETING_TOKEN"}) || !strings.Contains(f.Schema, "#Options") {
		t.Errorf("found %+v", f)
	}
	info, err := os.Stat(filepath.Join(f.Dir, "run"))
	if err != nil || info.Mode().Perm() != 0o555 {
		t.Errorf("the program: %v, %v", info, err)
	}
	if _, err := os.Stat(w.staging()); err == nil {
		t.Error("what it was unpacked in is still there")
	}
}

func TestASecondInitTouchesNeitherTheNetworkNorAnyFile(t *testing.T) {
	w, s := newWorld(t), newSite(t)
	s.release(t, "0.1.0", here, "darwin/arm64")
	plugin("near", "0.3.0").in(t, filepath.Join(w.Dir, "near"))
	wishes := []Wish{s.wish("^0.1 || 0.1.0"), {Name: "near", Source: "./near"}}
	wishes[0].Version = "0.1.0"
	w.init(wishes...)
	network := w.offline()
	before := state(t, w.Dir, w.Cache)
	for range 2 {
		result := w.init(wishes...)
		if result.Changed() || result.LockWritten || result.Plugins[0].Outcome != Unchanged || result.Plugins[1].Outcome != Local {
			t.Errorf("result %+v", result)
		}
		w.found()
	}
	if after := state(t, w.Dir, w.Cache); after != before {
		t.Errorf("files changed:\n%s\nbefore\n%s", after, before)
	}
	if len(network.asked) > 0 {
		t.Errorf("it asked %v", network.asked)
	}
}

func TestInitWithNothingToDoDoesNothing(t *testing.T) {
	w := newWorld(t)
	if result := w.init(); result.Changed() {
		t.Errorf("result %+v", result)
	}
	if files := w.files(); len(files) > 0 {
		t.Errorf("files %v", files)
	}
	if found := w.found(); found != nil {
		t.Errorf("found %v", found)
	}
}

func TestAnotherMachineInstallsWhatIsLockedWithoutAskingForAnythingElse(t *testing.T) {
	w, s := newWorld(t), newSite(t)
	s.release(t, "0.1.0", here, "darwin/arm64")
	w.init(s.wish("0.1.0"))
	other := newWorld(t)
	other.Platform = "darwin/arm64"
	lock, err := os.ReadFile(filepath.Join(w.Dir, LockName))
	if err == nil {
		err = os.WriteFile(filepath.Join(other.Dir, LockName), lock, 0o644)
	}
	if err != nil {
		t.Fatal(err)
	}
	_, err = Installed(t.Context(), other.Options)
	if err == nil || !strings.Contains(err.Error(), "version 0.1.0 is not installed") || hintOf(err) != initHint {
		t.Errorf("before init: %v (%s)", err, hintOf(err))
	}
	before := len(s.requests())
	result := other.init(s.wish("0.1.0"))
	if asked := s.requests()[before:]; !slices.Equal(asked, []string{"/0.1.0/greeting_0.1.0_darwin_arm64.tar.gz"}) {
		t.Errorf("it asked for %v", asked)
	}
	if result.Plugins[0].Outcome != Fetched || !result.LockWritten {
		t.Errorf("result %+v", result)
	}
	data, err := os.ReadFile(filepath.Join(other.found()[0].Dir, "platform.txt"))
	if string(data) != "darwin/arm64" || err != nil {
		t.Errorf("installed for %s, %v", data, err)
	}
	if e := other.lock().Plugins["greeting"]; e.Platforms[here] != w.lock().Plugins["greeting"].Platforms[here] || e.Platforms["darwin/arm64"].Tree == "" {
		t.Errorf("locked %s", asJSON(e))
	}
}

func TestWithoutAListOnlyThisPlatformIsLockedAndOthersAddTheirs(t *testing.T) {
	w, s := newWorld(t), newSite(t)
	s.release(t, "0.1.0", here, "darwin/arm64")
	delete(s.files, "0.1.0/"+sumsName)
	result := w.init(s.wish("0.1.0"))
	if notes := result.Plugins[0].Notes; len(notes) != 1 || !strings.Contains(notes[0], "no SHA256SUMS") || !strings.Contains(notes[0], here) {
		t.Errorf("notes %v", notes)
	}
	if e := w.lock().Plugins["greeting"]; len(e.Platforms) != 1 {
		t.Errorf("locked %s", asJSON(e))
	}
	mac := *w
	mac.Platform = "darwin/arm64"
	mac.init(s.wish("0.1.0"))
	if e := w.lock().Plugins["greeting"]; len(e.Platforms) != 2 || e.Platforms["darwin/arm64"].Tree == "" {
		t.Errorf("locked %s", asJSON(e))
	}
	w.found()
	mac.found()
}

func TestArchivesOnDiskAndForAllPlatforms(t *testing.T) {
	s := newSite(t)
	s.files["greeting.tgz"] = plugin("greeting", "0.2.0").packed(t)
	s.files["greeting.zip"] = zipped(t, plugin("greeting", "0.2.0"))
	w := newWorld(t)
	for name, data := range s.files {
		if err := os.WriteFile(filepath.Join(w.Dir, name), data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	lock := filepath.Join(w.Dir, LockName)
	var trees []string
	for _, source := range []string{"./greeting.tgz", "./greeting.zip", filepath.Join(w.Dir, "greeting.tgz"), s.URL + "/greeting.zip", s.URL + "/greeting.tgz"} {
		t.Run(source, func(t *testing.T) {
			w.t = t
			if err := os.RemoveAll(lock); err != nil {
				t.Fatal(err)
			}
			wish := Wish{Name: "greeting", Source: source, Version: "^0.2"}
			result := w.init(wish)
			if result.Plugins[0].Version != "0.2.0" || len(result.Plugins[0].Notes) != 1 {
				t.Errorf("result %+v", result)
			}
			e := w.lock().Plugins["greeting"]
			if e.Platforms["any"].Tree == "" || len(e.Platforms) != 1 {
				t.Errorf("locked %s", asJSON(e))
			}
			trees = append(trees, e.Platforms["any"].Tree)
			if w.found()[0].Dir != w.place("greeting", "0.2.0", "any") {
				t.Errorf("found %+v", w.found())
			}
			if result := w.init(wish); result.Changed() {
				t.Errorf("the second time: %+v", result)
			}
		})
	}
	if len(slices.Compact(trees)) != 1 {
		t.Errorf("the same files have several digests: %v", trees)
	}
}

func TestALocalFolderIsUsedAsItIs(t *testing.T) {
	w := newWorld(t)
	dir := plugin("greeting", "0.1.0").in(t, filepath.Join(w.Dir, "greeting"))
	wish := Wish{Name: "greeting", Source: "./greeting"}
	if result := w.init(wish); result.Plugins[0].Outcome != Local || !result.LockWritten {
		t.Errorf("result %+v", result)
	}
	if e := w.lock().Plugins["greeting"]; !e.Local || e.Platforms != nil || e.Version != "0.1.0" {
		t.Errorf("locked %s", asJSON(e))
	}
	if f := w.found()[0]; f.Dir != dir || !f.Local {
		t.Errorf("found %+v", f)
	}
	if _, err := os.Stat(filepath.Join(w.home(), "greeting")); err == nil {
		t.Error("it was copied")
	}
	plugin("greeting", "0.2.0").in(t, dir)
	if f := w.found()[0]; f.Version != "0.2.0" {
		t.Errorf("found %+v", f)
	}
	if result := w.init(wish); !result.LockWritten || result.Plugins[0].Version != "0.2.0" {
		t.Errorf("a changed folder: %+v", result)
	}
	// Its mistakes show before it is run.
	for mistake, f := range map[string]files{
		"renamed": plugin("other", "0.2.0"), "no schema": plugin("greeting", "0.2.0").with("schema.cue", ""), "not a manifest": {"plugin.json": "{"},
	} {
		if err := os.RemoveAll(dir); err != nil {
			t.Fatal(err)
		}
		f.in(t, dir)
		if _, err := Installed(t.Context(), w.Options); err == nil {
			t.Errorf("%s: found", mistake)
		}
	}
	wish.Version = "^9"
	plugin("greeting", "0.2.0").in(t, dir)
	w.refuses(wish, `its version is 0.2.0, which does not fit "^9"`)
	wish.Version, wish.Source = "", "./nowhere"
	fresh := newWorld(t)
	fresh.refuses(wish, "no such file")
}

func TestUpgradeTakesWhatTheConfigurationSaysNow(t *testing.T) {
	w, s := newWorld(t), newSite(t)
	s.release(t, "0.1.0", here, "darwin/arm64")
	s.release(t, "0.2.0", here)
	w.init(s.wish("0.1.0"))
	w.refuses(s.wish("0.2.0"), "version: dtm.lock has 0.1.0, the configuration says 0.2.0", "dtm init --upgrade")
	w.Upgrade = true
	if result := w.init(s.wish("0.1.0")); result.Changed() || result.Plugins[0].Outcome != Unchanged {
		t.Errorf("an upgrade to the same: %+v", result)
	}
	result := w.init(s.wish("0.2.0"))
	if d := result.Plugins[0]; d.Outcome != Upgraded || d.From != "0.1.0" || d.Version != "0.2.0" || !result.LockWritten {
		t.Errorf("result %+v", result)
	}
	if e := w.lock().Plugins["greeting"]; e.Version != "0.2.0" || len(e.Platforms) != 1 {
		t.Errorf("locked %s", asJSON(e))
	}
	if found := w.found(); found[0].Version != "0.2.0" {
		t.Errorf("found %+v", found)
	}
}

func TestAnUpgradeSeesThatAnAddressHasSomethingElseNow(t *testing.T) {
	w, s := newWorld(t), newSite(t)
	s.files["greeting.tgz"] = plugin("greeting", "0.2.0").packed(t)
	wish := Wish{Name: "greeting", Source: s.URL + "/greeting.tgz"}
	w.init(wish)
	w.Upgrade = true
	if result := w.init(wish); result.Plugins[0].Outcome != Unchanged || result.LockWritten {
		t.Errorf("the same: %+v", result)
	}
	s.files["greeting.tgz"] = plugin("greeting", "0.2.0").with("more.txt", "more").packed(t)
	w.Upgrade = false
	if result := w.init(wish); result.Changed() {
		t.Errorf("without upgrade: %+v", result)
	}
	w.Upgrade = true
	result := w.init(wish)
	if d := result.Plugins[0]; d.Outcome != Upgraded || d.From != "0.2.0" || !result.LockWritten {
		t.Errorf("another one of the same version: %+v", result)
	}
	w.found()
}

func TestAVersionThatFitsTheNewRangeIsNoDifference(t *testing.T) {
	w, s := newWorld(t), newSite(t)
	s.files["greeting.tgz"] = plugin("greeting", "0.2.0").packed(t)
	wish := Wish{Name: "greeting", Source: s.URL + "/greeting.tgz", Version: "^0.2"}
	w.init(wish)
	w.offline()
	wish.Version = ">=0.1"
	if err := Compare(w.Options, w.lock(), []Wish{wish}); err != nil {
		t.Errorf("compare: %v", err)
	}
	if result := w.init(wish); !result.LockWritten || result.Plugins[0].Outcome != Unchanged {
		t.Errorf("result %+v", result)
	}
	if e := w.lock().Plugins["greeting"]; e.Constraint != ">=0.1" {
		t.Errorf("locked %s", asJSON(e))
	}
	if result := w.init(wish); result.Changed() {
		t.Errorf("the second time: %+v", result)
	}
}

func TestWhatLeftTheConfigurationStaysLockedUntilAnUpgrade(t *testing.T) {
	w, s := newWorld(t), newSite(t)
	s.release(t, "0.1.0", here)
	plugin("near", "0.3.0").in(t, filepath.Join(w.Dir, "near"))
	near := Wish{Name: "near", Source: "./near"}
	w.init(s.wish("0.1.0"), near)
	result := w.init(near)
	if result.Changed() || !slices.Equal(result.Extra, []string{"greeting"}) || result.Forgotten {
		t.Errorf("result %+v", result)
	}
	if err := Compare(w.Options, w.lock(), []Wish{near}); err != nil {
		t.Errorf("compare: %v", err)
	}
	if len(w.found()) != 2 {
		t.Errorf("found %+v", w.found())
	}
	w.Upgrade = true
	result = w.init()
	if !result.LockWritten || !result.Forgotten || !slices.Equal(result.Extra, []string{"greeting", "near"}) {
		t.Errorf("result %+v", result)
	}
	if lock := w.lock(); len(lock.Plugins) > 0 {
		t.Errorf("locked %s", asJSON(lock))
	}
}

func TestWishesAreCheckedBeforeAnythingIsAsked(t *testing.T) {
	w := newWorld(t)
	network := w.offline()
	w.BuiltIn = func(name string) bool { return name == "jenkins" }
	good := "https://example.org/x.tgz"
	for name, k := range map[string]struct {
		wish  Wish
		words string
	}{
		"a built-in's name":         {Wish{Name: "jenkins", Source: good}, "jenkins is built in"},
		"no name":                   {Wish{Source: good}, "no name for a plugin"},
		"a path as a name":          {Wish{Name: "../x", Source: good}, "no name for a plugin"},
		"no source":                 {Wish{Name: "x"}, "nothing that dtm knows"},
		"no scheme":                 {Wish{Name: "x", Source: "example.org/x.tgz"}, "https://"},
		"another scheme":            {Wish{Name: "x", Source: "ftp://example.org/x.tgz"}, "nothing that dtm knows"},
		"not encrypted":             {Wish{Name: "x", Source: "http://example.org/x.tgz"}, "not encrypted"},
		"a password":                {Wish{Name: "x", Source: "https://anna:hunter2@example.org/x.tgz"}, "a password"},
		"a password, no scheme":     {Wish{Name: "x", Source: "ftp://anna:hunter2@example.org/x.tgz"}, "nothing that dtm knows"},
		"a password for a registry": {Wish{Name: "x", Source: "oci://anna:hunter2@example.org/x"}, "no reference"},
		"a query":                   {Wish{Name: "x", Source: "https://example.org/x.tgz?token=hunter2"}, "a query"},
		"no archive":                {Wish{Name: "x", Source: "https://example.org/"}, "no address of an archive"},
		"one placeholder of two":    {Wish{Name: "x", Source: "https://example.org/x_{os}.tgz"}, "it needs both"},
		"an unknown placeholder":    {Wish{Name: "x", Source: "https://example.org/x_{name}.tgz"}, "{name} is no placeholder"},
		"a placeholder as a host":   {Wish{Name: "x", Source: "https://{version}.example.org/x.tgz"}, "name of the host"},
		"a range in an address":     {Wish{Name: "x", Source: "https://example.org/{version}/x.tgz", Version: "^1"}, "write which one"},
		"no version in an address":  {Wish{Name: "x", Source: "https://example.org/{version}/x.tgz"}, "write which one"},
		"a tag":                     {Wish{Name: "x", Source: "oci://example.org/x:1.0.0"}, "names a tag"},
		"no version":                {Wish{Name: "x", Source: good, Version: "newest"}, "neither a version nor a range"},
		"no key":                    {Wish{Name: "x", Source: good, Key: "nowhere.pub"}, "no such file"},
		"a broken key":              {Wish{Name: "x", Source: good, Key: "-----BEGIN PUBLIC KEY-----\nhunter2\n-----END PUBLIC KEY-----"}, "no public key in PEM"},
		"a private key":             {Wish{Name: "x", Source: good, Key: string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: []byte("hunter2")}))}, "it is a private key"},
	} {
		t.Run(name, func(t *testing.T) {
			w.t = t
			if said := w.refuses(k.wish, k.words); strings.Contains(said, "hunter2") {
				t.Errorf("it tells a secret: %s", said)
			}
		})
	}
	if _, err := Init(t.Context(), w.Options, []Wish{{Name: "x", Source: good}, {Name: "x", Source: "./x"}}); err == nil || !strings.Contains(err.Error(), "twice") {
		t.Errorf("one name twice: %v", err)
	}
	if len(network.asked) > 0 {
		t.Errorf("it asked %v", network.asked)
	}
}

func TestOneThatFailsHidesNoOtherAndKeepsAllFromBeingInstalled(t *testing.T) {
	w, s := newWorld(t), newSite(t)
	s.release(t, "0.1.0", here)
	_, err := Init(t.Context(), w.Options, []Wish{
		s.wish("0.1.0"), {Name: "a", Source: s.URL + "/a.tgz"}, {Name: "b", Source: s.URL + "/b.tgz"},
	})
	if err == nil || !strings.Contains(err.Error(), "plugin a: ") || !strings.Contains(err.Error(), "plugin b: ") || strings.Contains(err.Error(), "greeting") {
		t.Errorf("it says %v", err)
	}
	if files := w.files(); len(files) > 0 {
		t.Errorf("it left %v", slices.Sorted(maps.Keys(files)))
	}
}

func TestProgressOnlyGrowsAndEndsWithAll(t *testing.T) {
	w, s := newWorld(t), newSite(t)
	big := strings.Repeat("0123456789abcdef", 1<<14)
	files := plugin("greeting", "0.1.0")
	for _, name := range []string{"a", "b", "c"} {
		files["big-"+name] = sumOf([]byte(name)) + big
	}
	data := zipped(t, files)
	s.files["greeting.zip"] = data
	var seen []Progress
	w.Progress = func(p Progress) { seen = append(seen, p) } // -race finds two at once
	w.init(Wish{Name: "greeting", Source: s.URL + "/greeting.zip"})
	if len(seen) == 0 || seen[len(seen)-1] != (Progress{"greeting", int64(len(data)), int64(len(data))}) {
		t.Fatalf("seen %v", seen)
	}
	if !slices.IsSortedFunc(seen, func(a, b Progress) int { return int(a.Done - b.Done) }) {
		t.Errorf("seen %v", seen)
	}
}

func TestTwoInitsAtTheSameTimeDoItOnce(t *testing.T) {
	w, s := newWorld(t), newSite(t)
	s.release(t, "0.1.0", here)
	var wg sync.WaitGroup
	results := make([]Result, 4)
	for i := range results {
		wg.Go(func() {
			var err error
			if results[i], err = Init(context.Background(), w.Options, []Wish{s.wish("0.1.0")}); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	changed := slices.DeleteFunc(results, func(r Result) bool { return !r.Changed() })
	if len(changed) != 1 || len(s.requests()) != 2 {
		t.Errorf("%d of them did something, with %v", len(changed), s.requests())
	}
	w.found()
}

func TestAnInitThatWaitsForAnotherEndsWithItsContext(t *testing.T) {
	w, s := newWorld(t), newSite(t)
	s.release(t, "0.1.0", here)
	unlock, err := w.alone(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Init(ctx, w.Options, []Wish{s.wish("0.1.0")}); err != context.Canceled {
		t.Errorf("it says %v", err)
	}
	unlock()
	w.init(s.wish("0.1.0"))
}

func TestAnAddressIsAskedOverTLS(t *testing.T) {
	w, s := newWorld(t), newSite(t)
	s.release(t, "0.1.0", here)
	secure := httptest.NewUnstartedServer(s)
	secure.Config.ErrorLog = log.New(io.Discard, "", 0)
	secure.StartTLS()
	t.Cleanup(secure.Close)
	wish := s.wish("0.1.0")
	wish.Source = strings.Replace(wish.Source, s.URL, secure.URL, 1)
	w.refuses(wish, "certificate", "SSL_CERT_FILE")
	wish.Source = strings.Replace(wish.Source, "https", "http", 1)
	w.refuses(wish, "400")
	wish.Source = strings.Replace(s.wish("").Source, "http", "https", 1)
	w.refuses(wish, "http and not https")
	wish.Source = strings.Replace(s.wish("").Source, s.URL, secure.URL, 1)
	w.HTTP = secure.Client()
	w.HTTP.Transport.(*http.Transport).DisableKeepAlives = true
	w.init(wish)
	w.found()
}

func TestInitTellsWhatAPluginNewlySeesOfTheEnvironment(t *testing.T) {
	manifest := func(env string) string {
		return strings.Replace(plugin("greeting", "0.1.0")["plugin.json"], `["GREETING_TOKEN"]`, env, 1)
	}
	w := newWorld(t)
	dir := plugin("greeting", "0.1.0").in(t, filepath.Join(w.Dir, "it"))
	wish := Wish{Name: "greeting", Source: "./it"}
	for _, k := range []struct {
		env  string
		want []string
	}{{`["GREETING_TOKEN"]`, []string{"GREETING_TOKEN"}}, {`["GREETING_TOKEN"]`, nil}, {`["HOME", "GREETING_TOKEN"]`, []string{"HOME"}}, {`[]`, nil}} {
		files{"plugin.json": manifest(k.env)}.in(t, dir)
		if got := w.init(wish).Plugins[0].Env; !slices.Equal(got, k.want) {
			t.Errorf("of %s it newly sees %q", k.env, got)
		}
	}
}

func TestALockThatConcealsWhatAPluginSeesIsNoted(t *testing.T) {
	w, s := newWorld(t), newSite(t)
	s.release(t, "0.1.0", here, "darwin/arm64")
	w.init(s.wish("0.1.0"))
	whole := w.lock()
	edited := whole.clone()
	e := edited.Plugins["greeting"]
	e.Env = nil
	edited.Plugins["greeting"] = e
	if _, err := edited.write(w.Dir); err != nil {
		t.Fatal(err)
	}
	_, err := Installed(t.Context(), w.Options)
	if err == nil || !strings.Contains(err.Error(), "asks for GREETING_TOKEN of the environment, which dtm.lock does not name") || hintOf(err) == "" {
		t.Errorf("installed: %v (%s)", err, hintOf(err))
	}
	if d := w.init(s.wish("0.1.0")).Plugins[0]; !slices.Equal(d.Env, []string{"GREETING_TOKEN"}) {
		t.Errorf("init: %+v", d)
	}
	if got := asJSON(w.lock()); got != asJSON(whole) {
		t.Errorf("locked %s", got)
	}
	w.found()
}

func TestAPluginWhoseSchemaIsRefusedIsNotInstalled(t *testing.T) {
	w, s := newWorld(t), newSite(t)
	s.release(t, "0.1.0", here)
	w.Schema = func(name, text string) error {
		if name != "greeting" || !strings.Contains(text, "#Options") {
			t.Errorf("asked about %s: %s", name, text)
		}
		return errors.New("no such type")
	}
	w.refuses(s.wish("0.1.0"), "plugin greeting: its archive: schema.cue: no such type", "validate-plugin")
	plugin("greeting", "0.1.0").in(t, filepath.Join(w.Dir, "it"))
	w.refuses(Wish{Name: "greeting", Source: "./it"}, "plugin greeting: schema.cue: no such type")
}
