package compat

import (
	"strings"
	"testing"
	"unicode/utf8"
)

func TestOnlyARealSeparatorPartsSections(t *testing.T) {
	for line, want := range map[string]bool{
		"---\n": true, "---": true, "---\r\n": true, "--- \t\n": true, "--- # c\n": true, "---\t#c\n": true,
		" ---\n": false, "----\n": false, "--- a\n": false, "---#c\n": false, "--\n": false, "-----BEGIN KEY-----\n": false, "# ---\n": false, "": false,
	} {
		if got := isSeparator([]byte(line)); got != want {
			t.Errorf("%q: got %v, want %v", line, got, want)
		}
	}
}

func TestAStandInIsAsWideAsWhatItStandsFor(t *testing.T) {
	for text, names := range map[string][]string{
		"[[a]]":                        {"a"},
		"x [[ größe ]]y":               {"größe"},
		"[[ a ]]/[[\tb.c ]]":           {"a", "b.c"},
		"[[a]][[b]]":                   {"a", "b"},
		"[[[ a ]], [ 1 ]]":             {"a"},
		"[[ a\n]]":                     nil,
		"[[]] [[1]] [['a']] [[a, b]]":  nil,
		"[[ a ], [ b ]]":               nil,
		"[[ \U00100000 ]] \U00100000A": {"\U00100000"},
	} {
		scanned := scanTemplate(document{file: "f", line: 1, text: []byte(text)})
		if got, want := utf8.RuneCount(scanned.text), utf8.RuneCountInString(text); got != want {
			t.Errorf("%q: got %d characters, want %d", text, got, want)
		}
		var found []string
		rest := string(scanned.text)
		var b strings.Builder
		for {
			before, m, after := scanned.next(rest)
			b.WriteString(before)
			if m == nil {
				break
			}
			found = append(found, m.name)
			b.WriteString("<" + m.name + ">")
			rest = after
		}
		if strings.Join(found, " ") != strings.Join(names, " ") {
			t.Errorf("%q: got the names %q, want %q", text, found, names)
		}
		if len(names) == 0 && b.String() != text {
			t.Errorf("%q became %q", text, b.String())
		}
	}
}

func TestEveryMarkOfALongTextComesBack(t *testing.T) {
	const n = 20000
	scanned := scanTemplate(document{file: "f", line: 1, text: []byte(strings.Repeat("[[a]]", n))})
	rest, count := string(scanned.text), 0
	for {
		_, m, after := scanned.next(rest)
		if m == nil {
			break
		}
		if want := 1 + 5*count; m.pos.Column != want {
			t.Fatalf("mark %d is at %v, want column %d", count, m.pos, want)
		}
		count++
		rest = after
	}
	if count != n {
		t.Errorf("got %d marks, want %d", count, n)
	}
}

func TestTheClosestNameIsSuggested(t *testing.T) {
	for name, want := range map[string]string{
		"tool": "did you mean `tools`?", "TOOLS": "did you mean `tools`?", "tolls": "did you mean `tools`?", "stat": "did you mean `state`?",
		"owner": "", "": "", "x": "",
	} {
		if got := suggest(name, "tools", "state"); got != want {
			t.Errorf("%q: got %q, want %q", name, got, want)
		}
	}
}
