package parts

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"helm.sh/helm/v3/pkg/chart/loader"
	helmregistry "helm.sh/helm/v3/pkg/registry"
	"helm.sh/helm/v3/pkg/repo"
	"sigs.k8s.io/yaml"
)

// get is the answer to one request, over a connection of its own.
func get(ctx context.Context, client *http.Client, url, user, password string) (status int, body []byte, err error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return 0, nil, err
	}
	r.Close = true
	if user != "" {
		r.SetBasicAuth(user, password)
	}
	reply, err := client.Do(r)
	if err != nil {
		return 0, nil, err
	}
	defer reply.Body.Close()
	body, err = io.ReadAll(reply.Body)
	return reply.StatusCode, body, err
}

// versions are what the index of a repository offers of a chart, with digests.
func versions(t *testing.T, r *ChartRepo, chart string) map[string]string {
	t.Helper()
	_, body, err := get(t.Context(), http.DefaultClient, r.URL+"/index.yaml", "", "")
	if err != nil {
		t.Fatal(err)
	}
	var index repo.IndexFile
	if err := yaml.Unmarshal(body, &index); err != nil {
		t.Fatal(err)
	}
	offered := map[string]string{}
	for _, v := range index.Entries[chart] {
		offered[v.Version] = v.Digest
	}
	return offered
}

func pull(r *ChartRepo, ref string) (*helmregistry.PullResult, error) {
	client, err := helmregistry.NewClient(helmregistry.ClientOptPlainHTTP(),
		helmregistry.ClientOptCredentialsFile(filepath.Join(r.dir, "none")), helmregistry.ClientOptHTTPClient(&http.Client{}))
	if err != nil {
		return nil, err
	}
	return client.Pull(strings.TrimPrefix(r.OCI, "oci://") + "/" + ref)
}

func TestChartsAreServed(t *testing.T) {
	r := Charts(t, "plain", "with-crds")
	if got := versions(t, r, "plain"); len(got) != 1 || got["1.0.0"] == "" {
		t.Errorf("the index offers %v", got)
	}
	status, archive, err := get(t.Context(), http.DefaultClient, r.URL+"/plain-1.0.0.tgz", "", "")
	if err != nil || status != http.StatusOK {
		t.Fatalf("the archive: %d (%v)", status, err)
	}
	if got, want := fmt.Sprintf("%x", sha256.Sum256(archive)), versions(t, r, "plain")["1.0.0"]; got != want {
		t.Errorf("the digest of the archive is %s, in the index %s", got, want)
	}
	pulled, err := pull(r, "plain:1.0.0")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(pulled.Chart.Data, archive) {
		t.Error("the registry has another archive than the repository")
	}
	if c, err := loader.LoadArchive(bytes.NewReader(archive)); err != nil || c.Name() != "plain" || len(c.Templates) != 2 {
		t.Errorf("the archive is of %v (%v)", c, err)
	}
	if got, want := r.Requests()[:2], []string{"GET /repo/index.yaml", "GET /repo/plain-1.0.0.tgz"}; !slices.Equal(got, want) {
		t.Errorf("the requests are %q, want %q", got, want)
	}

	before := versions(t, r, "plain")["1.0.0"]
	r.Add(t, "plain-2", "")
	r.Add(t, "plain", "1.5.0-rc.1+build.7")
	r.Add(t, ChartFolder(t, "plain"), "1.0.0")
	got := versions(t, r, "plain")
	if len(got) != 3 || got["2.0.0"] == "" || got["1.5.0-rc.1+build.7"] == "" {
		t.Errorf("with two versions more the index offers %v", got)
	}
	if got["1.0.0"] == before {
		t.Error("a version that was replaced has the digest it had")
	}
	if _, err := pull(r, "plain:1.5.0-rc.1_build.7"); err != nil {
		t.Error(err)
	}
	if got, want := r.Mirror("https://a.test", "https://b.test/x"), "https://a.test="+r.URL+" https://b.test/x="+r.URL; got != want {
		t.Errorf("the mirrors are %q, want %q", got, want)
	}
}

func TestChartsWithTLSAndPassword(t *testing.T) {
	r := Charts(t, "plain")
	pem, err := os.ReadFile(r.CAFile)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(pem)
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}}}
	index := r.SecureURL + "/index.yaml"
	if _, _, err := get(t.Context(), http.DefaultClient, index, "", ""); err == nil {
		t.Error("it is trusted by those who do not know its CA")
	}
	if status, _, err := get(t.Context(), client, index, "", ""); status != http.StatusOK || err != nil {
		t.Errorf("with its CA: %d (%v)", status, err)
	}
	r.RequireAuth("ann", "secret")
	for password, want := range map[string]int{"secret": http.StatusOK, "guess": http.StatusUnauthorized} {
		if status, _, err := get(t.Context(), client, index, "ann", password); status != want || err != nil {
			t.Errorf("with the password %s: %d (%v), want %d", password, status, err, want)
		}
	}
	if _, err := pull(r, "plain:1.0.0"); err == nil {
		t.Error("the registry lets everyone in")
	}
	r.Add(t, "plain-2", "") // who publishes needs no password
}

func TestChartFaults(t *testing.T) {
	r := Charts(t, "plain")
	index, archive := r.URL+"/index.yaml", r.URL+"/plain-1.0.0.tgz"
	ask := func(url string) string {
		status, body, err := get(t.Context(), http.DefaultClient, url, "", "")
		if err != nil {
			return fmt.Sprintf("error after %t", len(body) > 0)
		}
		return fmt.Sprint(status)
	}
	for fault, want := range map[Fault]string{
		Down:         "error after false",
		Unavailable:  "503",
		Truncated:    "error after true",
		Unauthorized: "401",
		Gone:         "404",
		WrongDigest:  "200",
	} {
		r.Break(fault, "")
		for _, url := range []string{index, archive} {
			if got := ask(url); got != want {
				t.Errorf("%s: %s: %s, want %s", fault, url, got, want)
			}
		}
		if fault == WrongDigest {
			if got := versions(t, r, "plain")["1.0.0"]; got != strings.Repeat("f", 64) {
				t.Errorf("%s: it is %s", fault, got)
			}
		}
		if _, err := pull(r, "plain:1.0.0"); err == nil {
			t.Errorf("%s: the registry works", fault)
		}
		r.Heal()
		if got := ask(archive); got != "200" {
			t.Errorf("%s: after it: %s", fault, got)
		}
	}

	r.Break(Gone, ".tgz")
	if got := ask(index) + " " + ask(archive); got != "200 404" {
		t.Errorf("a fault of archives: index and archive are %s", got)
	}

	r.Break(Slow, "")
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		_, _, err := get(ctx, http.DefaultClient, index, "", "")
		done <- err
	}()
	cancel()
	if err := <-done; err == nil {
		t.Error("it was not slow")
	}
	go func() {
		_, _, err := get(t.Context(), http.DefaultClient, index, "", "")
		done <- err
	}()
	r.Heal()
	if err := <-done; err != nil {
		t.Errorf("slow, then healed: %v", err)
	}
}
