package main

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"

	"github.com/devstream-io/dtm/graph"
)

// shape says how the tools of a toolchain depend on one another.
type shape string

// The shapes.
const (
	// flat tools depend on nothing.
	flat shape = "flat"
	// chain is one behind the other.
	chain shape = "chain"
	// layered is layers of ten, each tool waiting for all ten before.
	layered shape = "layered"
	// random is up to three needs a tool among all that come before, about 30,000 edges for 10,000 tools.
	random shape = "random"
)

const layer = 10

// needs are the tools that each of n tools depends on, by number. They are the same each time.
func (s shape) needs(n int) [][]int {
	needs := make([][]int, n)
	r := rand.New(rand.NewPCG(1, uint64(n)))
	for i := range needs {
		switch s {
		case flat:
		case chain:
			if i > 0 {
				needs[i] = []int{i - 1}
			}
		case layered:
			for at := max(0, i/layer-1) * layer; at < i/layer*layer; at++ {
				needs[i] = append(needs[i], at)
			}
		case random:
			needs[i] = pick(r, i, i)
		}
	}
	return needs
}

// pick takes three different numbers, or fewer where there are not so many, of the last among before i.
func pick(r *rand.Rand, i, among int) []int {
	among = min(i, among)
	var picked []int
	for _, p := range r.Perm(min(among, 3)) {
		// Each from a third of its own, so that no two are the same.
		from, to := among*p/min(among, 3), among*(p+1)/min(among, 3)
		picked = append(picked, i-among+from+r.IntN(to-from))
	}
	return picked
}

// nodes are the needs as a graph has them.
func nodes(needs [][]int) []graph.Node {
	nodes := make([]graph.Node, len(needs))
	for i, of := range needs {
		nodes[i].ID = id(i)
		for _, need := range of {
			nodes[i].Needs = append(nodes[i].Needs, id(need))
		}
	}
	return nodes
}

func instance(i int) string { return fmt.Sprintf("t%05d", i) }
func id(i int) string       { return "localfile." + instance(i) }

// filename and content are what tool i writes: a small file, as configurations hold them.
func filename(i int) string { return "out/" + instance(i) + ".txt" }
func content(i int) string  { return fmt.Sprintf("tool %d\n", i) }

// The names of the two forms of one toolchain, and of its journal.
const (
	yamlFile  = "config.yaml"
	cueFile   = "main.cue"
	stateFile = "devstream.db"
)

// writeToolchain makes a folder with a toolchain in both forms. Both mean the same and have one journal.
func writeToolchain(dir string, needs [][]int) error {
	if err := os.MkdirAll(filepath.Join(dir, "out"), 0o755); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(dir, yamlFile), []byte(inYAML(needs)), 0o644); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, cueFile), []byte(inCUE(needs)), 0o644)
}

// inYAML is DevStream's form of one file.
func inYAML(needs [][]int) string {
	var b strings.Builder
	b.WriteString("state:\n  backend: local\n  options:\n    stateFile: " + stateFile + "\n---\ntools:\n")
	for i, of := range needs {
		fmt.Fprintf(&b, "- name: localfile\n  instanceID: %s\n", instance(i))
		if len(of) > 0 {
			fmt.Fprintf(&b, "  dependsOn: [%s]\n", list(of, "%s"))
		}
		fmt.Fprintf(&b, "  options:\n    filename: %s\n    content: |\n      %s", filename(i), content(i))
	}
	return b.String()
}

// inCUE writes a line for each tool, as people do who have one file for each.
func inCUE(needs [][]int) string {
	var b strings.Builder
	b.WriteString("package toolchain\n\nimport \"devstream.io/dtm/schema\"\n\nschema.#Toolchain\n\n")
	for i, of := range needs {
		fmt.Fprintf(&b, "tools: localfile: %s: {", instance(i))
		if len(of) > 0 {
			fmt.Fprintf(&b, "dependsOn: [%s], ", list(of, "%q"))
		}
		fmt.Fprintf(&b, "options: {filename: %q, content: %q}}\n", filename(i), content(i))
	}
	return b.String()
}

func list(of []int, format string) string {
	ids := make([]string, len(of))
	for i, need := range of {
		ids[i] = fmt.Sprintf(format, id(need))
	}
	return strings.Join(ids, ", ")
}
