package registry

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/opencontainers/image-spec/specs-go"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	ociref "oras.land/oras-go/v2/registry"

	"github.com/devstream-io/dtm/cmd/dtm/parts"
)

// hub is a real registry, and a server in front of it that can make trouble.
type hub struct {
	t testing.TB
	*httptest.Server
	real string

	mu     sync.Mutex
	asked  []string
	answer func(w http.ResponseWriter, r *http.Request) bool
}

func newHub(t testing.TB, user, password string) *hub {
	h := &hub{t: t, real: parts.ServeRegistry(t, user, password)}
	proxy := httputil.NewSingleHostReverseProxy(&url.URL{Scheme: "http", Host: h.real})
	proxy.Transport = &http.Transport{DisableKeepAlives: true}
	h.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h.mu.Lock()
		h.asked = append(h.asked, r.Method+" "+r.URL.Path)
		answer := h.answer
		h.mu.Unlock()
		if answer == nil || !answer(w, r) {
			proxy.ServeHTTP(w, r)
		}
	}))
	t.Cleanup(h.Close)
	return h
}

func (h *hub) host() string { return strings.TrimPrefix(h.URL, "http://") }

func (h *hub) source() string { return "oci://" + h.host() + "/plugins/greeting" }

func (h *hub) wish(version string) Wish {
	return Wish{Name: "greeting", Source: h.source(), Version: version}
}

// release pushes a version and returns its digest.
func (h *hub) release(o Options, version string, platforms ...string) string {
	h.t.Helper()
	packed := map[string]string{}
	for _, platform := range platforms {
		file := filepath.Join(h.t.TempDir(), flat(platform))
		if err := os.WriteFile(file, plugin("greeting", version).with("platform.txt", platform).packed(h.t), 0o644); err != nil {
			h.t.Fatal(err)
		}
		packed[platform] = file
	}
	said, digest, err := Push(context.Background(), o, h.source(), packed)
	if err != nil || said != version {
		h.t.Fatalf("push: %q, %v", said, err)
	}
	return digest
}

// repository is the registry's, past what is in front of it.
func (h *hub) repository(o Options) *repository {
	h.t.Helper()
	r, err := o.with().repository(ociref.Reference{Registry: h.real, Repository: "plugins/greeting"})
	if err != nil {
		h.t.Fatal(err)
	}
	return r
}

// put pushes a manifest under a tag, past all checks of Push, and returns its digest.
func (h *hub) put(o Options, mediaType, tag string, v any, blobs ...[]byte) string {
	h.t.Helper()
	r := h.repository(o)
	for _, blob := range append(blobs, ocispec.DescriptorEmptyJSON.Data) {
		if err := r.upload(context.Background(), blobOf("x/y", blob), blob); err != nil {
			h.t.Fatal(err)
		}
	}
	d, data, err := described(mediaType, v)
	if err == nil {
		err = r.repo.PushReference(context.Background(), d, bytes.NewReader(data), tag)
	}
	if err != nil {
		h.t.Fatal(err)
	}
	return d.Digest.String()
}

func blobOf(mediaType string, data []byte) ocispec.Descriptor {
	d, _, _ := described(mediaType, json.RawMessage(`{}`))
	return ocispec.Descriptor{MediaType: mediaType, Digest: d.Digest.Algorithm().FromBytes(data), Size: int64(len(data))}
}

func TestARegistryHasAPluginForEachPlatform(t *testing.T) {
	w, h := newWorld(t), newHub(t, "", "")
	h.release(w.Options, "0.1.0", here, "darwin/arm64")
	h.release(w.Options, "0.2.0", here, "darwin/arm64")
	h.release(w.Options, "0.3.0-rc.1", here)
	h.release(w.Options, "0.2.1+build.7", "any")
	for constraint, want := range map[string]string{"": "0.2.1+build.7", "0.1.0": "0.1.0", "^0.1": "0.1.0", "0.2.0": "0.2.0", "v0.2.0": "0.2.0",
		">=0.1 <0.2.1": "0.2.0", "0.2.1+build.7": "0.2.1+build.7", "0.3.0-rc.1": "0.3.0-rc.1", ">=0.3.0-0": "0.3.0-rc.1"} {
		t.Run(constraint, func(t *testing.T) {
			w := newWorld(t)
			result := w.init(h.wish(constraint))
			if d := result.Plugins[0]; d.Version != want || d.Outcome != Fetched || len(d.Notes) > 0 {
				t.Errorf("result %+v", d)
			}
			if found := w.found(); found[0].Version != want {
				t.Errorf("found %+v", found)
			}
			network := w.offline()
			if result := w.init(h.wish(constraint)); result.Changed() || len(network.asked) > 0 {
				t.Errorf("the second time: %+v, %v", result, network.asked)
			}
		})
	}
	w.init(h.wish("0.1.0"))
	e := w.lock().Plugins["greeting"]
	if len(e.Platforms) != 2 || e.Platforms[here].Manifest == "" || e.Platforms["darwin/arm64"].Archive == "" || e.Platforms["darwin/arm64"].Tree != "" {
		t.Errorf("locked %s", asJSON(e))
	}
	mac := *w
	mac.Platform = "darwin/arm64"
	mac.init(h.wish("0.1.0"))
	data, err := os.ReadFile(filepath.Join(mac.found()[0].Dir, "platform.txt"))
	if string(data) != "darwin/arm64" || err != nil {
		t.Errorf("installed for %s, %v", data, err)
	}
	w.Upgrade = true
	result := w.init(h.wish(""))
	if d := result.Plugins[0]; d.Outcome != Upgraded || d.From != "0.1.0" || d.Version != "0.2.1+build.7" {
		t.Errorf("upgrade: %+v", d)
	}
	if result := w.init(h.wish("")); result.Changed() || result.Plugins[0].Outcome != Unchanged {
		t.Errorf("upgrade again: %+v", result)
	}
}

func TestWhatARegistryDoesNotHaveIsSaid(t *testing.T) {
	w, h := newWorld(t), newHub(t, "", "")
	w.refuses(h.wish(""), "404", "is there a plugin of that name")
	h.release(w.Options, "0.1.0-rc.1", "darwin/arm64")
	w.refuses(h.wish(""), "no release: it has 0.1.0-rc.1", "pre-release")
	h.release(w.Options, "0.1.0", "darwin/arm64")
	w.refuses(h.wish("^2"), "no version that fits ^2: it has 0.1.0-rc.1, 0.1.0")
	w.refuses(h.wish("0.1.1"), "no version that fits 0.1.1: it has")
	w.refuses(h.wish("0.1.0"), "it is not there for linux/amd64, only for darwin/arm64")
}

func TestWhatIsNoPluginIsNotInstalled(t *testing.T) {
	w, h := newWorld(t), newHub(t, "", "")
	manifest := func(artifact string, layers ...ocispec.Descriptor) ocispec.Manifest {
		return ocispec.Manifest{Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: ocispec.MediaTypeImageManifest, ArtifactType: artifact,
			Config: ocispec.DescriptorEmptyJSON, Layers: layers}
	}
	packed := plugin("greeting", "0.1.0").packed(t)
	layer, other := blobOf(layerType, packed), blobOf("application/x", packed)
	h.put(w.Options, ocispec.MediaTypeImageManifest, "0.0.1", manifest("application/x", layer), packed)
	h.put(w.Options, ocispec.MediaTypeImageManifest, "0.0.2", manifest(artifactType, other), packed)
	h.put(w.Options, ocispec.MediaTypeImageManifest, "0.0.3", manifest(artifactType, layer, layer), packed)
	h.put(w.Options, ocispec.MediaTypeImageManifest, "0.0.4", manifest(artifactType, layer), packed)
	_, data, err := h.repository(w.Options).manifest(t.Context(), "0.0.4")
	if err != nil {
		t.Fatal(err)
	}
	index := func(platforms ...string) ocispec.Index {
		i := ocispec.Index{Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: ocispec.MediaTypeImageIndex}
		for _, p := range platforms {
			d := blobOf(ocispec.MediaTypeImageManifest, data)
			if system, machine, ok := strings.Cut(p, "/"); ok {
				d.Platform = &ocispec.Platform{OS: system, Architecture: machine}
			}
			i.Manifests = append(i.Manifests, d)
		}
		return i
	}
	h.put(w.Options, ocispec.MediaTypeImageIndex, "0.0.5", index("unknown/unknown", ""))
	h.put(w.Options, ocispec.MediaTypeImageIndex, "0.0.6", index(here, here))
	h.put(w.Options, ocispec.MediaTypeImageIndex, "0.0.7", index("../x/y"))
	many := make([]string, mostManifests+1)
	for i := range many {
		many[i] = fmt.Sprintf("os%d/amd64", i)
	}
	h.put(w.Options, ocispec.MediaTypeImageIndex, "0.0.8", index(many...))
	for tag, words := range map[string]string{
		"0.0.8": "it has 201 manifests",
		"0.0.1": `its type is "application/x"`, "0.0.2": "one layer", "0.0.3": "one layer", "0.0.5": "no platforms", "0.0.6": "twice", "0.0.7": "no platform",
		"0.0.4": "what is published as version 0.0.4 says that it is 0.1.0",
	} {
		t.Run(tag, func(t *testing.T) {
			w.t = t
			w.refuses(h.wish(tag), words)
		})
	}
}

