package kube

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/devstream-io/dtm/plugins"
	"github.com/devstream-io/dtm/plugins/plugintest"
)

// kubeconfig is the text of a kubeconfig with a context that leads to a server; the first of all is the current one.
func kubeconfig(contexts ...string) string {
	var clusters, list, current string
	for i, context := range contexts {
		name, server, _ := strings.Cut(context, "=")
		clusters += fmt.Sprintf("- {name: %s, cluster: {server: %q}}\n", name, server)
		list += fmt.Sprintf("- {name: %s, context: {cluster: %s, user: u, namespace: ns-%s}}\n", name, name, name)
		if i == 0 {
			current = "current-context: " + name + "\n"
		}
	}
	return "apiVersion: v1\nkind: Config\nclusters:\n" + clusters + "contexts:\n" + list + "users: [{name: u, user: {token: t}}]\n" + current
}

// folder is a folder with files of these texts, and an environment with these variables that begins there.
func folder(t *testing.T, files, variables map[string]string) (string, plugins.Env) {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	env := plugintest.Env(dir)
	env.Getenv = func(name string) string { return strings.ReplaceAll(variables[name], "DIR", dir) }
	return dir, env
}

func hintOf(err error) string {
	h, _ := err.(interface{ Hint() string })
	if h == nil {
		return ""
	}
	return h.Hint()
}

func TestAClusterIsFoundWhereItWasSaid(t *testing.T) {
	files := map[string]string{
		"a":                 kubeconfig("one=https://a1", "two=https://a2"),
		"b":                 kubeconfig("one=https://b1", "three=https://b3"),
		"home/.kube/config": kubeconfig("home=https://home"),
	}
	home := map[string]string{"HOME": "DIR/home"}
	with := func(kubeconfig string) map[string]string {
		return map[string]string{"HOME": "DIR/home", "KUBECONFIG": kubeconfig}
	}
	for name, c := range map[string]struct {
		variables       map[string]string
		option, context string
		host, namespace string
	}{
		"at home":                           {variables: home, host: "https://home", namespace: "ns-home"},
		"the environment wins over home":    {variables: with("DIR/a"), host: "https://a1", namespace: "ns-one"},
		"the option wins over both":         {variables: with("DIR/a"), option: "b", host: "https://b1", namespace: "ns-one"},
		"an absolute option":                {variables: with("DIR/a"), option: "DIR/b", host: "https://b1", namespace: "ns-one"},
		"an option at home":                 {variables: home, option: "~/.kube/config", host: "https://home", namespace: "ns-home"},
		"a context of choice":               {variables: with("DIR/a"), context: "two", host: "https://a2", namespace: "ns-two"},
		"the first of several files wins":   {variables: with("DIR/a:DIR/b"), host: "https://a1", namespace: "ns-one"},
		"several files add up":              {variables: with("DIR/a:DIR/b"), context: "three", host: "https://b3", namespace: "ns-three"},
		"a missing file among several":      {variables: with("DIR/none::DIR/b"), host: "https://b1", namespace: "ns-one"},
		"a relative path in a list":         {variables: with("a:b"), context: "three", host: "https://b3", namespace: "ns-three"},
		"a list of nothing means home":      {variables: with("::"), host: "https://home", namespace: "ns-home"},
		"a pod's cluster comes after files": {variables: map[string]string{"HOME": "DIR/home", "KUBERNETES_SERVICE_HOST": "10.0.0.1"}, host: "https://home", namespace: "ns-home"},
	} {
		t.Run(name, func(t *testing.T) {
			dir, env := folder(t, files, c.variables)
			cluster, err := New(env).Open(strings.ReplaceAll(c.option, "DIR", dir), c.context)
			if err != nil {
				t.Fatal(err)
			}
			if cluster.config.Host != c.host || cluster.Namespace != c.namespace {
				t.Errorf("%s, namespace %s; want %s, %s", cluster.config.Host, cluster.Namespace, c.host, c.namespace)
			}
			if !strings.HasPrefix(cluster.Name, "context "+strings.TrimPrefix(c.namespace, "ns-")+" of ") {
				t.Errorf("it is called %q", cluster.Name)
			}
		})
	}
}

func TestWithoutAClusterThereIsAnErrorAndNeverLocalhost(t *testing.T) {
	files := map[string]string{
		"a":          kubeconfig("one=https://a1", "two=https://a2"),
		"empty":      "",
		"no-server":  kubeconfig("one="),
		"no-current": "apiVersion: v1\nkind: Config\nclusters: [{name: c, cluster: {server: 'https://c'}}]\n",
		"broken":     "{",
		"dangling":   "apiVersion: v1\nkind: Config\nclusters: [{name: c, cluster: {server: 'https://c'}}]\ncontexts: [{name: x, context: {cluster: d}}]\ncurrent-context: x\n",
	}
	for name, c := range map[string]struct {
		variable, option, context string
		want, hint                string
	}{
		"nothing anywhere":        {want: "no cluster in kubeconfig", hint: "KUBECONFIG"},
		"a missing file":          {option: "none", want: "no such file", hint: "option kubeconfig"},
		"a missing file, in env":  {variable: "DIR/none", want: "no cluster in kubeconfig", hint: "KUBECONFIG"},
		"an empty file":           {option: "empty", want: "no cluster in kubeconfig", hint: "option kubeconfig"},
		"a broken file":           {option: "broken", want: "kubeconfig", hint: "option kubeconfig"},
		"no server":               {option: "no-server", want: "no server found"},
		"no current context":      {option: "no-current", want: "no context is the current one", hint: "context"},
		"a dangling context":      {option: "dangling", want: `cluster "d" of context "x" does not exist`},
		"a context that is not":   {option: "a", context: "three", want: `no context "three"`, hint: "there are one, two"},
		"a context and no config": {context: "three", want: "no cluster in kubeconfig", hint: "KUBECONFIG"},
	} {
		t.Run(name, func(t *testing.T) {
			_, env := folder(t, files, map[string]string{"HOME": "DIR/home", "KUBECONFIG": c.variable})
			cluster, err := New(env).Open(c.option, c.context)
			if err == nil {
				t.Fatalf("found %s", cluster.config.Host)
			}
			if !strings.Contains(err.Error(), c.want) || !strings.Contains(hintOf(err), c.hint) {
				t.Errorf("%v (%s); want %q (%q)", err, hintOf(err), c.want, c.hint)
			}
		})
	}
}

func TestAKubeconfigThatWasWrittenAnewIsReadAnew(t *testing.T) {
	dir, env := folder(t, map[string]string{"a": kubeconfig("one=https://old")}, nil)
	clusters := New(env)
	first, err := clusters.Open("a", "")
	if err != nil {
		t.Fatal(err)
	}
	if again, err := clusters.Open("a", ""); err != nil || again != first {
		t.Errorf("the same file makes another cluster: %v", err)
	}
	path := filepath.Join(dir, "a")
	if err := os.WriteFile(path, []byte(kubeconfig("one=https://new")), 0o600); err != nil {
		t.Fatal(err)
	}
	// The clock of some file systems is slower than this test.
	later := time.Now().Add(time.Hour)
	if err := os.Chtimes(path, later, later); err != nil {
		t.Fatal(err)
	}
	second, err := clusters.Open("a", "")
	if err != nil || second.config.Host != "https://new" {
		t.Errorf("%+v, %v", second, err)
	}
}

func TestIdentityTellsClustersApartWithoutReadingAnything(t *testing.T) {
	_, env := folder(t, nil, map[string]string{"HOME": "/home/u", "KUBECONFIG": "/a:/b"})
	c := New(env)
	if got, want := c.Identity("", "x"), "/a:/b#x"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	if c.Identity("~/k", "") != c.Identity("/home/u/k", "") {
		t.Error("one file under two spellings is two clusters")
	}
	if c.Identity("/a", "") == c.Identity("/b", "") || c.Identity("/a", "x") == c.Identity("/a", "y") {
		t.Error("two clusters are one")
	}
}
