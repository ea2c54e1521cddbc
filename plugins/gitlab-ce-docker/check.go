package gitlabcedocker

import (
	"errors"
	"fmt"
	"net/netip"
	"path"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/docker/go-units"

	"github.com/devstream-io/dtm/plugins"
	"github.com/devstream-io/dtm/plugins/internal/docker"
)

// completed are options with the schema's defaults, for some that DevStream recorded.
func completed(o Options) Options {
	for _, field := range []struct {
		value   *string
		usually string
	}{
		{&o.ContainerName, "gitlab"}, {&o.Image, "gitlab/gitlab-ce:rc"}, {&o.ShmSize, "256m"}, {&o.Restart, "always"}, {&o.Timeout, "10m"},
	} {
		if *field.value == "" {
			*field.value = field.usually
		}
	}
	return o
}

// check refuses what must not even be tried, and makes the rest into a container. The schema has seen most of it, but not
// what came in by a reference.
func (p plugin) check(o Options) (docker.Spec, error) {
	if err := checkHome(o.GitLabHome); err != nil {
		return docker.Spec{}, err
	}
	if o.RmDataAfterDelete {
		if err := removable(docker.Find(p.env, o.DockerHost)); err != nil {
			return docker.Spec{}, err
		}
	}
	shm, err := units.RAMInBytes(o.ShmSize)
	if err != nil || shm <= 0 {
		return docker.Spec{}, fmt.Errorf("shm_size %q: want a size as in \"256m\" or \"1g\"", o.ShmSize)
	}
	if _, err := timeoutOf(o.Timeout); err != nil {
		return docker.Spec{}, err
	}
	if o.Address != "" {
		if _, err := netip.ParseAddr(o.Address); err != nil {
			return docker.Spec{}, fmt.Errorf("address %q: want one as in \"127.0.0.1\" or \"::1\"", o.Address)
		}
	}
	spec := docker.Spec{
		Owner: pluginName, Name: o.ContainerName, Image: o.Image, Hostname: o.Hostname, Env: o.Env, ShmSize: shm, Restart: o.Restart,
		Volumes: append(bindings(o.GitLabHome), o.Volumes...),
	}
	seen := map[uint16]string{}
	for _, port := range []struct {
		name            string
		outside, inside uint16
	}{{"ssh_port", o.SSHPort, 22}, {"http_port", o.HTTPPort, 80}, {"https_port", o.HTTPSPort, 443}} {
		if port.outside == 0 {
			return docker.Spec{}, fmt.Errorf("%s: want a port from 1 to 65535", port.name)
		}
		if other := seen[port.outside]; other != "" {
			return docker.Spec{}, fmt.Errorf("%s and %s are both %d", other, port.name, port.outside)
		}
		seen[port.outside] = port.name
		spec.Ports = append(spec.Ports, docker.Port{Address: o.Address, Host: port.outside, Container: port.inside})
	}
	return spec, checkVolumes(o.Volumes)
}

// checkVolumes sees to it that nothing is mounted over GitLab's data, or over one another.
func checkVolumes(volumes []string) error {
	seen := targets()
	for _, v := range volumes {
		at := target(v)
		if !path.IsAbs(at) {
			return fmt.Errorf("volumes: %q: want \"SOURCE:TARGET\" or \"SOURCE:TARGET:ro\" with an absolute target", v)
		}
		if slices.Contains(seen, at) {
			return fmt.Errorf("volumes: %q: something is mounted at %s already", v, at)
		}
		seen = append(seen, at)
	}
	return nil
}

// system are the folders that belong to the machine, and all that is in them; shared are those that are many people's.
var (
	system = []string{"/etc", "/proc", "/sys", "/dev", "/boot", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/run"}
	shared = []string{"/", "/usr", "/var", "/home", "/root", "/opt", "/srv", "/tmp", "/mnt", "/media"}
	broken = regexp.MustCompile(`[:\x00-\x1f]`)
)

// checkHome refuses folders in which dtm must not make or remove any. home may come from anywhere: it is data, never a
// command.
func checkHome(home string) error {
	clean := path.Clean(home)
	below := func(folder string) bool { return clean == folder || strings.HasPrefix(clean, folder+"/") }
	switch {
	case !path.IsAbs(home):
		return fmt.Errorf("gitlab_home %q: want an absolute path", home)
	case broken.MatchString(home):
		return fmt.Errorf("gitlab_home %q: Docker takes no path with a colon or a control character in it", home)
	case slices.Contains(strings.Split(home, "/"), ".."):
		return fmt.Errorf("gitlab_home %q: want a path without \"..\"", home)
	case slices.Contains(shared, clean), slices.ContainsFunc(system, below):
		return plugins.Hinted(fmt.Errorf("gitlab_home %q is a folder of the system", home),
			"give GitLab one of its own, as \"/srv/gitlab\"")
	}
	return nil
}

// removable refuses to remove data that is on another machine.
func removable(host docker.Host) error {
	if host.Local() {
		return nil
	}
	return plugins.Hinted(errors.New("rm_data_after_delete: the Docker engine at "+string(host)+" may be on another machine, where dtm can remove no folders"),
		"set it to false, and remove the data there by hand")
}

// timeoutOf is how long to wait.
func timeoutOf(text string) (time.Duration, error) {
	d, err := time.ParseDuration(text)
	if err != nil || d <= 0 {
		return 0, fmt.Errorf("timeout %q: want a time as in \"90s\" or \"10m\"", text)
	}
	return d, nil
}
