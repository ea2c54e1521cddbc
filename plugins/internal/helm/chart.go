package helm

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/Masterminds/semver/v3"
	"golang.org/x/sync/singleflight"
	"helm.sh/helm/v3/pkg/action"
	"helm.sh/helm/v3/pkg/chart"
	"helm.sh/helm/v3/pkg/chart/loader"
	"helm.sh/helm/v3/pkg/registry"
	"helm.sh/helm/v3/pkg/repo"

	"github.com/devstream-io/dtm/plugins"
)

// charts finds charts, fetches them and keeps what it has fetched. It is safe for use by many goroutines.
type charts struct {
	env     plugins.Env
	archive archives

	// longestIndex and longestArchive, in bytes, end what a broken or hostile server would send for ever.
	longestIndex, longestArchive int64

	// flights lets tools that want the same at the same time ask for it once.
	flights singleflight.Group
	mu      sync.Mutex
	// settled are the versions that were settled in this process: what a plan has shown, the apply after it installs.
	settled map[string]string
	// entries are what the index said of versions that were just settled and not fetched yet. Reading a big index takes
	// long: what was read of it to settle a version is not read again to fetch it.
	entries map[string]*repo.ChartVersion
}

func newCharts(env plugins.Env) *charts {
	c := &charts{
		env: env, settled: map[string]string{}, entries: map[string]*repo.ChartVersion{},
		// The biggest index that is known has 30 MB.
		longestIndex: 200 << 20, longestArchive: 100 << 20,
	}
	if env.Cache != "" {
		c.archive.dir = filepath.Join(env.Cache, "charts")
	}
	return c
}

// found is a chart that is ready to be installed. Helm changes a chart while it renders it: load one for each operation.
type found struct {
	chart  *chart.Chart
	digest string
}

// place says where a chart comes from.
type place struct {
	// path is the absolute path of a folder or archive; the other fields are empty then.
	path string
	// base is the repository: an http(s) URL, or an oci:// one without the chart's name.
	base string
	name string
}

func (p place) oci() bool { return registry.IsOCI(p.base) }

// String names the place for people: without what an address may keep secret.
func (p place) String() string {
	switch {
	case p.path != "":
		return p.path
	case p.oci():
		return redactURL(p.base) + "/" + p.name
	}
	return p.name + " of " + redactURL(p.base)
}

// key is of one version of a chart, and of no other.
func (p place) key(version string) string { return p.base + "\x00" + p.name + "\x00" + version }

// find tells where the chart of some options is. Nothing is asked for it.
func (c *charts) find(o Options) (place, error) {
	name := o.Chart.ChartName
	switch {
	case name == "":
		return place{}, errors.New("chart.chart_name is empty")
	case registry.IsOCI(name):
		return c.inRegistry("chart.chart_name", name)
	case filepath.IsAbs(name):
		return place{path: filepath.Clean(name)}, nil
	case strings.HasPrefix(name, "./"), strings.HasPrefix(name, "../"), name == ".", name == "..":
		return place{path: filepath.Join(c.env.Dir, name)}, nil
	case o.Repo.URL == "":
		return place{}, plugins.Hinted(
			fmt.Errorf("no repository for chart %q", name),
			`set repo.url, or make chart.chart_name a path ("./charts/x") or an "oci://" address`)
	}
	// The alias before the slash was for the reference's own list of repositories.
	_, last, _ := cutLast(name)
	if last == "" {
		return place{}, fmt.Errorf("chart.chart_name %q names no chart", name)
	}
	if registry.IsOCI(o.Repo.URL) {
		return c.inRegistry("repo.url", strings.TrimRight(o.Repo.URL, "/")+"/"+last)
	}
	if err := checkAddress("repo.url", o.Repo.URL); err != nil {
		return place{}, err
	}
	return c.mirrored(o.Repo.URL, last)
}

// inRegistry is the place of a chart with an oci:// address. option is where the address is from.
func (c *charts) inRegistry(option, address string) (place, error) {
	if err := checkAddress(option, address); err != nil {
		return place{}, err
	}
	base, name, _ := cutLast(strings.TrimRight(address, "/"))
	switch {
	case name == "" || !registry.IsOCI(base):
		return place{}, fmt.Errorf("%s %q names no chart", option, address)
	case strings.ContainsAny(name, ":@"):
		return place{}, plugins.Hinted(fmt.Errorf("%s %q has a version in it", option, address), "it goes into chart.version")
	}
	return c.mirrored(base, name)
}

