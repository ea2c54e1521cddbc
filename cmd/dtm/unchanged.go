package main

import (
	"bytes"
	"encoding/json"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/devstream-io/dtm/compat"
	"github.com/devstream-io/dtm/schema"
)

// DevStream recorded less than dtm does, and some of it in other words. Where the configuration says the same as what was
// recorded, the record is made to say it in the configuration's words: what is unchanged must not look like a change.

// neededBy is what a tool of an old state waits for. Before 0.4 DevStream recorded no dependencies, and later not those that
// only a reference makes: then they are those of the configuration. Where dependsOn was changed since, the record counts.
func neededBy(old compat.StateTool, want *schema.Tool) []schema.ID {
	if want == nil || len(old.DependsOn) > 0 && !sameTools(old.DependsOn, want.DependsOn) {
		return old.DependsOn
	}
	return want.Needs()
}

func sameTools(a, b []schema.ID) bool {
	a, b = slices.Sorted(slices.Values(a)), slices.Sorted(slices.Values(b))
	return slices.Equal(slices.Compact(a), slices.Compact(b))
}

// inWordsOf is recorded with the numbers that are equal in wanted written as they are there: DevStream recorded 1.0 as 1, and
// took that for a change ever after. So it is with dates without quotes. Nulls that are not in wanted go: DevStream took an
// option without a value as none, which may not be written here. In a tool that had other names the options of the plugin that
// name variables come from wanted: DevStream had the secret itself there.
func inWordsOf(wanted, recorded json.RawMessage, variables func(path []string) bool) (json.RawMessage, error) {
	want, err := numbered(wanted)
	if err != nil {
		return nil, err
	}
	have, err := numbered(recorded)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	err = enc.Encode(alike(want, have, nil, variables))
	return bytes.TrimSpace(b.Bytes()), err
}

// numbered decodes JSON and leaves its numbers as they were written.
func numbered(data json.RawMessage) (v any, err error) {
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.UseNumber()
	err = dec.Decode(&v)
	return v, err
}

func alike(want, have any, path []string, variables func(path []string) bool) any {
	switch have := have.(type) {
	case map[string]any:
		want, _ := want.(map[string]any)
		for name, v := range have {
			_, wanted := want[name]
			if v == nil && (!wanted || want[name] != nil) {
				delete(have, name)
				continue
			}
			have[name] = alike(want[name], v, append(path[:len(path):len(path)], name), variables)
		}
		for name, v := range want {
			if _, there := have[name]; !there && variables(append(path[:len(path):len(path)], name)) {
				have[name] = v
			}
		}
	case []any:
		if want, ok := want.([]any); ok {
			for i := range min(len(have), len(want)) {
				have[i] = alike(want[i], have[i], append(path[:len(path):len(path)], strconv.Itoa(i)), variables)
			}
		}
	case string:
		if want, ok := want.(string); ok && compat.SameTime(want, have) {
			return want
		}
	case json.Number:
		if want, ok := want.(json.Number); ok && equal(want, have) {
			return want
		}
	}
	return have
}

// equal tells whether two numbers are the same. It is false for those that a float64 cannot tell from their neighbours.
func equal(a, b json.Number) bool {
	if !strings.ContainsAny(string(a+b), ".eE") {
		return a == b
	}
	const exact = 1 << 53
	x, errX := strconv.ParseFloat(string(a), 64)
	y, errY := strconv.ParseFloat(string(b), 64)
	return errX == nil && errY == nil && x == y && math.Abs(x) < exact
}
