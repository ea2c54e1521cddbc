package graph

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// parse reads "a:b,c;b:;c" as three nodes, of which a needs b and c.
func parse(text string) []Node {
	var nodes []Node
	for part := range strings.SplitSeq(text, ";") {
		id, needs, _ := strings.Cut(part, ":")
		n := Node{ID: strings.TrimSpace(id)}
		for need := range strings.SplitSeq(needs, ",") {
			if need = strings.TrimSpace(need); need != "" {
				n.Needs = append(n.Needs, need)
			}
		}
		nodes = append(nodes, n)
	}
	return nodes
}

func mustNew(t testing.TB, nodes []Node) *Graph {
	t.Helper()
	g, err := New(nodes)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

func TestNewOrdersTheNodesOrNamesEveryMistake(t *testing.T) {
	for _, test := range []struct{ name, in, want string }{
		{"one", "a", "a"},
		{"without edges the input stays as it is", "c;a;b", "c a b"},
		{"what is in order stays as it is", "z;y:z;x;w:x,y", "z y x w"},
		{"dependencies first", "a:b;b:c;c", "c b a"},
		{"a free node goes before later ones, not before earlier ones", "d:a;b;c;a", "b c a d"},
		{"a node takes its place in the input as soon as it is free", "b:c;a;c;d", "a c b d"},
		{"diamond", "d:b,c;b:a;c:a;a", "a b c d"},
		{"repeated needs", "a:b,b,b;b", "b a"},

		{"missing", "a.x:b.y", "tool a.x depends on b.y, which does not exist"},
		{"missing, written twice, said once", "a:b,b", "tool a depends on b, which does not exist"},
		{"itself", "a.x:a.x", "tool a.x depends on itself"},
		{"itself, written twice, said once", "a:a,a", "tool a depends on itself"},
		{"two", "b.y:a.x;a.x:b.y", "dependency cycle: a.x -> b.y -> a.x"},
		{"the direction is needs", "a:b;b:c;c:a", "dependency cycle: a -> b -> c -> a"},
		{"nodes beside the cycle are not in it", "a:b;b:c;c:b;d:a;e", "dependency cycle: b -> c -> b"},
		{"the shortest through the smallest", "a:b;b:c;c:d;d:a,b,c;x:a", "dependency cycle: a -> b -> c -> d -> a"},
		{"the shortest of several", "a:b,d;b:c;c:a;d:a", "dependency cycle: a -> d -> a"},
		{"of equally short ones the first that is written", "a:c,b;b:a;c:a", "dependency cycle: a -> c -> a"},
		{"a cycle is not hidden by a shorter one", "a:a,b;b:a", "dependency cycle: a -> b -> a\ntool a depends on itself"},
		{"each cycle once, by first ID", "y:z;z:y;b:a;a:b;c:c", "dependency cycle: a -> b -> a\ntool c depends on itself\ndependency cycle: y -> z -> y"},
		{"two cycles that meet are one", "a:b;b:a,c;c:b", "dependency cycle: a -> b -> a"},
		{"twice", "a;a;b", "tool a is defined more than once"},
		{"three times, said once", "a;a;a", "tool a is defined more than once"},
		{"all at once", "c:c;a:b,x;b:a;a:y;y:z", "tool a is defined more than once\n" +
			"tool a depends on x, which does not exist\n" +
			"tool y depends on z, which does not exist\n" +
			"dependency cycle: a -> b -> a\n" +
			"tool c depends on itself"},
	} {
		t.Run(test.name, func(t *testing.T) {
			g, err := New(parse(test.in))
			var got string
			if err != nil {
				if g != nil {
					t.Error("a graph beside an error")
				}
				got = err.Error()
			} else {
				got = strings.Join(g.Order(), " ")
			}
			if got != test.want {
				t.Errorf("New(%q)\n got %s\nwant %s", test.in, got, test.want)
			}
		})
	}
}

func TestMistakesCanBeTakenApart(t *testing.T) {
	_, err := New(parse("a:b;b:a;b;c:d"))
	var duplicate *DuplicateError
	var missing *MissingError
	var cycle *CycleError
	if !errors.As(err, &duplicate) || !errors.As(err, &missing) || !errors.As(err, &cycle) {
		t.Fatalf("not all kinds in: %v", err)
	}
	if diff := cmp.Diff(&DuplicateError{ID: "b"}, duplicate); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(&MissingError{Node: "c", Needs: "d"}, missing); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(&CycleError{Path: []string{"a", "b", "a"}}, cycle); diff != "" {
		t.Error(diff)
	}
}

// text prints the graph, one node a line: what it needs on the left, what
// needs it on the right.
func text(g *Graph) string {
	var out strings.Builder
	for _, id := range g.Nodes() {
		fmt.Fprintf(&out, "%s > %s > %s\n", strings.Join(g.Needs(id), ","), id, strings.Join(g.Dependents(id), ","))
	}
	return out.String()
}

func TestTheGraphRemembersItsNodesAndEdges(t *testing.T) {
	g := mustNew(t, parse("d:c,b;b:a,a;c:a;a"))
	want := `c,b > d > 
a > b > d
a > c > d
 > a > b,c
`
	if diff := cmp.Diff(want, text(g)); diff != "" {
		t.Error(diff)
	}
	if g.Len() != 4 || g.Edges() != 4 {
		t.Errorf("%d nodes and %d edges, want 4 and 4", g.Len(), g.Edges())
	}
	if needs, dependents := g.Needs("x"), g.Dependents("x"); len(needs)+len(dependents) > 0 {
		t.Errorf("an unknown node needs %v and is needed by %v", needs, dependents)
	}
}

func TestTheGraphCannotBeChangedFromOutside(t *testing.T) {
	nodes := parse("b:a;a")
	g := mustNew(t, nodes)
	nodes[0].ID, nodes[0].Needs[0] = "x", "x"
	g.Order()[0], g.Nodes()[0], g.Needs("b")[0], g.Dependents("a")[0] = "x", "x", "x", "x"
	if got, want := text(g)+strings.Join(g.Order(), " "), "a > b > \n > a > b\na b"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestAnEmptyGraphIsFine(t *testing.T) {
	g := mustNew(t, nil)
	if g.Len() != 0 || g.Edges() != 0 || len(g.Order()) != 0 {
		t.Error("it is not empty")
	}
	if path, length := g.Critical(nil); path != nil || length != 0 {
		t.Errorf("its critical path is %v, %v", path, length)
	}
}

func TestTheCriticalPathIsTheLongest(t *testing.T) {
	for _, test := range []struct {
		name, in string
		weights  map[string]float64
		want     string
	}{
		{"by count", "a;b:a;c:a;d:c;e:b", nil, "a b e 3"},
		{"by weight", "a;b:a;c:a;d:b,c", map[string]float64{"a": 1, "b": 2, "c": 5, "d": 1}, "a c d 7"},
		{"one heavy node", "a;b:a;c", map[string]float64{"a": 1, "b": 1, "c": 9}, "c 9"},
		{"weights that make no sense are 0", "a;b:a;c", map[string]float64{"a": -5, "b": 2, "c": 1}, "a b 2"},
		{"all 0", "b:a;a;c", map[string]float64{}, "a b 0"},
	} {
		t.Run(test.name, func(t *testing.T) {
			var weight func(string) float64
			if test.weights != nil {
				weight = func(id string) float64 { return test.weights[id] }
			}
			path, length := mustNew(t, parse(test.in)).Critical(weight)
			if got := fmt.Sprint(strings.Join(path, " "), " ", length); got != test.want {
				t.Errorf("got %s, want %s", got, test.want)
			}
		})
	}
}

func FuzzNew(f *testing.F) {
	for _, seed := range []string{"", "a:b,c;b:;c:", "a:a", "a:b;b:a", "a;a", "a:x;b:a,a", "d:b,c;b:a;c:a;a", ";;:,", "é:\x00;\xff"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, in string) {
		nodes := parse(in)
		g, err := New(nodes)
		if err != nil {
			_, again := New(nodes)
			if err.Error() != again.Error() {
				t.Errorf("first %v\nthen %v", err, again)
			}
			return
		}
		valid(t, nodes, g.Order())
		for _, write := range []func() error{
			func() error { return g.DOT(new(strings.Builder), Drawing{}) },
			func() error { return g.Mermaid(new(strings.Builder), Drawing{}) },
			func() error { return g.JSON(new(strings.Builder), Drawing{}) },
		} {
			if err := write(); err != nil {
				t.Error(err)
			}
		}
	})
}

// valid fails the test unless order holds each node once, after what it needs.
func valid(t testing.TB, nodes []Node, order []string) {
	t.Helper()
	if len(order) != len(nodes) {
		t.Errorf("%d nodes in the order of %d", len(order), len(nodes))
	}
	for _, n := range nodes {
		at := slices.Index(order, n.ID)
		if at < 0 {
			t.Errorf("%s is not in the order", n.ID)
		}
		for _, need := range n.Needs {
			if slices.Index(order, need) >= at {
				t.Errorf("%s comes before %s, which it needs", n.ID, need)
			}
		}
	}
}
