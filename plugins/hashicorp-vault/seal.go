package hashicorpvault

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/devstream-io/dtm/plugins/internal/helm"
)

// The labels that Vault itself puts on its pods where it is told to register with Kubernetes, as the chart tells it in HA
// mode: https://developer.hashicorp.com/vault/docs/configuration/service-registration/kubernetes
const (
	labelInitialized = "vault-initialized"
	labelSealed      = "vault-sealed"
)

// seals says of every server whether it is initialised and whether it is sealed, as in "vault-0": "initialised, sealed".
// It only looks: the keys are for people.
func seals(ctx context.Context, at helm.Target, o helm.Options) (map[string]string, error) {
	pods, err := at.PodLabels(ctx, "component=server,app.kubernetes.io/instance="+at.Release)
	if err != nil {
		return nil, err
	}
	said := map[string]string{}
	for name, labels := range pods {
		if labels[labelInitialized] == "" {
			said[name] = "unknown"
			continue
		}
		said[name] = words(labels[labelInitialized] == "true", labels[labelSealed] == "true")
	}
	for _, state := range said {
		if state != "unknown" {
			return said, nil
		}
	}
	if len(pods) == 0 {
		return said, nil
	}
	// Without the labels one of them is asked, by the address that the chart gives them all.
	service := helm.Fullname(at.Release, "vault")
	answer, err := at.Ask(ctx, scheme(o), service, "8200", "/v1/sys/seal-status")
	if err != nil {
		return said, nil // not running, or no way there: that is what "unknown" says
	}
	var status struct{ Initialized, Sealed bool }
	if err := json.Unmarshal(answer, &status); err != nil {
		return nil, fmt.Errorf("seal status of %s: %w", service, err)
	}
	return map[string]string{service: words(status.Initialized, status.Sealed)}, nil
}

func words(initialized, sealed bool) string {
	switch {
	case !initialized:
		return "not initialised"
	case sealed:
		return "initialised, sealed"
	}
	return "initialised, unsealed"
}

// scheme is how the servers are to be spoken to, by the value of the chart that decides it.
func scheme(o helm.Options) string {
	values, err := o.Merged()
	if err != nil {
		return "http"
	}
	global, _ := values["global"].(map[string]any)
	if tls, ok := global["tlsDisable"].(bool); ok && !tls {
		return "https"
	}
	return "http"
}
