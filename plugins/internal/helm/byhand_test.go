package helm

import (
	"encoding/json"
	"fmt"

	"helm.sh/helm/v3/pkg/action"
	"helm.sh/helm/v3/pkg/chart/loader"
	"helm.sh/helm/v3/pkg/cli"
	"helm.sh/helm/v3/pkg/release"
)

// byHand does what somebody would with the helm command: "uninstall", "keep" (uninstall --keep-history), "rollback" to
// the first revision, or with a chart and values "install" and "upgrade".
func (w *world) byHand(what, name string, chartAndValues ...string) (*release.Release, error) {
	settings := cli.New()
	settings.KubeConfig, settings.KubeContext = w.cluster.Kubeconfig(), ""
	settings.SetNamespace(w.namespace)
	cfg := &action.Configuration{}
	if err := cfg.Init(settings.RESTClientGetter(), w.namespace, "secrets", func(string, ...any) {}); err != nil {
		return nil, err
	}
	switch what {
	case "uninstall", "keep":
		a := action.NewUninstall(cfg)
		a.Wait, a.KeepHistory = true, what == "keep"
		_, err := a.Run(name)
		return nil, err
	case "rollback":
		a := action.NewRollback(cfg)
		a.Version = 1
		return nil, a.Run(name)
	}
	chrt, err := loader.Load(chartAndValues[0])
	if err != nil {
		return nil, err
	}
	values := map[string]any{}
	if err := json.Unmarshal([]byte(chartAndValues[1]), &values); err != nil {
		return nil, err
	}
	switch what {
	case "install":
		a := action.NewInstall(cfg)
		a.ReleaseName, a.Namespace = name, w.namespace
		return a.Run(chrt, values)
	case "upgrade":
		a := action.NewUpgrade(cfg)
		a.Namespace = w.namespace
		return a.Run(name, chrt, values)
	}
	return nil, fmt.Errorf("nobody knows how to %s", what)
}