// checkAddress lets through where charts can be asked for.
func checkAddress(option, address string) error {
	u, err := url.Parse(address)
	switch {
	case err != nil || u.Host == "":
		return plugins.Hinted(fmt.Errorf("%s %q is no address", option, redactURL(address)), "one begins with https:// or oci://")
	case u.Scheme != "http" && u.Scheme != "https" && u.Scheme != registry.OCIScheme:
		return plugins.Hinted(fmt.Errorf("%s %q is of an unknown kind", option, redactURL(address)), "one begins with https:// or oci://")
	case u.User != nil:
		return plugins.Hinted(
			fmt.Errorf("%s %s has credentials in it", option, redactURL(address)),
			"put them into repo.username and repo.password, which are kept out of the journal")
	}
	return nil
}

func cutLast(name string) (before, after string, ok bool) {
	i := strings.LastIndex(name, "/")
	if i < 0 {
		return "", name, false
	}
	return name[:i], name[i+1:], true
}

// mirrored is the place to ask instead of a chart's own. Where both have the chart's name at the end, as in a registry, a
// rule may be about one chart alone.
func (c *charts) mirrored(base, name string) (place, error) {
	at := place{base: c.mirror(strings.TrimRight(base, "/")), name: name}
	if whole := c.mirror(strings.TrimRight(base, "/") + "/" + name); registry.IsOCI(base) && registry.IsOCI(whole) {
		at.base, at.name, _ = cutLast(whole)
	}
	return at, checkAddress("DTM_CHART_MIRRORS", at.base)
}

// mirror is the address to ask instead, by DTM_CHART_MIRRORS: "FROM=TO" parted by spaces, the first that fits.
func (c *charts) mirror(address string) string {
	for _, rule := range strings.Fields(c.env.Getenv("DTM_CHART_MIRRORS")) {
		from, to, ok := strings.Cut(rule, "=")
		from = strings.TrimRight(from, "/")
		if rest, below := strings.CutPrefix(address, from); ok && from != "" && below && (rest == "" || strings.ContainsAny(rest[:1], "/?")) {
			return strings.TrimRight(to, "/") + rest
		}
	}
	return address
}

// get returns the chart of some options. installed is the version that the release has, "" if there is none: where the
// options leave it open, it stays. It returns when ctx is done, whoever else waits for the same chart.
func (c *charts) get(ctx context.Context, o Options, installed string) (*found, error) {
	at, err := c.find(o)
	if err != nil {
		return nil, err
	}
	if at.path != "" {
		return local(at.path, o.Chart.Version)
	}
	if err := checkVersion(o.Chart.Version); err != nil {
		return nil, err
	}
	version, err := c.settle(ctx, at, o, installed)
	if err != nil {
		return nil, err
	}
	data, err := once(ctx, c, "fetch", at, o, version, func() ([]byte, error) { return c.fetch(ctx, at, o, version) })
	if err != nil {
		return nil, err
	}
	return load(at.String(), data)
}

// once does something once for all that want the same of a place at the same time, with the same credentials. Nobody is
// ended by the context of somebody else: another one then does it.
func once[T any](ctx context.Context, c *charts, what string, at place, o Options, version string, do func() (T, error)) (T, error) {
	key := strings.Join([]string{what, at.key(version), o.Repo.Username, o.Repo.Password, o.Repo.CAFile}, "\x00")
	var none T
	for {
		mine := false
		done := c.flights.DoChan(key, func() (_ any, err error) {
			mine = true
			defer func() {
				// This goroutine is none of those whose panics are looked after.
				if r := recover(); r != nil {
					err = fmt.Errorf("%s %s: panic: %v", what, at, r)
				}
			}()
			return do()
		})
		select {
		case <-ctx.Done():
			return none, fmt.Errorf("chart %s: %w", at, context.Cause(ctx))
		case result := <-done:
			if result.Err != nil && !mine && (errors.Is(result.Err, context.Canceled) || errors.Is(result.Err, context.DeadlineExceeded)) {
				continue
			}
			got, _ := result.Val.(T)
			return got, result.Err
		}
	}
}

// checkVersion lets only versions and constraints of semver through.
func checkVersion(version string) error {
	if version == "" {
		return nil
	}
	if _, err := semver.NewConstraint(version); err != nil {
		return plugins.Hinted(
			fmt.Errorf("chart.version %q is neither a version nor a range of versions", version),
			`a version is "1.2.3", a range is "~1.2" or ">=1.2 <2"`)
	}
	return nil
}

// exact tells whether a version is one, and not a range.
func exact(version string) bool {
	_, err := semver.NewVersion(version)
	return err == nil && strings.Count(version, ".") >= 2
}

