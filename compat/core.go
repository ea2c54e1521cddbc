package compat

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/devstream-io/dtm/schema"
)

// coreConfig is what stands beside the tools: where the other files are, and where the state is.
type coreConfig struct {
	varFile, toolFile schema.Text
	state             schema.StateConfig
	keeping, plugins  schema.Value
}

// defaultCore is the core of a configuration that has none.
func defaultCore() coreConfig {
	return coreConfig{state: schema.StateConfig{Backend: "local", StateFile: "devstream.state", Retention: schema.DefaultRetention}}
}

// core reads varFile, toolFile, state and plugins from a section. Other keys at its top have been looked at before.
func (r *reader) core(v schema.Value) coreConfig {
	core := defaultCore()
	for _, f := range v.Fields {
		switch f.Name {
		case "varFile":
			core.varFile, _ = r.text(f.Value, "varFile")
		case "toolFile":
			core.toolFile, _ = r.text(f.Value, "toolFile")
		case "state":
			core.state, core.keeping = r.state(f.Value, core.state)
		case "plugins":
			core.plugins = f.Value
		}
	}
	return core
}

// state reads the section of the state. What DevStream did not have is left for schema to check.
func (r *reader) state(v schema.Value, state schema.StateConfig) (_ schema.StateConfig, keeping schema.Value) {
	options := schema.Value{Pos: v.Pos}
	for _, f := range r.mapping(v, "state") {
		switch f.Name {
		case "backend":
			if t, ok := r.text(f.Value, "state.backend"); ok && t.Text != "" {
				t.Text = strings.ToLower(t.Text)
				if t.Text != "local" && t.Text != "s3" && !inCluster(t.Text) {
					r.errs.Add(t.Pos, "state.backend", fmt.Sprintf("%q is not supported", t.Text),
						cmp.Or(suggest(t.Text, "local", "s3", "k8s", "kubernetes"), "use local, s3 or k8s"))
				}
				state.Backend = t.Text
			}
		case "options":
			options = f.Value
		case "retention", "encryption":
			if f.Value.Kind != schema.Null {
				keeping.Kind, keeping.Pos = schema.Map, v.Pos
				keeping.Fields = append(keeping.Fields, f)
			}
		default:
			r.unknown(f, "state", "backend", "options", "retention", "encryption")
		}
	}
	switch state.Backend {
	case "local":
		r.localState(options, &state)
	case "s3":
		state.StateFile = ""
		r.s3State(options, &state)
	case "k8s", "kubernetes":
		r.clusterState(options, &state)
	}
	return state, keeping
}

func (r *reader) localState(options schema.Value, state *schema.StateConfig) {
	for _, f := range r.mapping(options, "state.options") {
		path := "state.options." + f.Name
		switch f.Name {
		case "stateFile":
			if t, ok := r.text(f.Value, path); ok && t.Text != "" {
				state.StateFile = t.Text
			}
		case "bucket", "region", "key", "namespace", "configmap":
			if t, ok := r.text(f.Value, path); ok && t.Text != "" {
				r.errs.Add(f.Pos, path, "has no meaning for the backend local", "remove it")
			}
		default:
			r.unknown(f, "state.options", "stateFile")
		}
	}
}

// s3State reads bucket, region and key, which DevStream wanted, and what this dtm has besides.
func (r *reader) s3State(options schema.Value, state *schema.StateConfig) {
	into := map[string]*string{
		"bucket": &state.Bucket, "region": &state.Region, "key": &state.Key,
		"endpoint": &state.Endpoint, "profile": &state.Profile, "kmsKeyID": &state.KMSKeyID,
	}
	for _, f := range r.mapping(options, "state.options") {
		path := "state.options." + f.Name
		field := into[f.Name]
		switch {
		case field != nil:
			if t, ok := r.text(f.Value, path); ok {
				*field = t.Text
			}
		case f.Name == "pathStyle" && f.Value.Kind == schema.Bool:
			state.PathStyle = f.Value.Text == "true"
		case f.Name == "pathStyle":
			r.errs.Add(f.Value.Pos, path, "must be true or false", "")
		case f.Name == "stateFile", f.Name == "namespace", f.Name == "configmap":
			if t, ok := r.text(f.Value, path); ok && t.Text != "" {
				r.errs.Add(f.Pos, path, "has no meaning for the backend s3", "remove it")
			}
		default:
			r.unknown(f, "state.options", "bucket", "region", "key", "endpoint", "pathStyle", "profile", "kmsKeyID")
		}
	}
	for _, required := range []string{"bucket", "region", "key"} {
		if *into[required] == "" {
			r.errs.Add(options.Pos, "state.options."+required, "is required for the backend s3", "")
		}
	}
}
