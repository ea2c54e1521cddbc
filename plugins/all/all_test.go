package all

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/devstream-io/dtm/plugins"
	"github.com/devstream-io/dtm/plugins/plugintest"
)

// notPlugins are the folders beside the plugins.
var notPlugins = []string{"all", "configmap", "external", "internal", "plugintest", "protocol", "registry", "serve"}

func newSet(t *testing.T) plugins.Set {
	set, err := Set(plugintest.Env(t.TempDir()))
	if err != nil {
		t.Fatal(err)
	}
	return set
}

func TestEveryFolderIsAPluginOfThatName(t *testing.T) {
	entries, err := os.ReadDir("..")
	if err != nil {
		t.Fatal(err)
	}
	var folders []string
	for _, e := range entries {
		if e.IsDir() && !slices.Contains(notPlugins, e.Name()) {
			folders = append(folders, e.Name())
		}
	}
	if names := newSet(t).Names(); !slices.Equal(names, folders) {
		t.Errorf("the list has %q, the folders are %q", names, folders)
	}
}

func TestEveryPluginCarriesTheSchemaOfItsFolder(t *testing.T) {
	for name, kind := range newSet(t) {
		onDisk, err := os.ReadFile(filepath.Join("..", name, "schema.cue"))
		if err != nil {
			t.Error(err)
			continue
		}
		if kind.Schema != string(onDisk) {
			t.Errorf("%s: the schema is not that of its schema.cue", name)
		}
		for _, definition := range []string{"#Options:", "#Outputs:"} {
			if !strings.Contains(kind.Schema, "\n"+definition) {
				t.Errorf("%s: schema.cue has no %s", name, definition)
			}
		}
	}
}

func TestEveryReadmeNamesEveryField(t *testing.T) {
	field := regexp.MustCompile(`(?m)^\t"?([-\w]+)"?[!?]?:`)
	for name, kind := range newSet(t) {
		readme, err := os.ReadFile(filepath.Join("..", name, "README.md"))
		if err != nil {
			t.Error(err)
			continue
		}
		if !strings.HasPrefix(string(readme), "# "+name+"\n") {
			t.Errorf("%s: README.md does not begin with its name", name)
		}
		for _, m := range field.FindAllStringSubmatch(kind.Schema, -1) {
			if !strings.Contains(string(readme), "`"+m[1]+"`") {
				t.Errorf("%s: README.md does not name the field %s", name, m[1])
			}
		}
	}
}
