package helm

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"helm.sh/helm/v3/pkg/chart"
)

// locked lets only those in who bring user and password.
func locked(w http.ResponseWriter, r *http.Request) bool {
	name, pass, _ := r.BasicAuth()
	if name == user && pass == password {
		return false
	}
	w.Header().Set("WWW-Authenticate", `Basic realm="charts"`)
	http.Error(w, "who are you?", http.StatusUnauthorized)
	return true
}

func TestARegistryWithAPasswordWantsTheRightOne(t *testing.T) {
	s := newShelf(t)
	s.publish("1.0.0", "")
	s.answers(locked)
	c := chartsWith(t, nil)
	for name, k := range map[string]struct{ user, password string }{
		"none": {}, "a wrong one": {user, "hunter-three"}, "half of it": {user, ""}, "the other half": {"", password},
	} {
		for _, wish := range []string{"", "1.0.0"} {
			o := s.ociWish(wish)
			o.Repo.Username, o.Repo.Password = k.user, k.password
			err := complaint(t.Context(), t, c, o)
			discreet(t, name, err)
			if retryable(err) || !strings.Contains(hintOf(err), "helm registry login") {
				t.Errorf("%s: %v (%s)", name, err, hintOf(err))
			}
		}
	}
	version(t, c, guarded(s.ociWish("")), "")
}

func TestATokenIsFetchedWhereTheRegistrySaysSo(t *testing.T) {
	s := newShelf(t)
	s.publish("1.0.0", "")
	s.answers(func(w http.ResponseWriter, r *http.Request) bool {
		switch {
		case r.URL.Path == "/token":
			if !locked(w, r) {
				_ = json.NewEncoder(w).Encode(map[string]string{"token": token})
			}
		case r.Header.Get("Authorization") != "Bearer "+token:
			w.Header().Set("WWW-Authenticate", fmt.Sprintf(`Bearer realm="%s/token",service="x"`, s.URL))
			http.Error(w, "who are you?", http.StatusUnauthorized)
		default:
			return false
		}
		return true
	})
	c := chartsWith(t, nil)
	err := complaint(t.Context(), t, c, s.ociWish(""))
	if discreet(t, "no password", err); retryable(err) || !strings.Contains(hintOf(err), "repo.password") {
		t.Errorf("no password: %v (%s)", err, hintOf(err))
	}
	version(t, c, guarded(s.ociWish("")), "")
}

