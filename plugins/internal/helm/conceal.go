package helm

import (
	"context"
	"fmt"
	"regexp"

	"sigs.k8s.io/yaml"

	"github.com/devstream-io/dtm/plugins"
)

// secretNames are the names of values that charts use for what nobody is to see.
var secretNames = regexp.MustCompile(`(?i)pass(word|wd|phrase)?$|secret|token|credential|(private|api|encryption|access)_?-?key`)

// conceal tells the engine of the secrets in values_yaml: errors of templates and of YAML quote what they stumble over.
// The text as a whole is a secret of its option; what is inside it only this package knows.
func (o Options) conceal(ctx context.Context) {
	var text map[string]any
	if yaml.Unmarshal([]byte(o.Chart.ValuesYAML), &text) == nil {
		concealBelow(ctx, text, false)
	}
}

func concealBelow(ctx context.Context, value any, secret bool) {
	switch v := value.(type) {
	case map[string]any:
		for name, inner := range v {
			concealBelow(ctx, inner, secret || secretNames.MatchString(name))
		}
	case []any:
		for _, inner := range v {
			concealBelow(ctx, inner, secret)
		}
	case nil, bool:
	default:
		if secret {
			plugins.Conceal(ctx, fmt.Sprint(v))
		}
	}
}
