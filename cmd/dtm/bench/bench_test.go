package main

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

// TestMain is the baseline's process when it is called as one, as the program itself is.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == baselineWord {
		if err := runBaseline(os.Args[2:]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// Everything runs, with so few tools that nothing of what it measures means anything.
func TestBenchPrintsATable(t *testing.T) {
	var out, log strings.Builder
	err := run(t.Context(), []string{"-small", "3", "-large", "12", "-rounds", "1", "-dir", t.TempDir()}, &out, &log)
	if err != nil {
		t.Fatalf("%v\n%s", err, log.String())
	}
	for _, want := range []string{
		"| what | measured | baseline | ratio | limit | |\n|---|",
		"| `dtm version` | ",
		"| graph of 12 nodes and ",
		"| `apply` of 12 new tools, flat | ",
		"| `apply` of 3 new tools, chain | ",
		"| no-op `plan` of 12 tools in CUE, CPU | ",
		"| `state list` of 12 tools | ",
		"| `apply` of 12 new tools, encrypted, against in clear | ",
		"| apply of 3 tools that take no time, 10 at a time, in a bucket with 20 ms of latency | ",
		"| makespan of 12 tools of 100 ms, random, 10 at a time, store in bbolt: worst of 1 graphs | ",
		"| random, 3 → 12: no-op `plan`, peak memory | ",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in\n%s", want, out.String())
		}
	}
}

func TestWrongArgumentsAreRefused(t *testing.T) {
	for _, args := range [][]string{{"-only", "("}, {"-rounds", "0"}, {"-what"}} {
		if err := run(t.Context(), args, &strings.Builder{}, &strings.Builder{}); err == nil {
			t.Errorf("%v was taken", args)
		}
	}
}

func TestShapesHaveTheEdgesThatTheirNamesSay(t *testing.T) {
	for s, want := range map[shape]int{flat: 0, chain: 99, layered: 900, random: 0 + 1 + 2 + 97*3} {
		edges := 0
		for i, of := range s.needs(100) {
			edges += len(of)
			seen := map[int]bool{}
			for _, need := range of {
				if need < 0 || need >= i || seen[need] {
					t.Errorf("%s: %d needs %d", s, i, of)
				}
				seen[need] = true
			}
		}
		if edges != want {
			t.Errorf("%s has %d edges, not %d", s, edges, want)
		}
	}
}