func TestLoginsOfHelmAndDockerCount(t *testing.T) {
	s := newShelf(t)
	s.publish("1.0.0", "")
	s.answers(locked)
	login := fmt.Sprintf(`{"auths": {%q: {"auth": %q}}}`, s.Listener.Addr().String(), base64.StdEncoding.EncodeToString([]byte(user+":"+password)))
	dir := t.TempDir()
	write := func(name, text string) string {
		t.Helper()
		path := filepath.Join(dir, filepath.FromSlash(name))
		err := os.MkdirAll(filepath.Dir(path), 0o700)
		if err == nil {
			err = os.WriteFile(path, []byte(text), 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
		return path
	}
	write("a/.docker/config.json", login)
	write("b/.config/helm/registry/config.json", login)
	write("c/helm/registry/config.json", login)
	write("d/registry/config.json", login)
	plain := write("e.json", login)
	write("f/config.json", login)
	write("g/.docker/config.json", `{"auths": {`)
	write("h/.docker/config.json", "")
	t.Chdir(filepath.Join(dir, "a")) // whose .docker is nobody's
	for name, k := range map[string]struct {
		variables map[string]string
		ok        bool
	}{
		"docker login":             {map[string]string{"HOME": filepath.Join(dir, "a")}, true},
		"helm registry login":      {map[string]string{"HOME": filepath.Join(dir, "b")}, true},
		"XDG_CONFIG_HOME":          {map[string]string{"HOME": "/none", "XDG_CONFIG_HOME": filepath.Join(dir, "c")}, true},
		"HELM_CONFIG_HOME":         {map[string]string{"HELM_CONFIG_HOME": filepath.Join(dir, "d")}, true},
		"HELM_REGISTRY_CONFIG":     {map[string]string{"HELM_REGISTRY_CONFIG": plain}, true},
		"DOCKER_CONFIG":            {map[string]string{"DOCKER_CONFIG": filepath.Join(dir, "f")}, true},
		"nothing":                  {nil, false},
		"a home that is not there": {map[string]string{"HOME": "/none"}, false},
		"a broken file":            {map[string]string{"HOME": filepath.Join(dir, "g")}, false},
		"an empty file":            {map[string]string{"HOME": filepath.Join(dir, "h")}, false},
	} {
		f, err := chartsWith(t, k.variables).get(t.Context(), s.ociWish(""), "")
		if (err == nil) != k.ok {
			t.Errorf("%s: %v, %v", name, f, err)
		}
		if err != nil {
			discreet(t, name, err)
		}
	}
	if left, err := os.ReadDir("."); err != nil || len(left) != 1 {
		t.Errorf("%v, %v", left, err)
	}
}

func TestWhatARegistryDoesNotHaveIsNotTriedAgain(t *testing.T) {
	s := newShelf(t)
	s.publish("1.0.0", "")
	c := chartsWith(t, nil)
	for _, wish := range []string{"", "1.0.0", "^1"} {
		o := s.ociWish(wish)
		o.Chart.ChartName = strings.Replace(o.Chart.ChartName, "/web", "/wep", 1)
		err := complaint(t.Context(), t, c, o)
		discreet(t, wish, err)
		if retryable(err) || !strings.Contains(hintOf(err), "chart of that name") {
			t.Errorf("%q: %v (%s)", wish, err, hintOf(err))
		}
	}
}

func TestABlobThatIsNotWhatItsDigestSaysIsNotTaken(t *testing.T) {
	s := newShelf(t)
	s.publish("1.0.0", "")
	s.answers(func(w http.ResponseWriter, r *http.Request) bool {
		if !strings.Contains(r.URL.Path, "/blobs/") || r.Method != http.MethodGet {
			return false
		}
		reply, err := (unwired{s.registry}).RoundTrip(r)
		if err != nil {
			t.Error(err)
			return false
		}
		defer reply.Body.Close()
		body := make([]byte, 1<<20)
		n, _ := reply.Body.Read(body)
		body[n-1] ^= 1
		_, _ = w.Write(body[:n])
		return true
	})
	err := complaint(t.Context(), t, chartsWith(t, nil), s.ociWish(""))
	if discreet(t, "a changed blob", err); retryable(err) {
		t.Error(err)
	}
}

func TestAnImageIsNoChart(t *testing.T) {
	s := newShelf(t)
	push := func(path, kind, body string) {
		t.Helper()
		request, err := http.NewRequestWithContext(t.Context(), http.MethodPut, "http://shelf.test"+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("Content-Type", kind)
		reply, err := (unwired{s.registry}).RoundTrip(request)
		if err != nil || reply.StatusCode != http.StatusCreated {
			t.Fatal(err, reply)
		}
	}
	const kind = "application/vnd.oci.image.manifest.v1+json"
	push("/v2/charts/web/manifests/1.0.0", kind, fmt.Sprintf(`{"schemaVersion": 2, "mediaType": %q, "config":
		{"mediaType": "application/vnd.oci.image.config.v1+json", "digest": %q, "size": 2}, "layers": []}`, kind, digest([]byte("{}"))))
	err := complaint(t.Context(), t, chartsWith(t, nil), s.ociWish(""))
	if discreet(t, "an image", err); retryable(err) || !strings.Contains(hintOf(err), "image") {
		t.Errorf("%v (%s)", err, hintOf(err))
	}
}

// What one operation does to its chart must not be seen by the next one.
func TestEveryGetHasAChartOfItsOwn(t *testing.T) {
	s := newShelf(t)
	s.publish("1.0.0", "")
	c := chartsWith(t, nil)
	for range 2 {
		f, err := c.get(t.Context(), s.wish(""), "")
		if err != nil {
			t.Fatal(err)
		}
		if f.chart.Metadata.Description != "" || len(f.chart.Templates) != 1 {
			t.Errorf("got what another one has changed: %+v", f.chart)
		}
		f.chart.Metadata.Description = "changed"
		f.chart.Templates = append(f.chart.Templates, &chart.File{})
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := complaint(ctx, t, c, s.ociWish("")); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled beforehand: %v", err)
	}
}