// settle says which version some options come to: the one they name, the installed one as long as it fits, or the
// newest that fits. Without a range, pre-releases do not fit.
func (c *charts) settle(ctx context.Context, at place, o Options, installed string) (string, error) {
	if exact(o.Chart.Version) {
		return o.Chart.Version, nil
	}
	if installed != "" && fits(o.Chart.Version, installed) {
		return installed, nil
	}
	return once(ctx, c, "settle", at, o, o.Chart.Version, func() (string, error) {
		key := at.key(o.Chart.Version)
		c.mu.Lock()
		version, ok := c.settled[key]
		c.mu.Unlock()
		if ok {
			return version, nil
		}
		var entry *repo.ChartVersion
		var err error
		if at.oci() {
			version, err = c.newestTag(ctx, at, o)
		} else if entry, err = c.newestIndexed(ctx, at, o); err == nil {
			version = entry.Version
		}
		if err != nil {
			return "", err
		}
		c.mu.Lock()
		defer c.mu.Unlock()
		if first, ok := c.settled[key]; ok {
			return first, nil // somebody with other credentials was faster
		}
		c.settled[key] = version
		if entry != nil {
			c.entries[at.key(version)] = entry
		}
		return version, nil
	})
}

// fits tells whether a version that is installed satisfies what the options say. Where they say nothing, it does, be it a
// pre-release or not.
func fits(wish, version string) bool {
	if wish == "" {
		return true
	}
	constraint, err := semver.NewConstraint(wish)
	if err != nil {
		return false
	}
	v, err := semver.NewVersion(version)
	return err == nil && constraint.Check(v)
}

// fetch returns the archive, from the cache if it is there.
func (c *charts) fetch(ctx context.Context, at place, o Options, version string) ([]byte, error) {
	if data, ok := c.archive.get(at, version); ok {
		return data, nil
	}
	var data []byte
	var err error
	if at.oci() {
		data, err = c.pull(ctx, at, o, version)
	} else {
		data, err = c.download(ctx, at, o, version)
	}
	if err != nil {
		return nil, err
	}
	// Only a chart is worth keeping: what is broken is to be asked for again.
	if _, err := load(at.String(), data); err != nil {
		return nil, err
	}
	c.archive.put(at, version, data)
	return data, nil
}

func load(from string, archive []byte) (*found, error) {
	chrt, err := loader.LoadArchive(bytes.NewReader(archive))
	if err != nil {
		return nil, fmt.Errorf("chart %s: %w", from, err)
	}
	return checked(from, &found{chart: chrt, digest: digest(archive)})
}

// local loads a folder or an archive from disk.
func local(path, version string) (*found, error) {
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, plugins.Hinted(fmt.Errorf("chart %s: %w", path, fs.ErrNotExist), "relative paths start at the folder of the configuration")
	}
	if err != nil {
		return nil, fmt.Errorf("chart %s: %w", path, err)
	}
	var f *found
	switch {
	case info.IsDir():
		chrt, err := loader.LoadDir(path)
		if err != nil {
			return nil, fmt.Errorf("chart %s: %w", path, err)
		}
		f = &found{chart: chrt, digest: digestFiles(chrt.Raw)}
	case !info.Mode().IsRegular():
		return nil, fmt.Errorf("chart %s is neither a folder nor an archive", path)
	default:
		data, err := os.ReadFile(path)
		if err != nil {
			return nil, fmt.Errorf("chart %s: %w", path, err)
		}
		if f, err = load(path, data); err != nil {
			return nil, err
		}
	}
	if version != "" && f.chart.Metadata != nil && version != f.chart.Metadata.Version && !fits(version, f.chart.Metadata.Version) {
		return nil, fmt.Errorf("chart %s is version %s, not %s as chart.version says", path, f.chart.Metadata.Version, version)
	}
	return checked(path, f)
}

// checked lets through what can be installed.
func checked(from string, f *found) (*found, error) {
	m := f.chart.Metadata
	if m == nil {
		return nil, fmt.Errorf("chart %s has no Chart.yaml", from)
	}
	if m.Type != "" && m.Type != "application" {
		return nil, fmt.Errorf("chart %s is of type %s, which cannot be installed", from, m.Type)
	}
	// Helm's library renders what is there and says nothing of what is not.
	if err := action.CheckDependencies(f.chart, m.Dependencies); err != nil {
		return nil, plugins.Hinted(fmt.Errorf("chart %s: %w", from, err), "run `helm dependency build` in the chart's folder")
	}
	return f, nil
}

func digest(data []byte) string {
	sum := sha256.Sum256(data)
	return "sha256:" + hex.EncodeToString(sum[:])
}

// digestFiles is that of a chart's files, whatever order the folder has them in.
func digestFiles(files []*chart.File) string {
	files = slices.SortedFunc(slices.Values(files), func(a, b *chart.File) int { return strings.Compare(a.Name, b.Name) })
	sum := sha256.New()
	for _, f := range files {
		fmt.Fprintf(sum, "%q %d\n", f.Name, len(f.Data))
		sum.Write(f.Data)
	}
	return "sha256:" + hex.EncodeToString(sum.Sum(nil))
}
