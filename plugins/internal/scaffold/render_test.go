package scaffold

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/devstream-io/dtm/plugins/internal/scm"
)

// wish is a wish with the defaults of the schema.
func wish() Options {
	return Options{
		Owner: "acme", Repo: "hello", Branch: "main", Visibility: "private", License: "none", CI: "github", OnDelete: onDeleteArchive,
	}
}

func atGitHub() scm.Repository {
	return scm.Repository{Path: scm.Path{Owner: "Acme", Name: "hello"}, WebURL: "https://github.com/Acme/hello"}
}

// of makes a template of a file.
func of(path, text string) template {
	return template{origin: Origin{Source: "t"}, files: map[string]templateFile{path: {content: []byte(text)}}}
}

func TestTemplatesAreRenderedStrictly(t *testing.T) {
	for _, c := range []struct{ path, text, wantPath, want string }{
		{"a.tpl", "[[ .AppName ]] [[ .Repo.Owner ]]/[[ .Repo.Name ]] [[ .Module ]]", "a", "hello Acme/hello github.com/Acme/hello"},
		{"a.tpl", "{{ .Values.x }} ${{ secrets.X }}", "a", "{{ .Values.x }} ${{ secrets.X }}"},
		{"a.tpl", "a && b <c> \"d\"", "a", "a && b <c> \"d\""},
		{"a", "[[ .AppName ]]", "a", "[[ .AppName ]]"},
		{"helm/_app_name_/x.tpl", "[[ .ImageRepo ]] [[ .imageRepo ]]", "helm/hello/x", "hello hello"},
		{"a.tpl", `[[ .region ]] [[ .replicas ]] [[ .share ]] [[ if .public ]]open[[ end ]]`, "a", "eu 10000000 0.5 open"},
	} {
		want := wish()
		if err := json.Unmarshal([]byte(`{"region": "eu", "replicas": 10000000, "share": 0.5, "public": true, "AppName": "mine"}`), &want.Vars); err != nil {
			t.Fatal(err)
		}
		files, err := of(c.path, c.text).render(want, atGitHub())
		if err != nil {
			t.Errorf("%s: %v", c.text, err)
			continue
		}
		if got, ok := files[c.wantPath]; !ok || string(got.Content) != c.want {
			t.Errorf("%s: got %q in %v, want %q in %s", c.text, got.Content, paths(files), c.want, c.wantPath)
		}
	}
	for _, text := range []string{"[[ .Unknown ]]", "[[ .Repo.Unknown ]]", "[[ .AppName", "[[ nothing ]]", "[[ template \"x\" ]]"} {
		if _, err := of("a.tpl", text).render(wish(), atGitHub()); err == nil {
			t.Errorf("%s is rendered", text)
		} else if !strings.Contains(err.Error(), "template t: ") {
			t.Errorf("%s: the error does not name the template: %v", text, err)
		}
	}
}

func TestAFileThatRendersToNothingIsNotWritten(t *testing.T) {
	for text, want := range map[string]bool{
		`[[ if eq .CI "github" ]]x[[ end ]]`: true,
		`[[ if eq .CI "none" ]]x[[ end ]]`:   false,
		"[[ .Description ]]\n\n":             false,
		"":                                   true,
	} {
		files, err := of("a.tpl", text).render(wish(), atGitHub())
		if _, there := files["a"]; err != nil || there != want {
			t.Errorf("%q: that there is a file is %t (%v)", text, there, err)
		}
	}
	// What is taken as it is, is taken as it is.
	if files, err := of("a", " ").render(wish(), atGitHub()); err != nil || len(files) != 1 {
		t.Errorf("a file of a blank: %v (%v)", paths(files), err)
	}
}

func TestARenderedPathCannotLeaveTheRepository(t *testing.T) {
	for _, path := range []string{".git.tpl", "a..tpl", "_app_name_/../../x"} {
		o := wish()
		if files, err := of(path, "x").render(o, scm.Repository{}); err == nil {
			t.Errorf("%s became %v", path, paths(files))
		}
	}
	o := wish()
	o.Repo = ".."
	if files, err := of("_app_name_/x", "x").render(o, scm.Repository{}); err == nil {
		t.Errorf("a repository called .. gives %v", paths(files))
	}
}

func TestAnExplosionOfTextIsStopped(t *testing.T) {
	text := `[[ define "a" ]]` + strings.Repeat("x", 1000) + `[[ end ]]`
	for i := range 5 {
		text += `[[ define "` + strings.Repeat("b", i+1) + `" ]]` + strings.Repeat(`[[ template "`+map[bool]string{true: "a", false: strings.Repeat("b", i)}[i == 0]+`" ]]`, 20) + `[[ end ]]`
	}
	if _, err := of("a.tpl", text+`[[ template "bbbbb" ]]`).render(wish(), atGitHub()); err == nil {
		t.Error("3 GB were rendered")
	}
}

func TestALicenseIsWrittenWhereTheTemplateHasNone(t *testing.T) {
	for license, want := range map[string]string{"MIT": "the authors of hello", "Apache-2.0": "Version 2.0, January 2004"} {
		o := wish()
		o.License = license
		files, err := of("a", "x").render(o, atGitHub())
		if err != nil || !strings.Contains(string(files["LICENSE"].Content), want) {
			t.Errorf("%s: %v, %q", license, err, files["LICENSE"].Content)
		}
		files, err = of("LICENSE", "mine").render(o, atGitHub())
		if err != nil || string(files["LICENSE"].Content) != "mine" {
			t.Errorf("%s: %v, %q", license, err, files["LICENSE"].Content)
		}
	}
	for _, license := range []string{"GPL-9", "../render.go"} {
		o := wish()
		o.License = license
		if _, err := of("a", "x").render(o, atGitHub()); err == nil {
			t.Errorf("license %s is known", license)
		}
	}
}

func TestSlugsAreNamesInKubernetes(t *testing.T) {
	for name, want := range map[string]string{"hello": "hello", "Hello_World.go": "hello-world-go", "-x-": "x", "___": "app"} {
		if got := slug(name); got != want {
			t.Errorf("%s became %s, want %s", name, got, want)
		}
	}
}
