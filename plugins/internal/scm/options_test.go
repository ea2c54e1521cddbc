package scm

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/devstream-io/dtm/plugins"
)

func TestTheAddressOfGitHubLeadsToItsAPI(t *testing.T) {
	for address, want := range map[string]string{
		"":                               "https://api.github.com/ public",
		"https://github.com":             "https://api.github.com/ public",
		"https://api.github.com/":        "https://api.github.com/ public",
		"https://ghe.example.com":        "https://ghe.example.com/api/v3/",
		"https://ghe.example.com/":       "https://ghe.example.com/api/v3/",
		"https://ghe.example.com:8443":   "https://ghe.example.com:8443/api/v3/",
		"http://ghe.example.com/api/v3/": "http://ghe.example.com/api/v3/",
		"https://api.ghe.example.com":    "https://api.ghe.example.com/",
		"https://acme.ghe.com":           "https://api.acme.ghe.com/ public",
		"https://api.acme.ghe.com":       "https://api.acme.ghe.com/ public",
		"http://127.0.0.1:8080/":         "http://127.0.0.1:8080/",
		"http://localhost:8080":          "http://localhost:8080/",
		"http://[::1]:8080/hub":          "http://[::1]:8080/hub/",
	} {
		parsed, err := Options{BaseURL: address}.address("GitHub")
		if err != nil {
			t.Errorf("%s: %v", address, err)
			continue
		}
		api, public := gitHubAPI(parsed)
		got := api.String()
		if public {
			got += " public"
		}
		if got != want {
			t.Errorf("%s leads to %s, want %s", address, got, want)
		}
	}
}

func TestWhatIsWrongWithTheOptionsIsToldWithoutThem(t *testing.T) {
	const secret = "s3cr3t"
	for name, o := range map[string]Options{
		"no token":         {},
		"a blank token":    {Token: " \n"},
		"a broken token":   {Token: secret + "\n" + secret},
		"a password":       {Token: "t", BaseURL: "https://u:" + secret + "@ghe.example.com"},
		"no URL":           {Token: "t", BaseURL: "https://%" + secret},
		"no host":          {Token: "t", BaseURL: "/api"},
		"another scheme":   {Token: "t", BaseURL: "ftp://ghe.example.com"},
		"a query":          {Token: "t", BaseURL: "https://ghe.example.com?" + secret},
		"only a host name": {Token: "t", BaseURL: "ghe.example.com"},
	} {
		_, err := NewGitHub(plugins.Env{HTTP: &http.Client{}, Now: time.Now}, o)
		var hint interface{ Hint() string }
		if err == nil || !errors.As(err, &hint) || strings.Contains(err.Error()+hint.Hint(), secret) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestToolsOfOneCredentialShareOneHost(t *testing.T) {
	vars := map[string]string{"github_token": "old-token", "GITHUB_API_URL": "https://ghe.example.com"}
	hosts := New(plugins.Env{Getenv: func(name string) string { return vars[name] }, HTTP: &http.Client{}, Now: time.Now})
	var concealed []string
	ctx := plugins.WithConceal(t.Context(), func(value string) { concealed = append(concealed, value) })
	open := func(baseURL string) *gitHub {
		t.Helper()
		host, err := hosts.GitHub(ctx, baseURL)
		if err != nil {
			t.Fatal(err)
		}
		return host.(*gitHub)
	}
	first := open("")
	if first.host != "ghe.example.com" || first.token != "old-token" {
		t.Errorf("opened %s", first.host)
	}
	if open("") != first || open("https://other.example.com") == first {
		t.Error("the hosts are not those of their addresses")
	}
	for _, spelling := range []string{"https://ghe.example.com/", "https://GHE.example.com/api/v3", "https://ghe.example.com/api/v3/"} {
		if open(spelling) != first {
			t.Errorf("%s is another host, with limits of its own", spelling)
		}
	}
	concealed = concealed[:3]
	vars["GITHUB_TOKEN"] = "new-token"
	if again := open(""); again == first || again.token != "new-token" {
		t.Error("another token has the same host")
	}
	if want := []string{"old-token", "old-token", "old-token", "new-token"}; !slices.Equal(concealed, want) {
		t.Errorf("concealed %q", concealed)
	}
	clear(vars)
	if _, err := hosts.GitHub(ctx, ""); err == nil || !strings.Contains(err.Error(), "no token for GitHub: GITHUB_TOKEN is not set") {
		t.Errorf("without a token: %v", err)
	}
}

func TestACredentialIsForItsOwnOriginOnly(t *testing.T) {
	origin := &url.URL{Scheme: "https", Host: "host.example.com"}
	var sent []string
	w := &wire{base: roundTripper(func(r *http.Request) (*http.Response, error) {
		sent = append(sent, r.URL.String()+" "+r.Header.Get("Private-Token"))
		return said(200, "")(), nil
	}), origin: origin, header: "Private-Token", value: "t"}
	for _, address := range []string{
		"https://host.example.com/a", "https://HOST.example.com:443/b", "http://host.example.com/", "https://host.example.com:8443/",
		"https://host.example.com.evil.example/", "https://evil.example/",
	} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, nil)
		if err != nil {
			t.Fatal(err)
		}
		response, err := w.RoundTrip(r)
		if err == nil {
			_ = response.Body.Close()
		}
		if r.Header.Get("Private-Token") != "" {
			t.Errorf("%s: the caller's request has the credential", address)
		}
	}
	if want := []string{"https://host.example.com/a t", "https://HOST.example.com:443/b t"}; !slices.Equal(sent, want) {
		t.Errorf("sent %q", sent)
	}
}

type roundTripper func(r *http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }
