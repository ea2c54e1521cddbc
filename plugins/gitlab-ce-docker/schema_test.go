package gitlabcedocker

import (
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/devstream-io/dtm/compat"
	cueschema "github.com/devstream-io/dtm/schema"
)

func loader(t *testing.T) *cueschema.Loader {
	t.Helper()
	l, err := cueschema.NewLoader([]cueschema.PluginSchema{{Name: pluginName, CUE: schema}})
	must(t, err)
	must(t, l.Verify())
	return l
}

func TestNothingIsRequired(t *testing.T) {
	data, err := loader(t).Complete(pluginName, []byte(`{}`))
	must(t, err)
	want := Options{
		Hostname: "gitlab.example.com", GitLabHome: "/srv/gitlab", SSHPort: 22, HTTPPort: 80, HTTPSPort: 443, ContainerName: "gitlab",
		Image: "gitlab/gitlab-ce:19.4.1-ce.0", ShmSize: "256m", Volumes: []string{}, Restart: "always", Wait: true, Timeout: "10m",
	}
	got := decode[Options](data)
	if len(got.Env) == 0 {
		got.Env = nil
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
	spec, err := plugin{}.check(got)
	must(t, err)
	if spec.ShmSize != 256<<20 || len(spec.Volumes) != 3 || len(spec.Ports) != 3 {
		t.Errorf("the container is %+v", spec)
	}
}

func TestOptionsAreCheckedBeforeAnythingRuns(t *testing.T) {
	l := loader(t)
	for options, ok := range map[string]bool{
		`{"hostname":"1.example.com"}`:                              true,
		`{"hostname":"-a"}`:                                         false,
		`{"hostname":"a b"}`:                                        false,
		`{"hostname":"` + strings.Repeat("a", 63) + `"}`:            true,
		`{"hostname":"` + strings.Repeat("a", 64) + `"}`:            false,
		`{"hostname":"${{ ` + strings.Repeat("a.b.c", 20) + ` }}"}`: true,
		`{"gitlab_home":"/srv/git lab"}`:                            true,
		`{"gitlab_home":"/gitlab"}`:                                 true,
		`{"gitlab_home":"${{ env.HOME }}/x"}`:                       true,
		`{"gitlab_home":"/"}`:                                       false,
		`{"gitlab_home":"/etc"}`:                                    false,
		`{"gitlab_home":"/etc/gitlab"}`:                             false,
		`{"gitlab_home":"/srv/"}`:                                   false,
		`{"gitlab_home":"/srv/../etc"}`:                             false,
		`{"gitlab_home":"srv"}`:                                     false,
		`{"gitlab_home":"/srv/a:b"}`:                                false,
		`{"ssh_port":0}`:                                            false,
		`{"http_port":65536}`:                                       false,
		`{"https_port":8443}`:                                       true,
		`{"https_port":"8443"}`:                                     false,
		`{"address":"::1"}`:                                         true,
		`{"address":"localhost"}`:                                   false,
		`{"container_name":"git lab"}`:                              false,
		`{"shm_size":"1g"}`:                                         true,
		`{"shm_size":"0"}`:                                          false,
		`{"volumes":["backups:/var/backups","/a b:/c:ro"]}`:         true,
		`{"volumes":["/a"]}`:                                        false,
		`{"volumes":["a:b"]}`:                                       false,
		`{"env":{"GITLAB_OMNIBUS_CONFIG":"x"}}`:                     true,
		`{"env":{"A-B":"x"}}`:                                       false,
		`{"restart":"sometimes"}`:                                   false,
		`{"timeout":"0s"}`:                                          false,
		`{"timeout":"1h"}`:                                          true,
		`{"docker_host":"tcp://h:2376"}`:                            true,
		`{"docker_host":"ssh://h"}`:                                 false,
		`{"image":""}`:                                              false,
		`{"hostnam":"a"}`:                                           false,
	} {
		if _, err := l.Complete(pluginName, []byte(options)); (err == nil) != ok {
			t.Errorf("%s: %v", options, err)
		}
	}
}

func TestWhatIsSecretAndWhatMakesAnotherGitLab(t *testing.T) {
	for path, want := range map[string]string{
		"env": "secret", "gitlab_home": "replace", "docker_host": "replace", "container_name": "", "image": "", "http_port": "",
	} {
		f := cueschema.Find(loader(t).Definition(pluginName).Options, []string{path})
		if f == nil || f.Secret != (want == "secret") || f.Replace != (want == "replace") {
			t.Errorf("%s is %+v", path, f)
		}
	}
}

func TestTheReadmeShowsTheSameInBothLanguages(t *testing.T) {
	text, err := os.ReadFile("README.md")
	must(t, err)
	l := loader(t)
	t.Chdir(t.TempDir())
	var options []string
	for _, language := range []string{"cue", "yaml"} {
		_, block, _ := strings.Cut(string(text), "```"+language+"\n")
		block, _, _ = strings.Cut(block, "```")
		file := "a." + language
		must(t, os.WriteFile(file, []byte(block), 0o600))
		var config *cueschema.Config
		if language == "cue" {
			config, err = l.Load(t.Context(), file, nil)
		} else {
			var src *cueschema.Source
			if src, err = compat.Read(t.Context(), file); err == nil {
				config, err = l.Check(t.Context(), src)
			}
		}
		must(t, err)
		options = append(options, string(config.Tools[0].Options))
	}
	if options[0] != options[1] {
		t.Errorf("in CUE %s\nin YAML %s", options[0], options[1])
	}
}

// The Go types and the schema name the same fields.
func TestTypesAndSchemaNameTheSame(t *testing.T) {
	def := loader(t).Definition(pluginName)
	for name, of := range map[string]struct {
		fields []cueschema.FieldDefinition
		json   string
	}{
		"options": {def.Options, string(encode(Options{}))},
		"outputs": {def.Outputs, string(encode(Outputs{}))},
	} {
		for _, f := range of.fields {
			if !strings.Contains(of.json, `"`+f.Name+`":`) {
				t.Errorf("%s: Go does not know %s", name, f.Name)
			}
			of.json = strings.Replace(of.json, `"`+f.Name+`":`, "", 1)
		}
		if strings.Contains(of.json, `":`) {
			t.Errorf("%s: the schema does not know %s", name, of.json)
		}
	}
}
