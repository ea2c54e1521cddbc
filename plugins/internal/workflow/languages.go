package workflow

import (
	"cmp"
	"context"
	"strings"

	"github.com/devstream-io/dtm/plugins"
	"github.com/devstream-io/dtm/plugins/internal/scm"
)

// Golang makes the plugin that keeps a workflow for Go.
func Golang(env plugins.Env, hosts *scm.Hosts, name, schema string) plugins.Kind {
	return New(env, golang().preset(hosts.GitHub, name, schema, "pr-builder.yml", "main-builder.yml"))
}

// NodeJS makes the plugin that keeps a workflow for Node.js.
func NodeJS(env plugins.Env, hosts *scm.Hosts, name, schema string) plugins.Kind {
	return New(env, nodejs().preset(hosts.GitHub, name, schema, "main-builder.yml"))
}

// Python makes the plugin that keeps a workflow for Python.
func Python(env plugins.Env, hosts *scm.Hosts, name, schema string) plugins.Kind {
	return New(env, python().preset(hosts.GitHub, name, schema, "main-builder.yml"))
}

// preset is the language's workflow as a preset. legacy are the files that DevStream made in the same folder.
func (l language) preset(open func(context.Context, string) (scm.Host, error), name, schema string, legacy ...string) Preset[Actions, ImageOutputs] {
	return Preset[Actions, ImageOutputs]{
		Name: name, Schema: schema, Open: open,
		Place:   func(o Actions) Place { return o.place(l.file) },
		Outputs: Place.ImageOutputs,
		Render: func(_ context.Context, o Actions) (Document, error) {
			return l.render(o, cmp.Or(o.Workflow, l.file))
		},
		Legacy: func(o Actions) Place {
			at := o.place(l.file)
			at.Files, at.Secrets, at.Through = nil, nil, ""
			for _, file := range legacy {
				at.Files = append(at.Files, ".github/workflows/"+file)
			}
			if o.Docker.Enable {
				at.Secrets = map[string]Secret{"DOCKERHUB_TOKEN": {}}
			}
			return at
		},
	}
}

func golang() language {
	return language{
		file:  "dtm-go.yml",
		apart: true,
		setup: func(version string, _ Actions) fields {
			if version == "" {
				return fields{{"uses", setupGo()}, {"with", fields{{"go-version-file", "go.mod"}}}}
			}
			return fields{{"uses", setupGo()}, {"with", fields{{"go-version", version}}}}
		},
		measure: func(command string, c Coverage) string {
			return extended(command, c.Profile+" -coverprofile="+c.Output)
		},
		summary: func(c Coverage) string {
			return "{ echo '```'; go tool cover -func=" + c.Output + "; echo '```'; } >> \"$GITHUB_STEP_SUMMARY\"\n"
		},
	}
}

func nodejs() language {
	return language{
		file:     "dtm-nodejs.yml",
		versions: []string{"22", "24"},
		setup: func(version string, o Actions) fields {
			with := fields{{"node-version", version}}
			if o.Install.Enable && strings.Contains(o.Install.Command, "npm ci") {
				with = append(with, field{"cache", "npm"}) // it has a lock file, without which the cache is an error
			} else {
				with = append(with, field{"package-manager-cache", false})
			}
			return fields{{"uses", setupNode()}, {"with", with}}
		},
		measure: func(command string, c Coverage) string { return extended(command, c.Profile) },
		summary: func(Coverage) string { return "" },
	}
}

func python() language {
	return language{
		file:     "dtm-python.yml",
		versions: []string{"3.11", "3.12", "3.13", "3.14"},
		setup: func(version string, o Actions) fields {
			with := fields{{"python-version", version}}
			if o.Install.Enable {
				with = append(with, field{"cache", "pip"}, field{"cache-dependency-path", "**/pyproject.toml\n**/setup.py\n**/requirements*.txt\n"})
			}
			return fields{{"uses", setupPython()}, {"with", with}}
		},
		measure: func(command string, c Coverage) string { return extended(command, c.Profile) },
		summary: func(Coverage) string { return "" },
	}
}
