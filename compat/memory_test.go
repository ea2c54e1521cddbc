package compat

import (
	"fmt"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"strings"
	"testing"
	"time"
)

// freeMemory is what small texts may take, however many times their size it is.
const freeMemory = 16 << 20

// What is read takes at most a hundred times its size in memory, whatever stands in it, and all that is needed meanwhile
// included.
func TestReadingTakesMemoryByTheSizeOfTheText(t *testing.T) {
	const size = 512 << 10
	fill := func(s string) string { return strings.Repeat(s, size/len(s)) }
	options := func(s string) string {
		return "v: x\n---\ntools:\n- name: localfile\n  instanceID: a\n  options: {x: " + s + "}\n"
	}
	var laughs, merged, templates strings.Builder
	laughs.WriteString("a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n")
	for i := 1; i < 30; i++ {
		fmt.Fprintf(&laughs, "a%d: &a%d [%s]\n", i, i, strings.TrimSuffix(strings.Repeat(fmt.Sprintf("*a%d,", i-1), 10), ","))
	}
	merged.WriteString("a: &a\n")
	for i := range 1000 {
		fmt.Fprintf(&merged, "  k%d:\n", i)
	}
	merged.WriteString("b:\n" + strings.Repeat("- {<<: *a}\n", 2000))
	templates.WriteString("config: {}\npipelineTemplates:\n- name: t\n  type: github-actions\n  options: {language: {name: go}, x: [" + strings.Repeat("abc,", 20000) + "]}\napps:\n")
	for i := range 500 {
		fmt.Fprintf(&templates, "- {name: a%d, spec: {language: go, framework: gin}, repo: {owner: a}, ci: [{type: template, templateName: t}]}\n", i)
	}
	for name, text := range map[string]string{
		"tools": string(manyTools(3000)), "a text": options("|\n" + fill("     hello world\n")), "comments": "tools: []\n" + fill("# [[ a ]]\n"),
		"items of one letter": options("[" + fill("a,") + "]"), "items of three": options("[" + fill("abc,") + "]"),
		"lists": options("[" + fill("[],") + "]"), "maps": options("[" + fill("{},") + "]"), "longer maps": options("[" + fill("{ab: ab},") + "]"),
		"keys": options("{" + keys(30000) + "}"), "lines": "tools:\n" + fill("- a\n"), "lines of maps": "tools:\n" + fill("- abc: abc\n"),
		"dashes": "tools:\n" + fill("- - - - - - - - - - a\n"), "questions": "tools: {" + fill("?,") + "}\n", "quotes": options("[" + fill("'',") + "]"),
		"variables": options("[" + fill("[[v]], ") + "]"), "variables in texts": options("[" + fill("x[[v]]y, ") + "]"), "variables in one text": options("\"" + fill("[[v]] ") + "\""),
		"open variables": options("\"" + fill("[[ ") + "\""), "missing variables": options("[" + fill("[[w]], ") + "]"),
		"anchors": options("[" + fill("&a a, *a, ") + "]"), "many anchors": options("[" + anchors(30000) + "]"), "sections": fill("---\na: b\n"),
		"deep": options(fill("[")), "deep and closed": options(strings.Repeat("[", 90) + strings.Repeat("]", 90)),
		"laughs": laughs.String() + "---\ntools: []\n", "merges": merged.String() + "---\ntools: []\n",
		"long values":      "v: " + strings.Repeat("x", 1<<16) + "\n---\ntools:\n- name: a\n  instanceID: b\n  options: {a: [" + strings.Repeat("x[[v]],", 10000) + "]}\n",
		"used templates":   templates.String(),
		"vars in vars":     laughingVars(),
		"references":       options("[" + fill("'${{ a.b.outputs.c }}', ") + "]"),
		"duplicate tools":  "tools:\n" + fill("- {name: a, instanceID: b}\n"),
		"tools of one key": "tools:\n" + fill("- {nam: abc}\n"),
	} {
		t.Run(name, func(t *testing.T) {
			peak := heapOf(func() {
				src, err := read(text)
				runtime.KeepAlive(src)
				runtime.KeepAlive(err)
			})
			t.Logf("%d bytes take %.1f times as much memory", len(text), float64(peak)/float64(len(text)))
			if peak > freeMemory+100*uint64(len(text)) {
				t.Errorf("%d bytes take %d bytes of memory", len(text), peak)
			}
		})
	}
}

// heapOf is how much more the heap has at the most while do runs. Garbage is collected early, so that it hardly counts.
func heapOf(do func()) uint64 {
	defer debug.SetGCPercent(debug.SetGCPercent(5))
	runtime.GC()
	heap := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
	now := func() uint64 {
		metrics.Read(heap)
		return heap[0].Value.Uint64()
	}
	before := now()
	peak := before
	done := make(chan struct{})
	go func() {
		defer close(done)
		do()
	}()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-done:
			return max(peak, now()) - before
		case <-tick.C:
			peak = max(peak, now())
		}
	}
}

func anchors(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "&a%d x, *a%d, ", i, i)
	}
	return b.String()
}

func laughingVars() string {
	var vars strings.Builder
	vars.WriteString("config: {}\ntools: []\nvars:\n  a0: xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\n")
	for i := range 40 {
		fmt.Fprintf(&vars, "  a%d: \"[[ a%d ]][[ a%d ]]\"\n", i+1, i, i)
	}
	return vars.String()
}