func TestWhatRegistriesDoWrongIsSaidAndNothingIsInstalled(t *testing.T) {
	h := newHub(t, "", "")
	setup := newWorld(t)
	h.release(setup.Options, "0.1.0", here)
	blobs := func(answer func(w http.ResponseWriter, r *http.Request) bool) func(w http.ResponseWriter, r *http.Request) bool {
		return func(w http.ResponseWriter, r *http.Request) bool {
			return strings.Contains(r.URL.Path, "/blobs/") && answer(w, r)
		}
	}
	for name, k := range map[string]struct {
		answer func(w http.ResponseWriter, r *http.Request) bool
		words  []string
		asked  int
	}{
		"401":            {status(401, "WWW-Authenticate", `Basic realm="x"`), []string{"401 Unauthorized", "docker login 127.0.0.1:"}, 1},
		"403":            {status(403), []string{"403 Forbidden", "docker login"}, 1},
		"429":            {status(429), []string{"429 Too Many Requests", "try again later"}, 3},
		"429 for long":   {status(429, "Retry-After", "90"), []string{"429", "try again in 1m30s"}, 1},
		"503":            {status(503), []string{"503 Service Unavailable", "dtm bundle use"}, 3},
		"blobs are gone": {blobs(status(404)), []string{"@sha256:", "not found"}, 2},
		"blobs are 500":  {blobs(status(500)), []string{"500"}, 4},
		"elsewhere":      {status(307, "Location", "https://evil.example.org/?token=hunter2"), []string{"sends to another host, https://evil.example.org"}, 1},
		"blobs in clear": {blobs(status(307, "Location", "http://127.0.0.1:1/blob?token=hunter2")), []string{"connection refused", "127.0.0.1:1/blob"}, 4},
		"half a blob": {blobs(func(w http.ResponseWriter, _ *http.Request) bool {
			w.Header().Set("Content-Length", "1000")
			_, _ = w.Write(make([]byte, 500))
			return true
		}), []string{"broke off after 500 bytes"}, 4},
		"another blob": {blobs(func(w http.ResponseWriter, _ *http.Request) bool {
			w.Header().Set("Content-Length", "5")
			fmt.Fprint(w, "hello")
			return true
		}), []string{"wrong checksum"}, 2},
		"another manifest": {func(w http.ResponseWriter, r *http.Request) bool {
			if !strings.Contains(r.URL.Path, "/manifests/sha256:") {
				return false
			}
			w.Header().Set("Content-Type", ocispec.MediaTypeImageManifest)
			fmt.Fprint(w, "{}")
			return true
		}, []string{"is there an OCI registry"}, -1},
		"a page": {func(w http.ResponseWriter, _ *http.Request) bool {
			w.Header().Set("Content-Type", "text/html")
			fmt.Fprint(w, "<html>")
			return true
		}, []string{"no plugin of dtm"}, -1},
		"too large": {blobs(func(w http.ResponseWriter, _ *http.Request) bool {
			w.Header().Set("Content-Length", "70000")
			_, _ = w.Write(make([]byte, 70000))
			return true
		}), []string{"dtm takes 65536"}, 2},
		"nothing comes": {func(_ http.ResponseWriter, r *http.Request) bool {
			<-r.Context().Done()
			return true
		}, []string{"nothing came for 50ms"}, 3},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			if name == "nothing comes" {
				w.stall = 50 * time.Millisecond
			}
			w.limits = limits{archive: 1 << 16, unpacked: 1 << 20, files: 100}
			h.mu.Lock()
			h.answer, h.asked = k.answer, nil
			h.mu.Unlock()
			said := w.refuses(h.wish("0.1.0"), append(k.words, "plugin greeting: ")...)
			if strings.Contains(said, "hunter2") {
				t.Errorf("it tells a secret: %s", said)
			}
			h.mu.Lock()
			// What comes before the blob is not what is counted.
			asked := slices.DeleteFunc(slices.Clone(h.asked), func(a string) bool { return strings.Contains(a, "/manifests/sha256:") })
			h.answer = nil
			h.mu.Unlock()
			if k.asked >= 0 && len(asked) != k.asked {
				t.Errorf("it asked %d times, not %d: %v", len(asked), k.asked, asked)
			}
			w.stall = 0
			w.init(h.wish("0.1.0"))
			w.found()
		})
	}
	h.Close()
	w := newWorld(t)
	w.refuses(h.wish("0.1.0"), "connection refused", "is it up")
}

