package compat

import "testing"

func TestAliasesAndMergesFindWhatTheyName(t *testing.T) {
	src, err := read(`config: {state: {backend: local}}
vars:
  base: &base {a: 1, b: &b two}
  <<: *base
  b: own
  late: "[[ early ]]"
  early: *b
  home: "[[ env \"HOME\" ]]"
tools:
- name: localfile
  instanceID: hello
  options: {filename: "[[ a ]] [[ b ]] [[ late ]] [[ base.b ]] [[ home ]]"}
apps:
- name: app
  spec: {language: go, framework: gin}
  repo: {url: https://github.com/me/app}
  ci: [{type: template, templateName: second}]
pipelineTemplates:
- &first
  name: first
  type: github-actions
  options: &options {imageRepo: {user: me}}
- <<: *first
  name: second
`)
	if err != nil {
		t.Fatal(err)
	}
	if got := text(src.Tools[0].Options, "filename"); got != "1 own two two ${{ env.HOME }}" {
		t.Errorf("got %q", got)
	}
	if got := text(get(get(src.Tools[1].Options, "docker"), "registry"), "username"); got != "me" {
		t.Errorf("the user is %q", got)
	}
}

func TestVariablesThatMergeThemselvesAreRefused(t *testing.T) {
	for name, vars := range map[string]string{
		"itself":  "{a: &a {<<: *a, b: \"[[ c ]]\"}, c: *a}",
		"no map":  "{<<: 1, a: 2}",
		"by name": "{a: &a [\"[[ c ]]\"], c: *a}",
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := read("config: {state: {backend: local}}\nvars: " + vars + "\ntools: []\n"); err == nil {
				t.Error("it was read")
			}
		})
	}
}
