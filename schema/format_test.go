package schema_test

import (
	"errors"
	"testing"

	"github.com/devstream-io/dtm/schema"
)

func TestFormatCUEKeepsCommentsAndIsDoneAfterOnce(t *testing.T) {
	const text = "// Package a.\npackage a\nx: 1 // one\nlong:   {y:2}\n"
	const want = "// Package a.\npackage a\n\nx: 1 // one\nlong: {y: 2}\n"
	once, err := schema.FormatCUE("a.cue", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	if string(once) != want {
		t.Errorf("got\n%s\nwant\n%s", once, want)
	}
	twice, err := schema.FormatCUE("a.cue", once)
	if err != nil || string(twice) != want {
		t.Errorf("then\n%s (%v)", twice, err)
	}
}

func TestFormatCUEPlacesMistakes(t *testing.T) {
	_, err := schema.FormatCUE("a/b.cue", []byte("package a\nx: {\n\ty: 1 2\n}\n"))
	var errs schema.Errors
	if !errors.As(err, &errs) || errs[0].Pos != (schema.Pos{File: "a/b.cue", Line: 3, Column: 7}) {
		t.Errorf("got %#v", err)
	}
}
