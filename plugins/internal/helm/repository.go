package helm

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"helm.sh/helm/v3/pkg/registry"
	"helm.sh/helm/v3/pkg/repo"

	"github.com/devstream-io/dtm/plugins"
)

// newestIndexed is the newest version that fits, by the repository's index.
func (c *charts) newestIndexed(ctx context.Context, at place, o Options) (*repo.ChartVersion, error) {
	index, err := c.index(ctx, at, o)
	if err != nil {
		return nil, err
	}
	return entryOf(index, at, o.Chart.Version)
}

func entryOf(index *repo.IndexFile, at place, version string) (*repo.ChartVersion, error) {
	entry, err := index.Get(at.name, version)
	if err == nil {
		return entry, nil
	}
	var versions []string
	for _, v := range index.Entries[at.name] {
		versions = append(versions, v.Version)
	}
	if len(versions) == 0 {
		return nil, plugins.Hinted(
			fmt.Errorf("no chart %s in %s", at.name, redactURL(at.base)),
			"is chart.chart_name spelt as in the repository's index.yaml?")
	}
	return nil, noVersion(at, version, versions)
}

// noVersion says which versions there are, newest first, where none is as wished.
func noVersion(at place, wish string, versions []string) error {
	newest := strings.Join(versions[:min(5, len(versions))], ", ")
	switch {
	case newest == "":
		return plugins.Hinted(fmt.Errorf("chart %s has no versions", at), "is the address that of a chart?")
	case wish == "":
		return plugins.Hinted(fmt.Errorf("chart %s has no version that is no pre-release", at), "name one in chart.version; the newest are "+newest)
	}
	return plugins.Hinted(fmt.Errorf("chart %s has no version %s", at, wish), "the newest are "+newest)
}

// index reads the repository's index.yaml, once for all that want it at the same time.
func (c *charts) index(ctx context.Context, at place, o Options) (*repo.IndexFile, error) {
	// Every chart's index is the same one.
	return once(ctx, c, "index", place{base: at.base}, o, "", func() (*repo.IndexFile, error) {
		address, err := repo.ResolveReferenceURL(at.base, "index.yaml")
		if err != nil {
			return nil, redacted(err)
		}
		data, err := c.http(ctx, o, address, c.longestIndex)
		if err != nil {
			return nil, fmt.Errorf("index of %s: %w", redactURL(at.base), err)
		}
		// Helm reads an index from a file only.
		dir, err := os.MkdirTemp("", "dtm-index-")
		if err != nil {
			return nil, err
		}
		defer func() { _ = os.RemoveAll(dir) }() // the system tidies its folder, too
		path := filepath.Join(dir, "index.yaml")
		if err := os.WriteFile(path, data, 0o600); err != nil {
			return nil, err
		}
		index, err := repo.LoadIndexFile(path)
		if err != nil {
			return nil, plugins.Hinted(fmt.Errorf("index of %s: %w", redactURL(at.base), err), "is repo.url a chart repository, and not its web page?")
		}
		return index, nil
	})
}

// entry is what the index says of a version.
func (c *charts) entry(ctx context.Context, at place, o Options, version string) (*repo.ChartVersion, error) {
	c.mu.Lock()
	entry := c.entries[at.key(version)]
	delete(c.entries, at.key(version)) // who tries again reads the index again: it may have been the mistake
	c.mu.Unlock()
	if entry != nil {
		return entry, nil
	}
	index, err := c.index(ctx, at, o)
	if err != nil {
		return nil, err
	}
	return entryOf(index, at, version)
}

// download fetches an archive and compares it with the digest in the index.
func (c *charts) download(ctx context.Context, at place, o Options, version string) ([]byte, error) {
	entry, err := c.entry(ctx, at, o, version)
	if err != nil {
		return nil, err
	}
	if len(entry.URLs) == 0 {
		return nil, plugins.Hinted(fmt.Errorf("chart %s %s has no address in the repository's index", at, version), "its maintainers must mend that; is there another version?")
	}
	address, err := repo.ResolveReferenceURL(at.base, entry.URLs[0])
	if err != nil {
		return nil, plugins.Hinted(fmt.Errorf("chart %s %s: %w", at, version, redacted(err)), "the repository's maintainers must mend its index")
	}
	address = c.mirror(address)
	if err := checkAddress("the address of chart "+at.name, address); err != nil {
		return nil, err
	}
	if !sameHost(address, at.base) {
		// The credentials are for the repository, not for wherever its index points.
		o.Repo.Username, o.Repo.Password = "", ""
	}
	var data []byte
	if registry.IsOCI(address) {
		base, name, _ := cutLast(address)
		name, _, _ = strings.Cut(name, ":")
		data, err = c.pull(ctx, place{base: base, name: name}, o, entry.Version)
	} else {
		data, err = c.http(ctx, o, address, c.longestArchive)
	}
	if err != nil {
		return nil, fmt.Errorf("chart %s %s: %w", at, version, err)
	}
	if want := strings.TrimPrefix(entry.Digest, "sha256:"); want != "" && digest(data) != "sha256:"+want {
		return nil, plugins.Hinted(
			fmt.Errorf("chart %s %s: what came has the digest %s, the repository's index says sha256:%s", at, version, digest(data), want),
			"the archive was changed or damaged on the way, or the repository is being updated: nothing was installed")
	}
	return data, nil
}

// sameHost tells whether two addresses are of one server, port and scheme included.
func sameHost(a, b string) bool {
	x, errX := url.Parse(a)
	y, errY := url.Parse(b)
	return errors.Join(errX, errY) == nil && sameOrigin(x, y)
}

func sameOrigin(a, b *url.URL) bool {
	return strings.EqualFold(a.Scheme, b.Scheme) && strings.EqualFold(a.Hostname(), b.Hostname()) && port(a) == port(b)
}

func port(u *url.URL) string {
	if p := u.Port(); p != "" {
		return p
	}
	return map[string]string{"http": "80", "https": "443"}[strings.ToLower(u.Scheme)]
}
