package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"runtime"
	"strings"
	"sync"
	"time"

	"github.com/rs/zerolog"

	"github.com/devstream-io/dtm/compat"
	"github.com/devstream-io/dtm/plugins"
	"github.com/devstream-io/dtm/plugins/external"
	"github.com/devstream-io/dtm/plugins/registry"
	"github.com/devstream-io/dtm/schema"
)

// registryOptions are what the registry needs to know of a folder's plugins. dir is absolute.
func (a *app) registryOptions(dir string) registry.Options {
	set := sync.OnceValues(func() (plugins.Set, error) { return a.plugins(environment(dir)) })
	return registry.Options{
		Dir: dir, Cache: cacheDir(os.UserCacheDir, os.TempDir()), Platform: runtime.GOOS + "/" + runtime.GOARCH,
		HTTP: http.DefaultClient, Getenv: os.Getenv, Now: time.Now, Schema: schemaMistake,
		BuiltIn: func(name string) bool {
			builtIn, err := set()
			_, ok := builtIn[name]
			return err == nil && ok
		},
	}
}

// addInstalled adds the plugins that dtm.lock in dir names to set. Those that cannot be used are an error of their own, for
// whoever needs them.
func (a *app) addInstalled(ctx context.Context, dir string, set plugins.Set) ([]registry.Found, *registry.UnusableError, error) {
	found, err := registry.Installed(ctx, a.registryOptions(dir))
	unusable, partly := errors.AsType[*registry.UnusableError](err)
	if err != nil && !partly {
		return nil, nil, err
	}
	if len(found) == 0 {
		return found, unusable, nil
	}
	host := external.New(external.Options{Env: environment(dir), Version: version, Log: *zerolog.Ctx(ctx)})
	a.hosts = append(a.hosts, host)
	for _, f := range found {
		if _, ok := set[f.Name]; ok {
			return nil, nil, hinted{fmt.Errorf("%s names the plugin %s, which is built in", registry.LockName, f.Name), "take it out of the plugins of the configuration, and run `dtm init --upgrade`"}
		}
		set[f.Name] = host.Kind(external.Installed{
			Name: f.Name, Version: f.Version, Dir: f.Dir, Command: f.Command, Env: f.Env, Schema: f.Schema, Precious: f.Precious,
		})
	}
	return found, unusable, nil
}

// schemaMistake says what is wrong with the schema of a plugin, where it and no configuration is.
func schemaMistake(name, text string) error {
	loader, err := schema.NewLoader([]schema.PluginSchema{{Name: name, CUE: text}})
	if err == nil {
		err = loader.Verify()
	}
	if err == nil {
		return nil
	}
	return errors.New(strings.TrimPrefix(err.Error(), "schema of plugin "+name+": "))
}

// checkSchemas says what is wrong with the schemas of folders, which may have changed since they were made known: it would
// else be told as a mistake of the configuration.
func (p *project) checkSchemas() error {
	var errs []error
	for _, f := range p.found {
		if f.Local {
			if err := schemaMistake(f.Name, f.Schema); err != nil {
				errs = append(errs, hinted{fmt.Errorf("plugin %s: schema.cue: %w", f.Name, err), "`dtm develop validate-plugin` says all that is wrong with it"})
			}
		}
	}
	return errors.Join(errs...)
}

// closeHosts ends the processes of plugins. It does so also when ctx is done.
func (a *app) closeHosts(ctx context.Context) {
	for _, h := range a.hosts {
		if err := h.Close(context.WithoutCancel(ctx)); err != nil {
			zerolog.Ctx(ctx).Debug().Err(err).Msg("a plugin's process did not end well")
		}
	}
}

// sources are where the plugins of a configuration come from, whatever else is wrong with it.
func (p *project) sources(ctx context.Context, path string, flags *configFlags) ([]schema.PluginSource, error) {
	if !compat.IsYAML(path) {
		return p.loader.LoadSources(ctx, path, flags.Tags)
	}
	src, err := compat.ReadWith(ctx, path, flags.VarFile)
	if src == nil {
		return nil, err
	}
	return p.loader.CheckSources(src)
}

// wishes are the sources as the registry takes them.
func wishes(sources []schema.PluginSource) []registry.Wish {
	all := make([]registry.Wish, len(sources))
	for i, s := range sources {
		all[i] = registry.Wish{Name: s.Name, Source: s.Source, Version: s.Version, Key: s.Key}
	}
	return all
}

// checkSources tells what is wrong with the plugins that the configuration names: a tool whose plugin is not there yet has
// no schema, and what that leads to would be told instead.
func (p *project) checkSources(a *app, dir string, sources []schema.PluginSource) error {
	if len(sources) == 0 {
		return nil
	}
	lock, err := registry.ReadLock(dir)
	if err != nil {
		return err
	}
	if err := registry.Compare(a.registryOptions(dir), lock, wishes(sources)); err != nil {
		return err
	}
	if p.unusable == nil {
		return nil
	}
	var errs []error
	for _, u := range p.unusable.Plugins {
		for _, s := range sources {
			if s.Name == u.Name {
				errs = append(errs, u.Err)
			}
		}
	}
	return errors.Join(errs...)
}
