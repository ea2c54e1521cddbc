package main

import (
	"context"

	"github.com/devstream-io/dtm/plugins/registry"
)

type bundleCmd struct {
	Create bundleCreateCmd `cmd:"" help:"Put the plugins of dtm.lock into a folder, for where there is no network."`
	Use    bundleUseCmd    `cmd:"" help:"Install the plugins of the configuration from such a folder, as init would."`
}

type bundleCreateCmd struct {
	configFlags
	Dir       string   `arg:"" help:"The folder, which is made."`
	Platforms []string `name:"platform" placeholder:"OS/ARCH" help:"Only these platforms, as in linux/amd64 (default: all of dtm.lock). May be repeated."`
}

// Run writes a bundle.
func (c *bundleCreateCmd) Run(ctx context.Context, a *app) error {
	_, dir, err := c.locate(ctx)
	if err != nil {
		return err
	}
	options, done := a.downloads(dir)
	made, err := registry.CreateBundle(ctx, options, c.Dir, c.Platforms)
	done()
	if err != nil {
		return err
	}
	for _, name := range made.Local {
		a.screen.Warn("%s is a folder and not in the bundle.", name)
	}
	a.screen.Success("The plugins are in %s: `dtm bundle use` installs them where there is no network.", c.Dir)
	return nil
}

type bundleUseCmd struct {
	configFlags
	Dir string `arg:"" help:"The folder that \"dtm bundle create\" made."`
}

// Run installs from a bundle. It is init with another source and nothing else.
func (c *bundleUseCmd) Run(ctx context.Context, a *app) error {
	path, dir, err := c.locate(ctx)
	if err != nil {
		return err
	}
	return a.install(ctx, installation{path: path, dir: dir, flags: c.configFlags, bundle: c.Dir})
}
