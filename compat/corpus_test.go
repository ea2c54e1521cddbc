package compat

import (
	"encoding/json"
	"fmt"
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

// testdata/corpus.want says what becomes of every file of the corpus: its tools or its mistakes.
func TestEveryFileOfTheCorpusIsReadOrRefusedForAReason(t *testing.T) {
	wantFile, err := filepath.Abs("testdata/corpus.want")
	if err != nil {
		t.Fatal(err)
	}
	loader := builtIn(t)
	t.Chdir(corpus(t))
	var got strings.Builder
	for _, root := range []string{
		"configs/0.3.1", "configs/0.7.0", "configs/articles", "configs/history/0.5.0", "configs/history/0.8.0",
		"configs/history/0.10.0", "configs/0.12.0", "golden",
	} {
		err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || filepath.Ext(path) != ".yaml" || strings.HasPrefix(path, "configs/0.12.0/expanded/") {
				return err
			}
			src, err := Read(t.Context(), path)
			if err != nil {
				fmt.Fprintf(&got, "%s: refused\n  %s\n", path, strings.ReplaceAll(err.Error(), "\n", "\n  "))
				return nil
			}
			fmt.Fprintf(&got, "%s: %d tools from %d files\n", path, len(src.Tools), len(src.Files))
			for _, tool := range src.Tools {
				fmt.Fprintf(&got, "  %s\n", schema.MakeID(tool.Plugin.Text, tool.Instance.Text))
			}
			// The plugins of golden/ were toys.
			if _, err := loader.Check(t.Context(), src); err != nil && root != "golden" {
				fmt.Fprintf(&got, "  does not fit: %s\n", strings.ReplaceAll(err.Error(), "\n", "\n    "))
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if *update {
		if err := os.WriteFile(wantFile, []byte(got.String()), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(wantFile)
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

func TestSourcesAreWhatTheReferenceLoaderMade(t *testing.T) {
	root := filepath.Join(corpus(t), "configs/0.7.0")
	for _, name := range []string{"quickstart", "gitops"} {
		t.Run(name, func(t *testing.T) {
			src, err := Read(t.Context(), filepath.Join(root, "examples", name+".yaml"))
			if err != nil {
				t.Fatal(err)
			}
			data, err := os.ReadFile(filepath.Join(root, "expanded", "examples_"+name+".yaml"))
			if err != nil {
				t.Fatal(err)
			}
			var want struct{ Tools []plainTool }
			if err := yaml.Unmarshal(data, &want); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want.Tools, plainTools(t, src)); diff != "" {
				t.Errorf("(-reference +ours)\n%s", diff)
			}
		})
	}
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

func TestFilesOf012ExpandAsTheReferenceDid(t *testing.T) {
	root := filepath.Join(corpus(t), "configs/0.12.0")
	for _, name := range []string{
		"examples/quickstart", "examples/gitops", "examples/apps", "test/state/test_drifted",
		"internal/pkg/show/config/templates/quickstart", "internal/pkg/show/config/templates/gitops", "internal/pkg/show/config/templates/apps",
	} {
		t.Run(name, func(t *testing.T) {
			r := reader{ctx: t.Context(), path: filepath.Join(root, name+".yaml"), open: readFile, exists: exists, asWritten: true}
			src, err := r.readPath()
			if err != nil {
				t.Fatal(err)
			}
			data, err := os.ReadFile(filepath.Join(root, "expanded", strings.ReplaceAll(name, "/", "_")+".yaml"))
			if err != nil {
				t.Fatal(err)
			}
			var want struct{ Tools []plainTool }
			if err := yaml.Unmarshal(data, &want); err != nil {
				t.Fatal(err)
			}
			for i := range want.Tools {
				// DevStream put the name of the tool into its options.
				delete(want.Tools[i].Options.(map[string]any), "instanceID")
			}
			got := plainTools(t, src)
			for i := range got {
				if got[i].Options == nil {
					got[i].Options = map[string]any{}
				}
				got[i].Options = revealed(got[i].Options)
			}
			if diff := cmp.Diff(want.Tools, got); diff != "" {
				t.Errorf("(-reference +ours)\n%s", diff)
			}
		})
	}
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
