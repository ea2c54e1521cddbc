package helm

import (
	"context"
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"helm.sh/helm/v3/pkg/action"
	"helm.sh/helm/v3/pkg/chartutil"
	"helm.sh/helm/v3/pkg/engine"
	"helm.sh/helm/v3/pkg/release"
	"helm.sh/helm/v3/pkg/releaseutil"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/devstream-io/dtm/plugins"
)

// Preview says which version an open one comes to, and how the release's manifest would change. The chart is rendered as
// Helm would render it, lookups included; the values of what changes are not told, but for images and replicas, so that
// no secret is.
func (p *plugin[O]) Preview(ctx context.Context, own, _ O, last Resource) (plugins.Preview, error) {
	var out plugins.Preview
	o := p.preset.Common(own)
	o.conceal(ctx)
	vals, err := o.values()
	if err != nil {
		return out, err
	}
	at, err := p.target(o)
	if err != nil {
		return out, err
	}
	chrt, err := p.charts.get(ctx, o, last.Chart.Version)
	if err != nil {
		return out, err
	}
	if o.Chart.Version != chrt.chart.Metadata.Version {
		out.Settled = append(out.Settled, plugins.Fact{Name: "chart.version", Value: chrt.chart.Metadata.Version})
	}
	if chrt.digest != last.Chart.Digest {
		out.Settled = append(out.Settled, plugins.Fact{Name: "chart.digest", Value: chrt.digest})
	}
	slices.SortFunc(out.Settled, func(a, b plugins.Fact) int { return strings.Compare(a.Name, b.Name) })
	if last.Chart.Digest != "" && last.Chart.Version == chrt.chart.Metadata.Version && last.Chart.Digest != chrt.digest {
		out.Notes = append(out.Notes, fmt.Sprintf("the chart has changed and its version has not: it is another %s than the one that is installed", last.Chart.Version))
	}
	if chrt.chart.Metadata.Deprecated {
		out.Notes = append(out.Notes, "the chart is deprecated")
	}

	op, err := operate(ctx, at)
	if err != nil {
		return out, err
	}
	history, err := op.history()
	if err != nil {
		return out, err
	}
	out.Notes = append(out.Notes, remarks(history, last)...)
	note, err := op.previewNamespace(o.CreateNamespace)
	if err != nil {
		return out, err
	}
	if note != "" {
		out.Notes = append(out.Notes, note)
	}
	was := manifest{}
	_, rel, what := diagnosed(history)
	if what == removeFirst {
		rel = nil
	}
	if rel != nil {
		if was, err = parse(rel.Manifest, rel.Namespace); err != nil {
			return out, err
		}
	}
	will, err := op.render(chrt, vals, rel)
	if err != nil {
		return out, err
	}
	out.Parts = changes(was, will)
	return out, nil
}

// remarks are about what is there already.
func remarks(history []*release.Release, last Resource) []string {
	rel, _, what := diagnosed(history)
	switch {
	case what == removeFirst:
		return []string{fmt.Sprintf("the release was left %s: it is removed and installed anew", rel.Info.Status)}
	case what == rollBackFirst:
		return []string{fmt.Sprintf("the release was left %s: it is rolled back first", rel.Info.Status)}
	case rel != nil && last.Release == "":
		return []string{fmt.Sprintf("there is a release %s already (%s, revision %d, %s %s): it becomes dtm's", rel.Name,
			rel.Info.Status, rel.Version, rel.Chart.Name(), rel.Chart.Metadata.Version)}
	}
	return nil
}

func (op *operation) previewNamespace(create bool) (note string, err error) {
	ns, err := op.typed.CoreV1().Namespaces().Get(op.ctx, op.Namespace, metav1.GetOptions{})
	switch {
	case apierrors.IsNotFound(err) && create:
		return "the namespace " + op.Namespace + " is made", nil
	case apierrors.IsNotFound(err):
		return "", op.noNamespace()
	case apierrors.IsForbidden(err):
		return "", nil
	case err != nil:
		return "", op.explain(err)
	case ns.DeletionTimestamp != nil:
		return "the namespace " + op.Namespace + " is being deleted: that is waited for", nil
	}
	return "", nil
}

// render is what the chart asks for with these values. rel is the release that it would upgrade, nil for an install.
func (op *operation) render(chrt *found, vals map[string]any, rel *release.Release) (manifest, error) {
	caps, err := op.capabilities()
	if err != nil {
		return nil, err
	}
	for _, crd := range chrt.chart.CRDObjects() {
		// Templates may ask for what the chart itself is about to define.
		defined, err := parse(string(crd.File.Data), "")
		if err != nil {
			return nil, fmt.Errorf("%s: %w", crd.Filename, err)
		}
		for _, o := range defined {
			caps.APIVersions = append(caps.APIVersions, versionsOf(o)...)
		}
	}
	if want := chrt.chart.Metadata.KubeVersion; want != "" && !chartutil.IsCompatibleRange(want, caps.KubeVersion.String()) {
		return nil, fmt.Errorf("chart wants Kubernetes %s, the cluster has %s", want, caps.KubeVersion.String())
	}
	if err := chartutil.ProcessDependenciesWithMerge(chrt.chart, vals); err != nil {
		return nil, err
	}
	options := chartutil.ReleaseOptions{Name: op.Release, Namespace: op.Namespace, Revision: 1, IsInstall: rel == nil, IsUpgrade: rel != nil}
	if rel != nil {
		options.Revision = rel.Version + 1
	}
	values, err := chartutil.ToRenderValues(chrt.chart, vals, options, caps)
	if err != nil {
		return nil, err
	}
	files, err := engine.New(op.getter.config).Render(chrt.chart, values)
	if err != nil {
		return nil, op.explain(err)
	}
	for name := range files {
		if strings.HasSuffix(name, "NOTES.txt") {
			delete(files, name)
		}
	}
	_, sorted, err := releaseutil.SortManifests(files, caps.APIVersions, releaseutil.InstallOrder)
	if err != nil {
		return nil, err
	}
	all := manifest{}
	for _, m := range sorted {
		part, err := parse(m.Content, op.Namespace)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", m.Name, err)
		}
		for id, o := range part {
			all[id] = o
		}
	}
	return all, nil
}

