package workflow

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/devstream-io/dtm/schema"
)

// A choice is an option, or some that belong together, with the ways in which it may be written, each as an object of options.
type choice []string

// pairs are wishes such that any two ways of two choices are in one of them. They are the same each time.
func pairs(choices []choice) []map[string]any {
	type pair struct{ a, i, b, j int }
	open := map[pair]bool{}
	for b := range choices {
		for a := range b {
			for i := range choices[a] {
				for j := range choices[b] {
					open[pair{a, i, b, j}] = true
				}
			}
		}
	}
	first := func() pair {
		return slices.MinFunc(slices.Collect(maps.Keys(open)), func(p, q pair) int {
			return slices.Compare([]int{p.a, p.b, p.i, p.j}, []int{q.a, q.b, q.i, q.j})
		})
	}
	var all []map[string]any
	for len(open) > 0 {
		way := make([]int, len(choices))
		for k := range way {
			way[k] = -1
		}
		p := first()
		way[p.a], way[p.b] = p.i, p.j
		// settles counts what is new with a way of a choice, beside those that are taken.
		settles := func(k, i int) (n int) {
			for other, j := range way {
				switch {
				case j < 0 || other == k:
				case other < k && open[pair{other, j, k, i}], other > k && open[pair{k, i, other, j}]:
					n++
				}
			}
			return n
		}
		for k := range choices {
			if way[k] >= 0 {
				continue
			}
			best := 0
			for i := range choices[k] {
				if settles(k, i) > settles(k, best) {
					best = i
				}
			}
			way[k] = best
		}
		wish := map[string]any{}
		for b, j := range way {
			for a, i := range way[:b] {
				delete(open, pair{a, i, b, j})
			}
			var options map[string]any
			if err := json.Unmarshal([]byte(choices[b][j]), &options); err != nil {
				panic(err)
			}
			merge(wish, options)
		}
		all = append(all, wish)
	}
	return all
}

func merge(under, over map[string]any) {
	for k, v := range over {
		if m, ok := v.(map[string]any); ok {
			below, ok := under[k].(map[string]any)
			if !ok {
				below = map[string]any{}
				under[k] = below
			}
			merge(below, m)
			continue
		}
		under[k] = v
	}
}

func TestEveryPairOfWaysIsInOneWish(t *testing.T) {
	choices := []choice{{`{"a":1}`, `{"a":2}`, `{"a":3}`}, {`{}`, `{"b":{"x":1}}`}, {`{"b":{"y":1}}`, `{}`}, {`{"c":1}`, `{"c":2}`, `{"c":3}`}}
	seen := map[string]bool{}
	for _, wish := range pairs(choices) {
		b, _ := wish["b"].(map[string]any)
		ways := []string{fmt.Sprint("a", wish["a"]), fmt.Sprint("x", b["x"]), fmt.Sprint("y", b["y"]), fmt.Sprint("c", wish["c"])}
		for i := range ways {
			for j := range i {
				seen[ways[j]+ways[i]] = true
			}
		}
	}
	if len(seen) != 3*2+3*2+3*3+2*2+2*3+2*3 {
		t.Errorf("%d pairs: %q", len(seen), slices.Sorted(maps.Keys(seen)))
	}
}

// wishes are pairs of choices as complete options. Each of the schema's options has more than one value in them.
func wishes(t *testing.T, l *schema.Loader, plugin string, choices []choice) []json.RawMessage {
	t.Helper()
	values := map[string]map[string]bool{}
	var note func(path string, fields []schema.FieldDefinition, in map[string]any)
	note = func(path string, fields []schema.FieldDefinition, in map[string]any) {
		for _, f := range fields {
			below, _ := in[f.Name].(map[string]any)
			if len(f.Fields) > 0 && f.Fields[0].Name != "*" && f.Fields[0].Name != "[]" {
				note(path+f.Name+".", f.Fields, below)
				continue
			}
			if values[path+f.Name] == nil {
				values[path+f.Name] = map[string]bool{}
			}
			values[path+f.Name][fmt.Sprint(in[f.Name])] = true
		}
	}
	var all []json.RawMessage
	for _, wish := range pairs(choices) {
		options, err := json.Marshal(wish)
		if err != nil {
			t.Fatal(err)
		}
		data := complete(t, l, plugin, string(options))
		note("", l.Definition(plugin).Options, decode[map[string]any](t, data))
		all = append(all, data)
	}
	var same []string
	for option, seen := range values {
		if len(seen) < 2 {
			same = append(same, option)
		}
	}
	slices.Sort(same)
	if len(same) > 0 {
		t.Errorf("%s: always the same are %s", plugin, strings.Join(same, ", "))
	}
	return all
}
