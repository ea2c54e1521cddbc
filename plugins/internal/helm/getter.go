package helm

import (
	"sync"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/discovery/cached/memory"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/restmapper"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

// getter hands a cluster's clients to Helm.
type getter struct {
	config    *rest.Config
	namespace string

	mu        sync.Mutex
	discovery discovery.CachedDiscoveryInterface
	mapper    meta.ResettableRESTMapper
}

// ToRESTConfig returns a copy: its callers write into it.
func (g *getter) ToRESTConfig() (*rest.Config, error) { return rest.CopyConfig(g.config), nil }

// ToDiscoveryClient returns the one that this operation asks the cluster with what it knows, and asks each thing once.
func (g *getter) ToDiscoveryClient() (discovery.CachedDiscoveryInterface, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.discoveryClient()
}

func (g *getter) discoveryClient() (discovery.CachedDiscoveryInterface, error) {
	if g.discovery == nil {
		plain, err := discovery.NewDiscoveryClientForConfig(g.config)
		if err != nil {
			return nil, err
		}
		g.discovery = memory.NewMemCacheClient(plain)
	}
	return g.discovery, nil
}

// ToRESTMapper returns one mapper for the whole operation: Helm resets it when it has installed definitions.
func (g *getter) ToRESTMapper() (meta.RESTMapper, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.mapper == nil {
		d, err := g.discoveryClient()
		if err != nil {
			return nil, err
		}
		g.mapper = restmapper.NewDeferredDiscoveryRESTMapper(d)
	}
	return g.mapper, nil
}

// ToRawKubeConfigLoader says in which namespace things without one go; nothing else is asked of it.
func (g *getter) ToRawKubeConfigLoader() clientcmd.ClientConfig {
	return clientcmd.NewDefaultClientConfig(*clientcmdapi.NewConfig(), &clientcmd.ConfigOverrides{
		Context: clientcmdapi.Context{Namespace: g.namespace},
	})
}
