package helm

import (
	"context"
	"errors"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"helm.sh/helm/v3/pkg/chartutil"
)

func TestAChartComesFromAFolderAnArchiveARepositoryOrARegistry(t *testing.T) {
	s := newShelf(t)
	data := s.publish("1.2.3", "")
	c := chartsWith(t, nil)
	if err := os.WriteFile(filepath.Join(c.env.Dir, "web.tgz"), data, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := chartutil.ExpandFile(c.env.Dir, filepath.Join(c.env.Dir, "web.tgz")); err != nil {
		t.Fatal(err)
	}
	local := func(name string) Options { return Options{Chart: Chart{ChartName: name}} }
	ociURL := s.ociWish("")
	ociURL.Repo.URL, ociURL.Chart.ChartName = strings.TrimSuffix(ociURL.Chart.ChartName, "/web"), "any/web"
	bare := s.wish("")
	bare.Chart.ChartName = "web"
	slash := s.wish("")
	slash.Repo.URL += "/"
	for name, o := range map[string]Options{
		"an archive":                 local("./web.tgz"),
		"an archive's absolute path": local(filepath.Join(c.env.Dir, "web.tgz")),
		"a repository":               s.wish(""),
		"a chart without an alias":   bare,
		"a slash behind the address": slash,
		"a registry":                 s.ociWish(""),
		"a registry as repo.url":     ociURL,
		"a registry, exactly":        s.ociWish("1.2.3"),
	} {
		f, err := c.get(t.Context(), o, "")
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if f.chart.Name() != "web" || f.chart.Metadata.Version != "1.2.3" || f.digest != digest(data) {
			t.Errorf("%s: %s %s, %s", name, f.chart.Name(), f.chart.Metadata.Version, f.digest)
		}
	}
	for _, name := range []string{"./web", "./web/", filepath.Join(c.env.Dir, "web"), "../" + filepath.Base(c.env.Dir) + "/web"} {
		if v := version(t, c, local(name), ""); v != "1.2.3" {
			t.Errorf("%s: version %s", name, v)
		}
	}
}

func TestTheDigestOfAFolderIsThatOfItsFiles(t *testing.T) {
	dir, err := chartutil.Create("web", t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := chartutil.Create("inner", filepath.Join(dir, "charts")); err != nil {
		t.Fatal(err)
	}
	c := chartsWith(t, nil)
	sum := func() string {
		t.Helper()
		f, err := c.get(t.Context(), Options{Chart: Chart{ChartName: dir}}, "")
		if err != nil {
			t.Fatal(err)
		}
		return f.digest
	}
	last := sum()
	if again := sum(); again != last {
		t.Error("the digest is another without any change")
	}
	for _, name := range []string{"values.yaml", "templates/service.yaml", "charts/inner/values.yaml", "README.md"} {
		f, err := os.OpenFile(filepath.Join(dir, filepath.FromSlash(name)), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
		if err != nil {
			t.Fatal(err)
		}
		_, err = f.WriteString("\n# changed\n")
		if err = errors.Join(err, f.Close()); err != nil {
			t.Fatal(err)
		}
		now := sum()
		if now == last {
			t.Errorf("%s was changed, the digest was not", name)
		}
		last = now
	}
}

func TestWhatIsNoChartIsRefused(t *testing.T) {
	c := chartsWith(t, nil)
	write := func(name, text string) {
		t.Helper()
		path := filepath.Join(c.env.Dir, filepath.FromSlash(name))
		err := os.MkdirAll(filepath.Dir(path), 0o755)
		if err == nil {
			err = os.WriteFile(path, []byte(text), 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	write("library/Chart.yaml", "apiVersion: v2\nname: library\nversion: 1.0.0\ntype: library\n")
	write("lacking/Chart.yaml", "apiVersion: v2\nname: lacking\nversion: 1.0.0\ndependencies: [{name: postgresql, version: 1.0.0, repository: 'https://x.test'}]\n")
	write("empty/values.yaml", "a: 1\n")
	write("text.tgz", "this is no archive")
	write("good/Chart.yaml", "apiVersion: v2\nname: good\nversion: 1.0.0\n")
	for _, k := range []struct{ name, version, repo, says, hint string }{
		{name: "", says: "chart_name is empty"},
		{name: "./missing", says: "not exist", hint: "folder of the configuration"},
		{name: "./library", says: "cannot be installed"},
		{name: "./lacking", says: "postgresql", hint: "helm dependency build"},
		{name: "./empty", says: "Chart.yaml"},
		{name: "./text.tgz", says: "text.tgz"},
		{name: "./good", version: "2.0.0", says: "is version 1.0.0, not 2.0.0"},
		{name: "./good", version: "nonsense", says: "is version 1.0.0"},
		{name: "web", says: "no repository", hint: "repo.url"},
		{name: "web/", repo: "https://x.test", says: "names no chart"},
		{name: "oci://", says: "no address"},
		{name: "oci://registry.test", says: "names no chart"},
		{name: "oci://registry.test/web:1.2.3", says: "has a version in it", hint: "chart.version"},
		{name: "oci://user:hunter2@registry.test/web", says: "has credentials in it", hint: "repo.password"},
		{name: "web", repo: "registry.test/charts", says: "no address"},
		{name: "web", repo: "ftp://x.test/charts", says: "unknown kind", hint: "https://"},
		{name: "web", repo: "https://user:hunter2@x.test", says: "has credentials in it", hint: "repo.password"},
		{name: "web", repo: "oci://user:hunter2@x.test", says: "has credentials in it", hint: "repo.password"},
		{name: "web", repo: "https://x.test\x7f:hunter2@", says: "no address"},
		{name: "web", repo: "https://x.test", version: "one", says: "neither a version nor a range", hint: "~1.2"},
	} {
		o := Options{Repo: Repo{URL: k.repo}, Chart: Chart{ChartName: k.name, Version: k.version}}
		err := complaint(t.Context(), t, c, o)
		if !strings.Contains(err.Error(), k.says) || !strings.Contains(hintOf(err), k.hint) || retryable(err) {
			t.Errorf("%q of %q: %v (hint %q, retryable %v)", k.name, k.repo, err, hintOf(err), retryable(err))
		}
		if strings.Contains(err.Error()+hintOf(err), "hunter2") {
			t.Errorf("%q of %q: the error has the password: %v", k.name, k.repo, err)
		}
	}
	if err := complaint(t.Context(), t, c, Options{Chart: Chart{ChartName: "./missing"}}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a missing folder: %v", err)
	}
}

func TestAnOpenVersionComesToTheNewestThatFits(t *testing.T) {
	s := newShelf(t)
	for _, v := range []string{"1.9.0", "1.10.0", "2.0.0+build.7", "3.0.0-rc.1"} {
		s.publish(v, "")
	}
	for name, wish := range map[string]func(string) Options{"repository": s.wish, "registry": s.ociWish} {
		for _, k := range []struct{ wish, installed, want string }{
			{"", "", "2.0.0+build.7"}, // never a pre-release
			{"", "1.9.0", "1.9.0"},    // what is installed stays
			{"", "3.0.0-rc.1", "3.0.0-rc.1"},
			{"^1", "", "1.10.0"}, // numbers, not letters
			{"~1.9", "", "1.9.0"},
			{"1.x", "", "1.10.0"},
			{"1", "1.9.0", "1.9.0"},
			{">=1.0.0 <2", "1.9.0", "1.9.0"}, // what is installed stays where it fits
			{"^2", "1.9.0", "2.0.0+build.7"},
			{">=3.0.0-0", "", "3.0.0-rc.1"},
			{"3.0.0-rc.1", "1.9.0", "3.0.0-rc.1"},
			{"1.9.0", "1.10.0", "1.9.0"},
		} {
			if got := version(t, chartsWith(t, nil), wish(k.wish), k.installed); got != k.want {
				t.Errorf("%s: %q with %q installed comes to %s, not %s", name, k.wish, k.installed, got, k.want)
			}
		}
	}
}

func TestAVersionThatThereIsNotNamesThoseThatThereAre(t *testing.T) {
	s := newShelf(t)
	for _, v := range []string{"1.9.0", "1.10.0"} {
		s.publish(v, "")
	}
	c := chartsWith(t, nil)
	for name, wish := range map[string]func(string) Options{"repository": s.wish, "registry": s.ociWish} {
		for _, v := range []string{"7.0.0", "^7"} {
			err := complaint(t.Context(), t, c, wish(v))
			if !strings.Contains(err.Error(), "has no version "+v) || !strings.Contains(hintOf(err), "1.10.0, 1.9.0") || retryable(err) {
				t.Errorf("%s, %s: %v (%s)", name, v, err, hintOf(err))
			}
		}
	}
	other := s.wish("")
	other.Chart.ChartName = "shelf/wep"
	if err := complaint(t.Context(), t, c, other); !strings.Contains(err.Error(), "no chart wep in "+s.URL) || hintOf(err) == "" {
		t.Errorf("a chart that there is not: %v", err)
	}

	early := newShelf(t)
	early.publish("1.0.0-beta.1", "")
	for name, wish := range map[string]func(string) Options{"repository": early.wish, "registry": early.ociWish} {
		err := complaint(t.Context(), t, c, wish(""))
		if !strings.Contains(err.Error(), "no version that is no pre-release") || !strings.Contains(hintOf(err), "1.0.0-beta.1") {
			t.Errorf("%s with nothing but a pre-release: %v (%s)", name, err, hintOf(err))
		}
	}
}

func TestWhatAPlanHasSettledIsWhatAnApplyGets(t *testing.T) {
	for _, kind := range []string{"repository", "registry"} {
		s := newShelf(t)
		wish := s.wish
		if kind == "registry" {
			wish = s.ociWish
		}
		s.publish("1.0.0", "")
		c := chartsWith(t, nil)
		if v := version(t, c, wish(""), ""); v != "1.0.0" {
			t.Fatalf("%s: planned %s", kind, v)
		}
		if v := version(t, c, wish("^1"), ""); v != "1.0.0" {
			t.Fatalf("%s: planned %s for ^1", kind, v)
		}
		s.publish("1.1.0", "")
		for _, w := range []string{"", "^1"} {
			if v := version(t, c, wish(w), ""); v != "1.0.0" {
				t.Errorf("%s: planned 1.0.0 for %q, got %s", kind, w, v)
			}
		}
		if v := version(t, chartsWith(t, nil), wish(""), ""); v != "1.1.0" {
			t.Errorf("%s: the next process gets %s", kind, v)
		}
	}
}

func TestMirrorsAreAskedInstead(t *testing.T) {
	s := newShelf(t)
	s.publish("1.0.0", "")
	host := s.Listener.Addr().String()
	for _, k := range []struct{ mirrors, url, name, want string }{
		{"https://a.test/x=" + s.URL + "/charts", "https://a.test/x", "a/web", s.URL + "/charts"},
		{"https://a.test/x/=" + s.URL + "/charts/", "https://a.test/x/", "a/web", s.URL + "/charts"},
		{"https://b.test=http://no.test  https://a.test=" + s.URL, "https://a.test/charts", "a/web", s.URL + "/charts"},
		{"https://a.test=" + s.URL + " https://a.test=http://no.test", "https://a.test/charts", "a/web", s.URL + "/charts"},
		{"https://a.test/x=" + s.URL, "https://a.test/xy", "a/web", "https://a.test/xy"},
		{"https://a.test=" + s.URL, "https://a.test.evil.test/charts", "a/web", "https://a.test.evil.test/charts"},
		{"nonsense = https://a.test", "https://a.test/x", "a/web", "https://a.test/x"},
		{"https://a.test=" + s.URL, "https://a.test/x?token=t", "a/web", s.URL + "/x?token=t"},
		{"oci://a.test=oci://" + host, "", "oci://a.test/charts/web", "oci://" + host + "/charts"},
		{"oci://a.test/y/web=oci://" + host + "/charts/web", "", "oci://a.test/y/web", "oci://" + host + "/charts"},
		{"oci://a.test/y/web=oci://" + host + "/charts/web", "", "oci://a.test/y/webber", "oci://a.test/y"},
		{"oci://a.test/y=" + s.URL + "/charts", "oci://a.test/y", "a/web", s.URL + "/charts"},
	} {
		c := chartsWith(t, map[string]string{"DTM_CHART_MIRRORS": k.mirrors})
		o := Options{Repo: Repo{URL: k.url}, Chart: Chart{ChartName: k.name}}
		at, err := c.find(o)
		if err != nil || at.base != k.want {
			t.Errorf("%s with %q: %q, %v", k.url+k.name, k.mirrors, at.base, err)
			continue
		}
		if strings.Contains(k.want, host+"/charts") {
			if v := version(t, c, o, ""); v != "1.0.0" {
				t.Errorf("%s with %q: version %s", k.url+k.name, k.mirrors, v)
			}
		}
	}

	// An index whose addresses are absolute is followed to the mirror as well.
	s.index(func(text string) string {
		return strings.ReplaceAll(text, "- web-", "- https://a.test/files/charts/web-")
	})
	c := chartsWith(t, map[string]string{"DTM_CHART_MIRRORS": "https://a.test/files=" + s.URL})
	if v := version(t, c, s.wish(""), ""); v != "1.0.0" {
		t.Errorf("an absolute address: version %s", v)
	}

	for _, bad := range []string{"ftp://x.test", "x.test", "https://user:hunter2@x.test", "oci://user:hunter2@x.test"} {
		c := chartsWith(t, map[string]string{"DTM_CHART_MIRRORS": "https://a.test=" + bad})
		o := Options{Repo: Repo{URL: "https://a.test"}, Chart: Chart{ChartName: "a/web"}}
		if err := complaint(t.Context(), t, c, o); !strings.Contains(err.Error(), "DTM_CHART_MIRRORS") || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("the mirror %s: %v", bad, err)
		}
	}
}

func TestManyThatWantTheSameAskOnce(t *testing.T) {
	for _, kind := range []string{"repository", "registry"} {
		s := newShelf(t)
		s.publish("1.0.0", "")
		s.asked()
		o := s.wish("")
		if kind == "registry" {
			o = s.ociWish("")
		}
		c := chartsWith(t, nil)
		var wait sync.WaitGroup
		for range 32 {
			wait.Go(func() {
				if f, err := c.get(t.Context(), o, ""); err != nil || f.chart.Metadata.Version != "1.0.0" {
					t.Errorf("%s: %v", kind, err)
				}
			})
		}
		wait.Wait()
		counts := map[string]int{}
		for _, request := range s.asked() {
			counts[request]++
		}
		for request, n := range counts {
			if n > 1 {
				t.Errorf("%s: %s %d times", kind, request, n)
			}
		}
	}
}

func TestNobodyIsEndedByTheContextOfAnother(t *testing.T) {
	s := newShelf(t)
	s.publish("1.0.0", "")
	first, release := make(chan struct{}), make(chan struct{})
	var once sync.Once
	s.answers(func(_ http.ResponseWriter, r *http.Request) bool {
		once.Do(func() { close(first) })
		select {
		case <-release:
		case <-r.Context().Done():
		}
		return false
	})
	c := chartsWith(t, nil)
	leader, cancel := context.WithCancel(t.Context())
	led := make(chan error, 1)
	go func() {
		_, err := c.get(leader, s.wish(""), "")
		led <- err
	}()
	<-first

	// One that follows does not wait longer than it wants to...
	impatient, give := context.WithCancelCause(t.Context())
	enough := errors.New("enough")
	gone := make(chan error, 1)
	go func() {
		_, err := c.get(impatient, s.wish(""), "")
		gone <- err
	}()
	give(enough)
	if err := <-gone; !errors.Is(err, enough) {
		t.Errorf("who gave up: %v", err)
	}
	// ... and one that waits gets its chart though the first has given up.
	patient := make(chan error, 1)
	go func() {
		_, err := c.get(t.Context(), s.wish(""), "")
		patient <- err
	}()
	cancel()
	if err := <-led; !errors.Is(err, context.Canceled) || retryable(err) {
		t.Errorf("the first: %v", err)
	}
	close(release)
	if err := <-patient; err != nil {
		t.Errorf("who waited: %v", err)
	}
}

func TestWrongCredentialsOfOneAreNotThoseOfAnother(t *testing.T) {
	s := newShelf(t)
	s.publish("1.0.0", "")
	s.answers(func(w http.ResponseWriter, r *http.Request) bool {
		_, password, _ := r.BasicAuth()
		if password != "right" {
			http.Error(w, "no", http.StatusUnauthorized)
		}
		return password != "right"
	})
	c := chartsWith(t, nil)
	c.archive.dir = ""
	right, wrong := s.wish(""), s.wish("")
	right.Repo.Username, right.Repo.Password = "u", "right"
	wrong.Repo.Username, wrong.Repo.Password = "u", "wrong"
	var wait sync.WaitGroup
	for range 8 {
		wait.Go(func() {
			if _, err := c.get(t.Context(), right, ""); err != nil {
				t.Error(err)
			}
		})
		wait.Go(func() {
			if _, err := c.get(t.Context(), wrong, ""); err == nil {
				t.Error("wrong credentials got a chart")
			}
		})
	}
	wait.Wait()
}

func TestAPanicWhileFetchingIsAnError(t *testing.T) {
	c := chartsWith(t, nil)
	_, err := once(t.Context(), c, "test", place{base: "b"}, Options{}, "", func() (string, error) { panic("oh") })
	if err == nil || !strings.Contains(err.Error(), "oh") {
		t.Errorf("a panic became %v", err)
	}
}
