package compat

import (
	"bytes"
	"strings"
	"unicode/utf8"

	"github.com/devstream-io/dtm/schema"
)

// template is a document's text with every `[[ name ]]` replaced by a stand-in of as many characters: a run of one
// private character that the text does not have, and then the number of the mark in four digits.
type template struct {
	text   []byte
	filler rune
	marks  []mark
	// written is the document's own text.
	written []byte
	// env tells that one of the marks is of the environment.
	env bool
}

// mark is one `[[ name ]]`.
type mark struct {
	name string
	// env is the environment variable of `[[ env X ]]`; empty for a variable of the configuration.
	env string
	pos schema.Pos
	// begin and end are its place in the document's text, which is at most maxFile long.
	begin, end int32
	// strange tells that it is no variable.
	strange bool
}

const (
	markOpen, markClose = "[[", "]]"

	digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	// Four of them are enough for a file of maxFile bytes, and leave one filler in the shortest `[[x]]`.
	markDigits = 4

	// The first of Plane 16, which is for private use and has no fonts' icons in it.
	firstFiller = '\U00100000'
)

// scanTemplate finds the variables in a document. Mistakes stay with their marks, because some are in comments.
func scanTemplate(d document) template {
	t := template{text: d.text, written: d.text}
	if !bytes.Contains(d.text, []byte(markOpen)) {
		return t
	}
	t.filler = unusedRune(d.text)
	names := map[string]string{}
	out := make([]byte, 0, len(d.text)+len(d.text)/4)
	here := cursor{text: d.text, line: d.line, column: 1}
	lineEnd, nextClose, copied := -1, -1, 0
	for at := 0; ; {
		i := bytes.Index(d.text[at:], []byte(markOpen))
		if i < 0 {
			break
		}
		open := at + i
		begin := open + len(markOpen)
		at = open + 1
		// What was found before holds for many `[[` in one long line.
		lineEnd = indexFrom(d.text, "\n", begin, lineEnd)
		nextClose = indexFrom(d.text, markClose, begin, nextClose)
		if nextClose > lineEnd || nextClose == len(d.text) || isFlowList(d.text[begin:nextClose]) {
			continue
		}
		end := nextClose + len(markClose)
		here.advance(open)
		m := mark{pos: schema.Pos{File: d.file, Line: here.line, Column: here.column}, begin: int32(open), end: int32(end)}
		text := strings.TrimSpace(string(d.text[begin:nextClose]))
		if name, ok := names[text]; ok {
			m.name = name
		} else if m.env = environmentName(text); m.env != "" {
			t.env = true
		} else if plain := strings.TrimPrefix(text, "."); isVariableName(plain) {
			m.name = plain
			names[text] = plain
		} else {
			m.name, m.strange = text, true
		}
		out = append(out, d.text[copied:open]...)
		out = t.appendStandIn(out, len(t.marks), utf8.RuneCount(d.text[open:end]))
		t.marks = append(t.marks, m)
		copied, at = end, end
	}
	if len(t.marks) > 0 {
		t.text = append(out, d.text[copied:]...)
	}
	return t
}

// indexFrom is where sep stands from an offset on, or the end of the text. An earlier answer is kept while it holds.
func indexFrom(text []byte, sep string, from, earlier int) int {
	if earlier >= from {
		return earlier
	}
	if i := bytes.Index(text[from:], []byte(sep)); i >= 0 {
		return from + i
	}
	return len(text)
}

// cursor is a place in a text that moves forwards only.
type cursor struct {
	text             []byte
	at, line, column int
}

func (c *cursor) advance(to int) {
	passed := c.text[c.at:to]
	if i := bytes.LastIndexByte(passed, '\n'); i >= 0 {
		c.line += bytes.Count(passed, []byte("\n"))
		c.column = 1
		passed = passed[i+1:]
	}
	c.column += utf8.RuneCount(passed)
	c.at = to
}

// unusedRune is a character of private use that the text does not have, or 0 if it has too many of them.
func unusedRune(text []byte) rune {
	for r := rune(firstFiller); r < firstFiller+64; r++ {
		if !bytes.ContainsRune(text, r) {
			return r
		}
	}
	// Stand-ins are told from text by their numbers too, so even now a mix-up is a matter of ill will.
	return firstFiller + 64
}

func (t *template) appendStandIn(out []byte, number, width int) []byte {
	for range width - markDigits {
		out = utf8.AppendRune(out, t.filler)
	}
	var d [markDigits]byte
	for i := markDigits - 1; i >= 0; i-- {
		d[i] = digits[number%len(digits)]
		number /= len(digits)
	}
	return append(out, d[:]...)
}

// of is a mark as it was written.
func (t *template) of(m *mark) string { return string(t.written[m.begin:m.end]) }

// original is a text with its variables as they were written.
func (t *template) original(text string) string {
	if len(t.marks) == 0 {
		return text
	}
	var b strings.Builder
	before, m, after := t.next(text)
	for ; m != nil; before, m, after = t.next(after) {
		b.WriteString(before + t.of(m))
	}
	return b.String() + before
}

// next cuts s at its first stand-in. The mark is nil if there is none.
func (t *template) next(s string) (before string, m *mark, after string) {
	for at := 0; ; {
		i := strings.IndexRune(s[at:], t.filler)
		if i < 0 {
			return s, nil, ""
		}
		begin := at + i
		rest := strings.TrimLeft(s[begin:], string(t.filler))
		at = len(s) - len(rest)
		if len(rest) < markDigits {
			return s, nil, ""
		}
		number := 0
		for _, c := range []byte(rest[:markDigits]) {
			value := strings.IndexByte(digits, c)
			if value < 0 {
				number = len(t.marks)
				break
			}
			number = number*len(digits) + value
		}
		if number < len(t.marks) {
			return s[:begin], &t.marks[number], rest[markDigits:]
		}
	}
}
