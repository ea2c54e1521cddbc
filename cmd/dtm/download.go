package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"

	"github.com/devstream-io/dtm/compat"
)

// downloadFlags are those of DevStream 0.9.1 and later, which fetched plugins without a configuration. Here it is the
// configuration that says where plugins come from, and most are built in.
type downloadFlags struct {
	DownloadOnly bool     `help:"Fetch the plugins of the configuration and do nothing else: no schemas, no starter."`
	Plugins      []string `short:"p" placeholder:"NAME,..." help:"With --download-only: these plugins alone."`
	All          bool     `short:"a" help:"With --download-only: all plugins of the configuration (default)."`
	OS           string   `name:"os" placeholder:"OS" help:"With --download-only: for another operating system, as in linux."`
	Arch         string   `placeholder:"ARCH" help:"With --download-only: for another architecture, as in arm64."`
}

// Validate is called by kong.
func (f *downloadFlags) Validate() error {
	switch {
	case !f.DownloadOnly && (len(f.Plugins) > 0 || f.All || f.OS != "" || f.Arch != ""):
		return errors.New("--plugins, --all, --os and --arch say what --download-only fetches: add it (DevStream ignored them without it)")
	case len(f.Plugins) > 0 && f.All:
		return errors.New("--plugins and --all contradict each other")
	}
	return nil
}

// download fetches the plugins that are not built in, for this machine or another one.
func (a *app) download(ctx context.Context, in installation, flags *downloadFlags) error {
	if in.upgrade && len(flags.Plugins) > 0 {
		return errors.New("--upgrade changes all plugins of dtm.lock, so --plugins contradicts it")
	}
	p, err := a.builtInOnly()
	if err != nil {
		return err
	}
	var outside []string
	if in.path != "" {
		sources, err := p.sources(ctx, in.path, &in.flags)
		if err != nil {
			return err
		}
		for _, s := range sources {
			outside = append(outside, s.Name)
		}
	}
	builtIn := p.loader.Plugins()
	var errs []error
	for _, name := range flags.Plugins {
		name = strings.ToLower(strings.TrimSpace(name))
		switch {
		case slices.Contains(outside, name):
			in.only = append(in.only, name)
		case slices.Contains(builtIn, name):
			a.screen.Info("%s is built in: there is nothing to download.", name)
		default:
			errs = append(errs, noPlugin(name, append(outside, builtIn...)))
		}
	}
	if len(errs) > 0 {
		return errors.Join(errs...)
	}
	if len(flags.Plugins) > 0 && len(in.only) == 0 {
		return nil
	}
	if flags.OS != "" || flags.Arch != "" {
		in.platform = cmp.Or(flags.OS, runtime.GOOS) + "/" + cmp.Or(flags.Arch, runtime.GOARCH)
	}
	if err := a.fetch(ctx, in); err != nil {
		return err
	}
	if in.platform != "" && len(outside) > 0 {
		a.screen.Info("That was for %[1]s: `dtm bundle create DIR --platform %[1]s` carries them to such a machine.", in.platform)
	}
	return nil
}

// noPlugin says that a plugin is not here, and what to use for one that DevStream had.
func noPlugin(name string, names []string) error {
	if hint := compat.Formerly(name); hint != "" {
		return hinted{fmt.Errorf("there is no plugin %q here", name), hint}
	}
	return hinted{fmt.Errorf("there is no plugin %q", name), suggestion(name, names)}
}