func TestBlobsMayBeElsewhereAndCredentialsStay(t *testing.T) {
	h := newHub(t, "anna", "hunter2")
	w := newWorld(t)
	login(t, w, h.host(), "anna", "hunter2")
	h.release(w.Options, "0.1.0", here)
	var told []string
	blobs := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		told = append(told, r.Header.Get("Authorization"))
		r.SetBasicAuth("anna", "hunter2") // as a signed address does
		httputil.NewSingleHostReverseProxy(&url.URL{Scheme: "http", Host: h.real}).ServeHTTP(rw, r)
	}))
	t.Cleanup(blobs.Close)
	h.answer = func(rw http.ResponseWriter, r *http.Request) bool {
		if !strings.Contains(r.URL.Path, "/blobs/") || r.Header.Get("Authorization") == "" {
			return false
		}
		http.Redirect(rw, r, blobs.URL+r.URL.Path, http.StatusTemporaryRedirect)
		return true
	}
	w.init(h.wish("0.1.0"))
	if len(told) == 0 || slices.ContainsFunc(told, func(a string) bool { return a != "" }) {
		t.Errorf("the other host was told %q", told)
	}
}

// login is what `docker login` leaves.
func login(t testing.TB, w *world, host, user, password string) {
	t.Helper()
	dir := t.TempDir()
	text := fmt.Sprintf(`{"auths": {%q: {"auth": %q}}}`, host, base64.StdEncoding.EncodeToString([]byte(user+":"+password)))
	err := os.MkdirAll(filepath.Join(dir, ".docker"), 0o700)
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, ".docker", "config.json"), []byte(text), 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	w.Getenv = func(name string) string { return map[string]string{"HOME": dir}[name] }
}

func TestARegistryWithAPasswordWantsTheRightOne(t *testing.T) {
	h := newHub(t, "anna", "hunter2")
	w := newWorld(t)
	w.refuses(h.wish("0.1.0"), "401 Unauthorized", "docker login "+h.host())
	login(t, w, h.host(), "anna", "hunter3")
	if said := w.refuses(h.wish("0.1.0"), "401 Unauthorized", "docker login"); strings.Contains(said, "hunter3") {
		t.Errorf("it tells a secret: %s", said)
	}
	login(t, w, h.host(), "anna", "hunter2")
	h.release(w.Options, "0.1.0", here)
	w.init(h.wish("0.1.0"))
	broken := t.TempDir()
	if err := os.WriteFile(filepath.Join(broken, "config.json"), []byte(`{"auths"`), 0o600); err != nil {
		t.Fatal(err)
	}
	fresh := newWorld(t)
	fresh.Getenv = func(name string) string { return map[string]string{"DOCKER_CONFIG": broken}[name] }
	fresh.refuses(h.wish("0.1.0"), "credentials for registries in "+broken, "mend or remove")
}

func TestPushPublishesAVersionOnce(t *testing.T) {
	w, h := newWorld(t), newHub(t, "", "")
	first := h.release(w.Options, "0.1.0", here, "darwin/arm64")
	if again := h.release(w.Options, "0.1.0", here, "darwin/arm64"); again != first {
		t.Errorf("the same archives make %s and %s", first, again)
	}
	file := func(f files) string {
		path := filepath.Join(t.TempDir(), "x.tgz")
		if err := os.WriteFile(path, f.packed(t), 0o644); err != nil {
			t.Fatal(err)
		}
		return path
	}
	good, other := file(plugin("greeting", "0.1.0")), file(plugin("greeting", "0.2.0"))
	text := filepath.Join(t.TempDir(), "text")
	if err := os.WriteFile(text, []byte("text"), 0o644); err != nil {
		t.Fatal(err)
	}
	for name, k := range map[string]struct {
		to    string
		files map[string]string
		words string
	}{
		"another one":      {h.source(), map[string]string{here: good}, "already has version 0.1.0"},
		"two versions":     {h.source(), map[string]string{here: good, "darwin/arm64": other}, "is greeting 0.1.0, another one is greeting 0.2.0"},
		"any and one":      {h.source(), map[string]string{here: good, "any": good}, "either an archive for each"},
		"none":             {h.source(), nil, "either an archive for each"},
		"no platform":      {h.source(), map[string]string{"linux": good}, "no platform"},
		"no registry":      {"https://example.org/x", map[string]string{here: good}, "no registry"},
		"no archive":       {h.source(), map[string]string{here: text}, "no tar.gz"},
		"nothing":          {h.source(), map[string]string{here: text + "x"}, "no such file"},
		"a registry alone": {"oci://127.0.0.1:1/x", map[string]string{here: good}, "connection refused"},
	} {
		if _, _, err := Push(t.Context(), w.Options, k.to, k.files); err == nil || !strings.Contains(err.Error(), k.words) {
			t.Errorf("%s: %v", name, err)
		}
	}
	w.init(h.wish("0.1.0"))
}
