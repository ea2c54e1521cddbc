package helm

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"regexp"

	"sigs.k8s.io/yaml"

	"github.com/devstream-io/dtm/plugins"
)

// values are what some options give a chart: values_yaml with values over it, read as Helm reads a file of -f. Each call
// makes them anew, because Helm changes what it is given.
func (o Options) values() (map[string]any, error) {
	var text map[string]any
	if err := yaml.Unmarshal([]byte(o.Chart.ValuesYAML), &text); err != nil {
		// The parser's error may quote a line, and there may be a password in it.
		return nil, plugins.Hinted(
			errors.New("chart.values_yaml is not a YAML mapping"),
			"`dtm validate` does not look into it; is every line indented as it should be?"+lineOf(err))
	}
	if text == nil {
		text = map[string]any{}
	}
	var over map[string]any
	if len(o.Chart.Values) > 0 {
		if err := json.Unmarshal(o.Chart.Values, &over); err != nil {
			return nil, fmt.Errorf("chart.values: %w", err)
		}
	}
	return merged(text, over), nil
}

// merged is over laid upon under, as Helm does it with several files of -f: tables are merged, and what is null stays,
// because it takes away what the chart itself says. Helm's own function for it is not exported, and the one that is logs
// values.
func merged(under, over map[string]any) map[string]any {
	all := maps.Clone(under)
	for key, value := range over {
		table, ok := value.(map[string]any)
		if below, both := all[key].(map[string]any); ok && both {
			value = merged(below, table)
		}
		all[key] = value
	}
	return all
}

// lineOf is the line that an error of the YAML parser names.
func lineOf(err error) string {
	if m := regexp.MustCompile(`line \d+`).FindString(err.Error()); m != "" {
		return " Look at its " + m + "."
	}
	return ""
}

// mark is what an operation leaves in the description of its revision: which chart it was to the byte, and a key for the
// hash of its values. The key stays in the cluster, beside the values themselves: whoever has only dtm's journal cannot
// try passwords on the hash.
type mark struct{ digest, key string }

func newMark(digest string) mark {
	var key [16]byte
	_, _ = rand.Read(key[:]) // never fails: crypto/rand ends the program instead
	return mark{digest: digest, key: hex.EncodeToString(key[:])}
}

func (m mark) String() string { return fmt.Sprintf("by dtm, chart %s, key %s", m.digest, m.key) }

var markForm = regexp.MustCompile(`^by dtm, chart (sha256:[0-9a-f]{64}), key ([0-9a-f]{32})$`)

// markOf reads a description; ok is false for one that something else than dtm has written.
func markOf(description string) (m mark, ok bool) {
	found := markForm.FindStringSubmatch(description)
	if found == nil {
		return mark{}, false
	}
	return mark{digest: found[1], key: found[2]}, true
}

// hash is that of the values that a release was given.
func (m mark) hash(values map[string]any) string {
	h := hmac.New(sha256.New, []byte(m.key))
	h.Write(canonical(values))
	return hex.EncodeToString(h.Sum(nil))
}

// canonical is the same text for the same values.
func canonical(values map[string]any) []byte {
	if len(values) == 0 {
		return []byte("{}")
	}
	// What was read from JSON or YAML can be written as JSON.
	text, _ := json.Marshal(values)
	return text
}
