package argocdapp

import (
	"encoding/json"
	"maps"
	"slices"

	"github.com/devstream-io/dtm/plugins/internal/kube"
)

// finalizer has Argo CD remove what it deployed before the Application goes.
const finalizer = "resources-finalizer.argocd.argoproj.io"

// automated is the field that switches the automation on by being there, even if it is empty.
const automated = "automated"

// application is the kind that Argo CD defines.
var application = kube.Kind{Group: "argoproj.io", Version: "v1alpha1", Name: "Application", Resource: "applications"}

// manifest is the Application that is wanted, with no field that says nothing. It has no name yet.
func manifest(o Options) kube.Object {
	source := kube.Object{"repoURL": o.Source.RepoURL, "path": o.Source.Path, "targetRevision": o.Source.Revision}
	helm := kube.Object{}
	files := slices.Clone(o.Source.ValueFiles)
	if o.Source.ValueFile != "" {
		files = slices.Insert(files, 0, o.Source.ValueFile)
	}
	set(helm, "valueFiles", list(files))
	var parameters []any
	for _, name := range slices.Sorted(maps.Keys(o.Source.Parameters)) {
		parameters = append(parameters, kube.Object{"name": name, "value": plain(o.Source.Parameters[name])})
	}
	set(helm, "parameters", parameters)
	set(helm, "releaseName", o.Source.ReleaseName)
	set(source, "helm", helm)
	kustomize := kube.Object{}
	set(kustomize, "namePrefix", o.Source.Kustomize.NamePrefix)
	set(kustomize, "nameSuffix", o.Source.Kustomize.NameSuffix)
	set(kustomize, "images", list(o.Source.Kustomize.Images))
	set(source, "kustomize", kustomize)

	policy := kube.Object{}
	if o.SyncPolicy.Automated {
		policy[automated] = kube.Object{"prune": o.SyncPolicy.Prune, "selfHeal": o.SyncPolicy.SelfHeal}
	}
	set(policy, "syncOptions", list(o.SyncPolicy.SyncOptions))
	spec := kube.Object{
		"project":     o.Project,
		"source":      source,
		"destination": kube.Object{"server": o.Destination.Server, "namespace": o.Destination.Namespace},
	}
	set(spec, "syncPolicy", policy)
	return kube.Object{
		"metadata": kube.Object{"finalizers": []any{finalizer}},
		"spec":     spec,
	}
}

// set gives a field a value, unless the value says nothing.
func set(object kube.Object, name string, value any) {
	if !empty(value) {
		object[name] = value
	}
}

// empty tells whether a value says no more than an absent field.
func empty(value any) bool {
	switch v := value.(type) {
	case nil:
		return true
	case string:
		return v == ""
	case []any:
		return len(v) == 0
	case map[string]any:
		for name, inner := range v {
			if !empty(inner) || name == automated && inner != nil {
				return false
			}
		}
		return true
	}
	return false
}

func list(items []string) []any {
	var all []any
	for _, item := range items {
		all = append(all, item)
	}
	return all
}

// plain is a string, number or boolean as text.
func plain(value json.RawMessage) string {
	var text string
	if json.Unmarshal(value, &text) == nil {
		return text
	}
	return string(value)
}

// named is a manifest with the name that applying would give it.
func named(object kube.Object, app App) kube.Object {
	meta := maps.Clone(at[kube.Object](object, "metadata"))
	meta["name"], meta["namespace"] = app.Name, app.Namespace
	object["metadata"] = meta
	return object
}

// owned are the parts of the spec that are dtm's alone.
func owned(object kube.Object) kube.Object {
	spec := at[kube.Object](object, "spec")
	return kube.Object{
		"source":      spec["source"],
		"sources":     spec["sources"],
		"destination": spec["destination"],
		"syncPolicy": kube.Object{
			automated:     at[any](spec, "syncPolicy", automated),
			"syncOptions": at[any](spec, "syncPolicy", "syncOptions"),
		},
	}
}

// excess is the JSON merge patch that takes away from found what wanted does not have, nil if that is nothing. The paths
// of what it takes away are sorted.
func excess(found, wanted kube.Object) (patch kube.Object, paths []string) {
	for _, name := range slices.Sorted(maps.Keys(found)) {
		inner, isObject := found[name].(map[string]any)
		wish, isWished := wanted[name].(map[string]any)
		switch {
		case empty(found[name]) && (name != automated || found[name] == nil):
		case isObject && isWished:
			below, more := excess(inner, wish)
			if below == nil {
				continue
			}
			if patch == nil {
				patch = kube.Object{}
			}
			patch[name] = below
			for _, path := range more {
				paths = append(paths, name+"."+path)
			}
		case wanted[name] == nil:
			if patch == nil {
				patch = kube.Object{}
			}
			patch[name] = nil
			paths = append(paths, name)
		}
	}
	return patch, paths
}

// at is what is at a path of an object, the zero value if there is nothing of that type.
func at[T any](object kube.Object, path ...string) T {
	var value any = object
	for _, name := range path {
		inner, ok := value.(map[string]any)
		if !ok {
			var none T
			return none
		}
		value = inner[name]
	}
	found, _ := value.(T)
	return found
}
