package compat

import (
	"errors"
	"fmt"
	"runtime"
	"runtime/debug"
	"strings"
	"testing"

	"github.com/devstream-io/dtm/schema"
)

// A state of DevStream has no aliases. With them a small file could become a large state.
func TestAStateWithManyAliasesIsRefused(t *testing.T) {
	var laughs strings.Builder
	laughs.WriteString("x_a: {name: x, instanceid: a, options: {a0: &a0 [x,x,x,x,x,x,x,x,x,x]")
	for i := 1; i < 4; i++ {
		fmt.Fprintf(&laughs, ", a%d: &a%d [%s]", i, i, strings.TrimSuffix(strings.Repeat(fmt.Sprintf("*a%d,", i-1), 10), ","))
	}
	laughs.WriteString("}}\n")
	_, err := ReadState("old", []byte(laughs.String()), nil)
	if errs, ok := errors.AsType[schema.Errors](err); !ok || len(errs) != 1 || errs[0].Pos.Line != 1 || !strings.HasPrefix(errs[0].Msg, "aliases make this state many times longer") {
		t.Errorf("got %v", err)
	}
	if tools, err := ReadState("old", []byte("x_a: {name: x, instanceid: a, options: {a: &a [1], b: *a}}\n"), nil); err != nil || string(tools[0].Options) != `{"a":[1],"b":[1]}` {
		t.Errorf("got %v %v for one alias", tools, err)
	}
}

// What is taken over of a state takes at most 100 times its size in memory, all that is needed meanwhile included.
func TestReadingAStateTakesMemoryByItsSize(t *testing.T) {
	entry := func(i int, content string) string {
		return fmt.Sprintf("localfile_a%d:\n  name: localfile\n  instanceid: a%[1]d\n  dependson: []\n  options:\n    content: %s\n    filename: a%[1]d.txt\n  resource:\n    content: %[2]s\n    filename: a%[1]d.txt\n", i, content)
	}
	var many, long strings.Builder
	for i := range 4000 {
		many.WriteString(entry(i, "x"))
	}
	long.WriteString(entry(1, `"`+strings.Repeat("${{ x }} ", 40000)+`"`))
	for name, text := range map[string]string{
		"many tools": many.String(), "a long text": long.String(),
		"a list":          "x_a: {name: x, instanceid: a, options: {l: [" + strings.Repeat("1,", 200000) + "]}}\n",
		"what refers":     "x_a: {name: x, instanceid: a, options: {l: [" + strings.Repeat("'${{',", 60000) + "]}}\n",
		"a renamed tool":  "helm-installer_argocd: {name: helm-installer, instanceID: argocd, options: {chart: {values: {l: [" + strings.Repeat("1,", 200000) + "]}}}}\n",
		"wrong entries":   strings.Repeat("a: 1\n", 60000),
		"a nested bomb":   "x: " + strings.Repeat("[", 200000),
		"many documents":  strings.Repeat("---\n", 100000),
		"many characters": strings.Repeat("\x01", 400000),
	} {
		if peak := peakOf(func() {
			tools, err := ReadState("old", []byte(text), nil)
			runtime.KeepAlive(tools)
			runtime.KeepAlive(err)
		}); peak > 100*uint64(len(text)) {
			t.Errorf("%s: %d bytes take %d bytes of memory", name, len(text), peak)
		}
	}
}

// peakOf is how much more the heap has at the most while do runs. Garbage is collected early, so that it hardly counts.
func peakOf(do func()) uint64 {
	defer debug.SetGCPercent(debug.SetGCPercent(5))
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	before, peak := m.HeapAlloc, m.HeapAlloc
	done := make(chan struct{})
	go func() {
		defer close(done)
		do()
	}()
	for {
		runtime.ReadMemStats(&m)
		peak = max(peak, m.HeapAlloc)
		select {
		case <-done:
			return peak - before
		default:
			runtime.Gosched()
		}
	}
}
