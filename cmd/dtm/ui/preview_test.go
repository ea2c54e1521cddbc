package ui

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/devstream-io/dtm/plugins"
)

func TestOfManyPartsThoseThatGoAndThoseThatChangeAreShownFirst(t *testing.T) {
	var p plugins.Preview
	for i := range 30 {
		p.Parts = append(p.Parts, plugins.Part{Action: plugins.PartCreate, Name: fmt.Sprintf("new %d", i)})
	}
	p.Parts = append(p.Parts, plugins.Part{Action: plugins.PartUpdate, Name: "changed", Fields: strings.Fields("a b c d e f g h i j k")},
		plugins.Part{Action: plugins.PartDelete, Name: "old"})
	var out bytes.Buffer
	NewScreen(&out, false).preview(&out, &p)
	for _, want := range []string{
		"    Inside: 30 to create, 1 to update, 1 to delete\n      + new 0\n", "      + new 17\n      ~ changed: a, b, c, d, e, f, g, h, i, j, …\n      - old\n      ... and 12 more\n",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("it does not say\n%s\nbut\n%s", want, out.String())
		}
	}
}

func TestAnEmptyPreviewIsNotDrawn(t *testing.T) {
	var out bytes.Buffer
	NewScreen(&out, false).preview(&out, &plugins.Preview{})
	if out.Len() > 0 {
		t.Errorf("it says %s", out.String())
	}
}
