package gitlabcedocker

import (
	"strings"

	"github.com/devstream-io/dtm/plugins/internal/docker"
)

// Resource is what exists.
type Resource struct {
	Image    string `json:"image"`
	Hostname string `json:"hostname"`
	// Ports are "[ADDRESS:]PORT OF THE MACHINE:PORT OF THE CONTAINER", sorted.
	Ports []string `json:"ports"`
	// Volumes are as `docker run --volume` takes them, sorted.
	Volumes []string `json:"volumes"`
	// Env is a keyed hash of each variable's value, by name. The key is with the container and nowhere else.
	Env map[string]string `json:"env,omitempty"`
	// ShmSize is in bytes.
	ShmSize int64  `json:"shmSize"`
	Restart string `json:"restart"`
	Running bool   `json:"running"`
	// Status is what changes by itself.
	Status  Status  `json:"status"`
	Outputs Outputs `json:"outputs"`
}

// Status is what the engine says of the container.
type Status struct {
	ID string `json:"id"`
	// State is the engine's word, as in "running" or "exited".
	State string `json:"state"`
	// Health is "healthy", "unhealthy" or "starting", and "" for an image without a check.
	Health string `json:"health,omitempty"`
}

// observe is the one place that says what a container looks like in the journal.
func observe(c *docker.Container) Resource {
	r := Resource{
		Image:    c.Image,
		Hostname: c.Hostname,
		Ports:    c.Ports,
		Volumes:  c.Volumes,
		Env:      c.Env,
		ShmSize:  c.ShmSize,
		Restart:  c.Restart,
		Running:  c.Running(),
		Status:   Status{ID: c.ID, State: c.State, Health: c.Health},
	}
	r.Outputs = Outputs{
		URL:       "http://" + c.Hostname + suffix(c.Ports, "80"),
		SSHURL:    "ssh://git@" + c.Hostname + suffix(c.Ports, "22"),
		Container: c.Name,
	}
	return r
}

// suffix is ":" and the machine's port for one of the container, or nothing where that is the usual one.
func suffix(ports []string, inside string) string {
	for _, p := range ports {
		outside, ok := strings.CutSuffix(p, ":"+inside)
		if !ok {
			continue
		}
		outside = outside[strings.LastIndex(outside, ":")+1:]
		if outside != inside {
			return ":" + outside
		}
	}
	return ""
}

// address is where who is on this machine reaches a port that is published.
func address(host docker.Host, o Options) string {
	switch o.Address {
	case "", "0.0.0.0", "::":
		return host.Machine()
	}
	return o.Address
}