func (op *operation) capabilities() (*chartutil.Capabilities, error) {
	d, err := op.getter.ToDiscoveryClient()
	if err != nil {
		return nil, err
	}
	version, err := d.ServerVersion()
	if err != nil {
		return nil, op.explain(err)
	}
	apis, err := action.GetVersionSet(d)
	if err != nil {
		return nil, op.explain(err)
	}
	return &chartutil.Capabilities{
		APIVersions: apis,
		KubeVersion: chartutil.KubeVersion{Version: version.GitVersion, Major: version.Major, Minor: version.Minor},
		HelmVersion: chartutil.DefaultCapabilities.HelmVersion,
	}, nil
}

// versionsOf are the API versions that a definition brings.
func versionsOf(o object) []string {
	spec, _ := o.Object["spec"].(map[string]any)
	group, _ := spec["group"].(string)
	names, _ := spec["names"].(map[string]any)
	kind, _ := names["kind"].(string)
	versions, _ := spec["versions"].([]any)
	var all []string
	for _, v := range versions {
		if m, ok := v.(map[string]any); ok {
			all = append(all, fmt.Sprintf("%s/%v", group, m["name"]), fmt.Sprintf("%s/%v/%s", group, m["name"], kind))
		}
	}
	return all
}

// changes are the objects that differ between two manifests: what is made, then what is changed, then what is removed.
func changes(was, will manifest) []plugins.Part {
	var created, updated, deleted []plugins.Part
	for _, id := range will.sorted() {
		old, ok := was[id]
		if !ok {
			created = append(created, plugins.Part{Action: plugins.PartCreate, Name: id.String()})
			continue
		}
		if fields := differences(old.Object, will[id].Object, ""); len(fields) > 0 {
			updated = append(updated, plugins.Part{Action: plugins.PartUpdate, Name: id.String(), Fields: fields})
		}
	}
	for _, id := range was.sorted() {
		if _, ok := will[id]; ok {
			continue
		}
		if was[id].GetAnnotations()["helm.sh/resource-policy"] == "keep" {
			continue
		}
		deleted = append(deleted, plugins.Part{Action: plugins.PartDelete, Name: id.String()})
	}
	return slices.Concat(created, updated, deleted)
}

// telling are the paths whose values are told: the images of workloads and how many there are to be. Everything else may
// be a secret, an environment variable that is named "image" as well.
var telling = regexp.MustCompile(`^spec\.(replicas|((jobTemplate\.spec\.)?template\.spec\.)?(initContainers|containers)\.[^."]+\.image)$`)

// differences are the paths at which two values differ, sorted. They tell no values but those of [telling].
func differences(a, b any, path string) []string {
	if reflect.DeepEqual(a, b) {
		return nil
	}
	if x, ok := a.(map[string]any); ok {
		if y, ok := b.(map[string]any); ok {
			return differentMaps(x, y, path)
		}
	}
	if x, ok := a.([]any); ok {
		if y, ok := b.([]any); ok {
			if x, y, ok := named(x, y); ok {
				if all := differentMaps(x, y, path); len(all) > 0 {
					return all
				}
				return []string{path} // only the order is another
			}
		}
	}
	if telling.MatchString(path) {
		return []string{fmt.Sprintf("%s (%s -> %s)", path, told(a), told(b))}
	}
	return []string{path}
}

// told is the value of an image or a number, and of nothing else.
func told(v any) string {
	switch v := v.(type) {
	case nil:
		return "none"
	case string:
		return v
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	}
	return "something else"
}

var plainKey = regexp.MustCompile(`^[A-Za-z0-9_-]+$`)

func differentMaps(a, b map[string]any, path string) []string {
	keys := map[string]bool{}
	for k := range a {
		keys[k] = true
	}
	for k := range b {
		keys[k] = true
	}
	var all []string
	for k := range keys {
		at := k
		if !plainKey.MatchString(k) {
			at = strconv.Quote(k)
		}
		if path != "" {
			at = path + "." + at
		}
		all = append(all, differences(a[k], b[k], at)...)
	}
	slices.Sort(all)
	return all
}

// named makes maps of two lists whose every element is a map with a name of its own, as containers and ports are.
func named(a, b []any) (x, y map[string]any, ok bool) {
	if x, ok = byName(a); !ok {
		return nil, nil, false
	}
	y, ok = byName(b)
	return x, y, ok
}

func byName(list []any) (map[string]any, bool) {
	all := make(map[string]any, len(list))
	for _, element := range list {
		m, ok := element.(map[string]any)
		if !ok {
			return nil, false
		}
		name, ok := m["name"].(string)
		if _, twice := all[name]; !ok || twice {
			return nil, false
		}
		all[name] = m
	}
	return all, true
}
