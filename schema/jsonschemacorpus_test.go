package schema_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Every file of DevStream's that is YAML before its variables are filled in must pass, part by part. These are not, or are
// wrong, as they are when dtm reads them.
var notForEditors = map[string]string{
	"0.7.0/docs-blocks/core-concepts__config.2.yaml":                "text follows a variable without quotes, which is no YAML",
	"0.7.0/docs-blocks/core-concepts__variables.1.yaml":             "text follows a variable without quotes, which is no YAML",
	"0.7.0/examples/gitops.yaml":                                    "text follows a variable without quotes, which is no YAML",
	"articles/000-article-0.7.0/tools-gitops.yaml":                  "text follows a variable without quotes, which is no YAML",
	"articles/000-article-0.7.0/tools.yaml":                         "text follows a variable without quotes, which is no YAML",
	"history/0.5.0/examples/tools-gitops.yaml":                      "text follows a variable without quotes, which is no YAML",
	"history/0.5.0/test/e2e/yaml/e2e-config.yaml":                   "text follows a variable without quotes, which is no YAML",
	"examples/devstream-0.7/tools.yaml":                             "text follows a variable without quotes, which is no YAML",
	"0.12.0/docs-blocks/core-concepts__config.2.yaml":               "it is no YAML",
	"0.12.0/docs-blocks/plugins__ci-generic.zh.4.yaml":              "it is no YAML",
	"0.12.0/docs-blocks/core-concepts__apps.1.yaml":                 "an app without a repository, and a key of an app at the top",
	"0.12.0/docs-blocks/core-concepts__apps.zh.1.yaml":              "an app without a repository, and a key of an app at the top",
	"0.12.0/internal/pkg/show/config/default.yaml":                  "options of a tool stand beside `options`",
	"0.12.0/docs-blocks/plugins__jenkins-pipeline.zh.1.yaml":        "there is no such plugin here",
	"0.7.0/internal/pkg/show/config/default.yaml":                   "variables stand in the section of the tools",
	"0.7.0/internal/pkg/show/config/plugins/helm-generic.yaml":      "names that are to be filled in, in capitals, which Kubernetes does not take",
	"0.12.0/docs-blocks/plugins__zentao.1.yaml":                     "there is no such plugin here",
	"0.12.0/docs-blocks/plugins__zentao.zh.1.yaml":                  "there is no such plugin here",
	"0.12.0/internal/pkg/show/config/plugins/devlake-config.yaml":   "there is no such plugin here",
	"0.12.0/internal/pkg/show/config/plugins/harbor-docker.yaml":    "there is no such plugin here",
	"0.12.0/internal/pkg/show/config/plugins/jenkins-pipeline.yaml": "there is no such plugin here",
	"0.12.0/internal/pkg/show/config/plugins/zentao.yaml":           "there is no such plugin here",
	"plugins/all/testdata/devstream/helm-generic.yaml":              "names that are to be filled in, in capitals, which Kubernetes does not take",
}

// configurations are the folders of DevStream's own configurations and of those here. A test without the first skips, unless
// DTM_TEST_PARTS=require says that nothing may be skipped.
func configurations(t *testing.T) []string {
	t.Helper()
	reference := "../../shared/reference/configs"
	if _, err := os.Stat(reference); err != nil {
		if os.Getenv("DTM_TEST_PARTS") == "require" {
			t.Fatalf("DTM_TEST_PARTS=require, and the reference configurations are not there: %v", err)
		}
		t.Skipf("the reference configurations are not there: %v", err)
	}
	return []string{reference, "../examples", "../plugins/all/testdata/devstream"}
}

func TestJSONSchemaTakesEveryPartOfEveryFileOfDevStream(t *testing.T) {
	s := compiled(t, allPlugins(t).JSONSchema)
	files, documents, listed := 0, 0, 0
	for _, root := range configurations(t) {
		err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || filepath.Ext(path) != ".yaml" || strings.Contains(path, "/0.12.0/expanded/") {
				return err // what DevStream made of its files is of no form
			}
			name, _ := strings.CutPrefix(path, "../../shared/reference/configs/")
			name, _ = strings.CutPrefix(name, "../")
			reason := notForEditors[name]
			text, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			docs, mistake := decoded(string(text))
			for i := 0; i < len(docs) && mistake == nil; i++ {
				mistake = s.Validate(docs[i])
			}
			switch {
			case reason == "" && mistake != nil:
				t.Errorf("%s: %v", name, mistake)
			case reason != "" && mistake == nil:
				t.Errorf("%s passes, though %s", name, reason)
			case reason != "":
				listed++
			default:
				files, documents = files+1, documents+len(docs)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("%d files with %d parts pass, %d do not for a reason", files, documents, listed)
	if files < 150 {
		t.Errorf("only %d files", files)
	}
}
