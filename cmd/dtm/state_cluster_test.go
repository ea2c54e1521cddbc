package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// What DevStream 0.7 installed into a cluster is, after its state is taken over, nothing to do, and can be removed. dtm makes
// it here, with the same charts, as DevStream did, and then forgets that it has.
//
// DevLake is another matter: DevStream 0.7 made it of manifests, of which no release of Helm is left. So it is told that it
// is not there, and never updated or deleted; 0.8 and newer installed the chart that is installed here.
func TestWhatDevStreamLeftInAClusterIsNothingToDo(t *testing.T) {
	if testing.Short() {
		t.Skip("installs eight releases")
	}
	dir := t.TempDir()
	for name, s := range clusterSamples {
		text := readSample(t, name)
		if s.more != "" {
			text += strings.TrimPrefix(readSample(t, s.more), "tools:\n")
		}
		text = strings.NewReplacer(s.fill...).Replace(text)
		var script strings.Builder
		fmt.Fprintf(&script, "# What DevStream 0.7 left of %s is taken over, nothing is to be done for it, and it can go.\n\ncluster\n%s\n", name, strings.Join(s.before, "\n"))
		if name == "devlake" {
			script.WriteString(`cp old sample/devstream.state
exec dtm plan -f sample
stdout '\+ Tool \(devlake/default\) state found but it seems the tool isn.t created, will be created\.'
stdout '1 to create, 0 to update, 0 to replace, 0 to delete'
`)
		} else {
			fmt.Fprintf(&script, `exec dtm apply -y -f sample
rm sample/devstream.state
cp old sample/devstream.state
exec dtm plan -f sample
stdout 'There is nothing to do'
exec dtm apply -y -f sample
stderr 'There is nothing to do'
exec dtm verify -f sample
cmp sample/devstream.state old
cp more sample/config.yaml
exec dtm apply -y -f sample
stderr '1 created, 0 updated, 0 replaced, 0 deleted, 0 failed'
cmp sample/devstream.state.bak old
! holds sample/devstream.state 'Not@SecurePassw0rd'
exec dtm apply -y -f sample
stderr 'There is nothing to do'
exec dtm destroy -y -f sample
%s
`, strings.Join(s.after, "\n"))
		}
		fmt.Fprintf(&script, "%s\n\n-- sample/config.yaml --\n%s\n-- more --\n%s\n  - {name: localfile, instanceID: more, options: {filename: more.txt, content: more}}\n-- old --\n%s", strings.Join(s.end, "\n"), text, text, recordedBy07(t, text))
		if err := os.WriteFile(filepath.Join(dir, "left_"+name+".txtar"), []byte(script.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	runScripts(t, dir)
}

// recordedBy07 is the state that DevStream 0.7 left of a configuration that refers to no outputs.
func recordedBy07(t *testing.T, config string) string {
	t.Helper()
	var doc struct {
		Tools []wrote `yaml:"tools"`
	}
	if err := yaml.Unmarshal([]byte(config), &doc); err != nil {
		t.Fatal(err)
	}
	state := map[string]recorded{}
	for _, tool := range doc.Tools {
		state[tool.Name+"_"+tool.InstanceID] = recorded{
			Name: tool.Name, Instanceid: tool.InstanceID, Dependson: needs(tool), Options: tool.Options, Resource: node(t, leftBy07[tool.Name]),
		}
	}
	text, err := yaml.Marshal(state)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
