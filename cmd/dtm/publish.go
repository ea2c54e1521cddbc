package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/devstream-io/dtm/plugins/registry"
)

type packPluginCmd struct {
	Dir    string `arg:"" optional:"" default:"." help:"The plugin's folder (default: this one)."`
	Output string `short:"o" placeholder:"FILE" help:"The archive (default: NAME_VERSION.tar.gz here)."`
}

// Run makes the archive of a plugin. Of the same files it makes the same bytes.
func (c *packPluginCmd) Run(ctx context.Context, a *app) error {
	file := c.Output
	if file == "" {
		m, err := registry.ReadManifest(c.Dir)
		if err != nil {
			return err
		}
		file = fmt.Sprintf("%s_%s.tar.gz", m.Name, m.Version)
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return err
	}
	m, err := registry.Pack(ctx, c.Dir, file)
	if err != nil {
		return err
	}
	a.screen.Success("%s %s is packed: %s", m.Name, m.Version, file)
	return nil
}

type pushPluginCmd struct {
	To       string   `arg:"" help:"Where to, as in oci://registry.example.org/plugins/greeting."`
	Archives []string `arg:"" help:"The archives, as OS/ARCH=FILE each, or one FILE for every platform."`
}

// Run publishes a version of a plugin in an OCI registry.
func (c *pushPluginCmd) Run(ctx context.Context, a *app) error {
	archives := map[string]string{}
	for _, arg := range c.Archives {
		platform, file, ok := strings.Cut(arg, "=")
		if !ok {
			platform, file = "any", arg
		}
		if _, ok := archives[platform]; ok {
			return fmt.Errorf("there are two archives for %s", platform)
		}
		archives[platform] = file
	}
	here, err := filepath.Abs(".")
	if err != nil {
		return err
	}
	tag, digest, err := registry.Push(ctx, a.registryOptions(here), c.To, archives)
	if err != nil {
		return err
	}
	a.screen.Success("Version %s is published: %s@%s", tag, strings.TrimPrefix(c.To, "oci://"), digest)
	return nil
}
