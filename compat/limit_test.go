package compat

import (
	"fmt"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/devstream-io/dtm/schema"
)

func TestAliasBombsAreRefused(t *testing.T) {
	var laughs strings.Builder
	laughs.WriteString("a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n")
	for i := 1; i < 30; i++ {
		fmt.Fprintf(&laughs, "a%d: &a%d [%s]\n", i, i, strings.TrimSuffix(strings.Repeat(fmt.Sprintf("*a%d,", i-1), 10), ","))
	}
	var chain strings.Builder
	chain.WriteString("a0: &a0 [x]\n")
	for i := 1; i < 200; i++ {
		fmt.Fprintf(&chain, "a%d: &a%d [*a%d]\n", i, i, i-1)
	}
	long := "a0: &a0 " + strings.Repeat("x", 1<<20) + "\nb: [" + strings.Repeat("*a0,", 100) + "]\n"
	merges := "a0: &a0\n  ? " + strings.Repeat("x", 1<<20) + "\n  : 1\nb: [" + strings.Repeat("{<<: *a0},", 100) + "]\n"
	const tools = "---\ntools: []\n"
	tests := []struct{ name, yaml, want string }{
		{"laughs", laughs.String() + tools, "aliases, variables and templates make this document more than"},
		{"chain", chain.String() + tools, "lists and maps stand more than 100 deep in one another"},
		{"long string", long + tools, "aliases, variables and templates make this document more than"},
		{"long key", merges + tools, "aliases, variables and templates make this document more than"},
		{"long variable", "v: " + strings.Repeat("x", 1<<20) + "\n---\ntools:\n- name: a\n  instanceID: b\n  options: {a: [" + strings.Repeat("[[v]],", 100) + "]}\n",
			"aliases, variables and templates make this document more than"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, err := read(test.yaml)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %.300v, want %s", err, test.want)
			}
		})
	}
}

func TestManyAliasesOfOneMapAreRead(t *testing.T) {
	var b strings.Builder
	b.WriteString("tools:\n- &base\n  name: localfile\n  instanceID: base\n  options: &o {a: 1, b: 2, c: 3, d: 4, e: 5, f: 6, g: 7, h: 8}\n")
	for i := range 10000 {
		fmt.Fprintf(&b, "- <<: *base\n  instanceID: i%d\n  options:\n    <<: *o\n    a: %d\n", i, i)
	}
	src, err := read(b.String())
	if err != nil {
		t.Fatal(err)
	}
	if len(src.Tools) != 10001 || len(src.Tools[10000].Options.Fields) != 8 {
		t.Errorf("got %d tools, the last one with %v", len(src.Tools), src.Tools[len(src.Tools)-1])
	}
}

func TestTimeGrowsWithTheSizeOnly(t *testing.T) {
	if testing.Short() {
		t.Skip("half a megabyte each, a dozen times")
	}
	fill := func(s string) string { return strings.Repeat(s, 512<<10/len(s)) }
	for name, yaml := range map[string]string{
		"comments":  fill("# a comment [[ x ]]\n") + "tools: []\n",
		"keys":      keys(100000),
		"merge":     "a: &a\n  " + strings.ReplaceAll(keys(50000), "\n", "\n  ") + "\nb: {<<: *a}\n",
		"open":      "tools: " + fill("["),
		"dashes":    "tools:\n" + fill("- "),
		"quote":     "tools: \"" + fill("abc "),
		"marks":     "a: 1\n---\ntools: [" + fill("[[a]], ") + "]\n",
		"unclosed":  "a: 1\n---\ntools: \"" + fill("[[ ") + "\"\n",
		"colons":    "tools: " + fill("a: "),
		"anchors":   "tools: [" + fill("&a a, *a, ") + "]\n",
		"documents": fill("---\na: b\n"),
		"lists":     "tools: [" + fill("[1,2], ") + "]\n",
		"missing":   "a: 1\n---\ntools: [" + fill("[[ab]], ") + "]\n",
	} {
		t.Run(name, func(t *testing.T) {
			// What others do on the machine does not count.
			before := cpu(t)
			_, err := read(yaml)
			if took := cpu(t) - before; took > 10*time.Second {
				t.Errorf("took %v, so the time is not in proportion to the size; the error is %.200v", took, err)
			}
		})
	}
}

// cpu is how long this process has computed so far.
func cpu(t *testing.T) time.Duration {
	t.Helper()
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		t.Fatal(err)
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}

func keys(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "key%d: 1\n", i)
	}
	return b.String()
}

func TestSharedValuesAreTheSameInEveryPlace(t *testing.T) {
	src, err := read("tools:\n- name: a\n  instanceID: b\n  options: {x: &x {y: [1, 2]}, z: *x}\n")
	if err != nil {
		t.Fatal(err)
	}
	fields := src.Tools[0].Options.Fields
	if diff := cmp.Diff(fields[0].Value.Fields, fields[1].Value.Fields); diff != "" {
		t.Error(diff)
	}
	want := schema.Pos{File: "config.yaml", Line: 4, Column: 35}
	if fields[1].Value.Pos != want {
		t.Errorf("the alias is at %v, want %v", fields[1].Value.Pos, want)
	}
}
