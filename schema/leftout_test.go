package schema

import (
	"encoding/json"
	"slices"
	"testing"
)

func TestOptionsThatAreNullCountAsNotWritten(t *testing.T) {
	l := testLoader(t)
	without, err := l.withoutLeftOut("localfile", json.RawMessage(`{"filename":"a","content":null,"none":null}`))
	if err != nil {
		t.Fatal(err)
	}
	if want := `{"filename":"a","none":null}`; string(without) != want {
		t.Errorf("got %s, want %s", without, want)
	}
	v := Value{Kind: Map, Fields: []Field{{Name: "filename", Value: Value{Kind: String, Text: "a"}}, {Name: "content"}, {Name: "none"}}}
	var names []string
	for _, f := range v.written(l.Definition("localfile").Options).Fields {
		names = append(names, f.Name)
	}
	if !slices.Equal(names, []string{"filename", "none"}) {
		t.Errorf("got %v", names)
	}
}
