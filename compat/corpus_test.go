package compat

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"

	"github.com/devstream-io/dtm/schema"
)

// corpus is the folder of DevStream's own configurations. A test without them skips, unless DTM_TEST_PARTS=require says that
// nothing may be skipped.
func corpus(t *testing.T) string {
	t.Helper()
	dir, err := filepath.Abs("../../shared/reference")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(dir, "configs")); err != nil {
		if os.Getenv("DTM_TEST_PARTS") == "require" {
			t.Fatalf("DTM_TEST_PARTS=require, and the reference configurations are not there: %v", err)
		}
		t.Skipf("the reference configurations are not there: %v", err)
	}
	return dir
}

// testdata/corpus.want says what becomes of every file of the corpus: the form that was told, what the reference made of it
// (testdata/corpus.there), and its tools here, compared with what the reference expanded, or its mistakes, each in a class.
func TestEveryFileOfTheCorpusIsReadOrRefusedForAReason(t *testing.T) {
	run := newCorpusRun(t)
	t.Chdir(run.root)
	var got strings.Builder
	for _, root := range []string{"configs", "golden"} {
		err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
			if ext := filepath.Ext(path); err != nil || d.IsDir() || ext != ".yaml" && ext != ".state" {
				return err
			}
			got.WriteString(run.file(t, path))
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	run.checkAll(t)
	got.WriteString(run.totals())
	t.Log(run.totals())
	if *update {
		if err := os.WriteFile(run.want, []byte(got.String()), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(run.want)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got.String()); diff != "" {
		t.Errorf("(-want +got, -update rewrites it)\n%s", diff)
	}
}

// builtIn checks with the schemas of all plugins of this dtm, which are files to this package.
func builtIn(t *testing.T) *schema.Loader {
	t.Helper()
	files, err := filepath.Glob("../plugins/*/schema.cue")
	if err != nil || len(files) < 20 {
		t.Fatalf("%d schemas of plugins (%v)", len(files), err)
	}
	imports := regexp.MustCompile(`"devstream\.io/dtm/shared/(\w+)"`)
	text := func(name string) string {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		return string(data)
	}
	var all []schema.PluginSchema
	for _, file := range files {
		p := schema.PluginSchema{Name: filepath.Base(filepath.Dir(file)), CUE: text(file)}
		for _, found := range imports.FindAllStringSubmatch(p.CUE, -1) {
			if p.Shared == nil {
				p.Shared = map[string]string{}
			}
			p.Shared[found[1]] = text("../plugins/internal/" + found[1] + "/" + found[1] + ".cue")
		}
		all = append(all, p)
	}
	loader, err := schema.NewLoader(all)
	if err != nil {
		t.Fatal(err)
	}
	return loader
}

// plainTool is a tool as both the reference and Read see it.
type plainTool struct {
	Name       string
	InstanceID string   `yaml:"instanceID"`
	DependsOn  []string `yaml:"dependsOn"`
	Options    any
}

func plainTools(t *testing.T, src *schema.Source) []plainTool {
	t.Helper()
	var tools []plainTool
	for _, s := range src.Tools {
		tool := plainTool{Name: s.Plugin.Text, InstanceID: s.Instance.Text, DependsOn: []string{}}
		for _, d := range s.DependsOn {
			tool.DependsOn = append(tool.DependsOn, d.Text)
		}
		if err := json.Unmarshal(appendJSON(nil, s.Options), &tool.Options); err != nil {
			t.Fatal(err)
		}
		tools = append(tools, tool)
	}
	return tools
}

func TestTheWalkThroughsAreRead(t *testing.T) {
	root := filepath.Join(corpus(t), "configs/articles")
	src, err := Read(t.Context(), filepath.Join(root, "000-article-0.7.0/config.2.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	tools := plainTools(t, src)
	if len(tools) != 4 {
		t.Fatalf("got %d tools, want 4", len(tools))
	}
	want := plainTool{
		Name: "github-repo-scaffolding-golang", InstanceID: "default", DependsOn: []string{},
		Options: map[string]any{"owner": "cnych", "org": "", "repo": "dtm-test-go", "branch": "main", "image_repo": "cnych/dtm-test-go"},
	}
	if diff := cmp.Diff(want, tools[0]); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	src, err = Read(t.Context(), filepath.Join(root, "001-article-0.3.1/config-localfile-test.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	want = plainTool{
		Name: "localfile", InstanceID: "my-file", DependsOn: []string{},
		Options: map[string]any{"filename": "foo.txt", "content": "hello, world"},
	}
	if diff := cmp.Diff([]plainTool{want}, plainTools(t, src)); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

// secrets are what stood in the environment when the reference expanded its files.
var secrets = strings.NewReplacer(
	"${{ env.GITHUB_TOKEN }}", "GHTOK", "${{ env.IMAGE_REPO_PASSWORD }}", "IMGPW", "${{ env.GITLAB_TOKEN }}", "GLTOK",
	"${{ env.DOCKERHUB_TOKEN }}", "DHTOK", "${{ env.TRELLO_API_KEY }}", "TK", "${{ env.TRELLO_TOKEN }}", "TT",
)

// expanded is the list of tools that the reference made of a file, and the name of the file that says so; empty for none.
func expanded(t *testing.T, path string) ([]plainTool, string) {
	t.Helper()
	parts := strings.SplitN(filepath.ToSlash(path), "/", 3)
	name := filepath.Join(parts[0], parts[1], "expanded", strings.ReplaceAll(parts[2], "/", "_"))
	data, err := os.ReadFile(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, ""
	} else if err != nil {
		t.Fatal(err)
	}
	var want struct{ Tools []plainTool }
	if err := yaml.Unmarshal(data, &want); err != nil {
		t.Fatal(err)
	}
	for i := range want.Tools {
		// 0.12 put the name of the tool into its options.
		if options, ok := want.Tools[i].Options.(map[string]any); ok {
			delete(options, "instanceID")
		}
	}
	return want.Tools, name
}

// asTheReference are the tools of a file under the names and with the options that the reference gave them.
func asTheReference(t *testing.T, path string) []plainTool {
	t.Helper()
	r := reader{ctx: t.Context(), path: path, open: readFile, exists: exists, asWritten: true}
	src, err := r.readPath()
	if err != nil {
		t.Fatal(err)
	}
	got := plainTools(t, src)
	for i := range got {
		if got[i].Options == nil {
			got[i].Options = map[string]any{}
		}
		got[i].Options = revealed(got[i].Options)
	}
	return got
}

// revealed puts values where references to the environment stand.
func revealed(v any) any {
	switch v := v.(type) {
	case string:
		return secrets.Replace(v)
	case []any:
		for i := range v {
			v[i] = revealed(v[i])
		}
	case map[string]any:
		for name := range v {
			v[name] = revealed(v[name])
		}
	}
	return v
}
