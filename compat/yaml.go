package compat

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/devstream-io/dtm/schema"
)

// parse gives the root of a document's text, which is as long as the document's own in every line. The root is nil if
// there is nothing but comments.
func parse(d document, text []byte) (*yaml.Node, *schema.Error) {
	if isDense(text) {
		return nil, &schema.Error{
			Pos: d.start(), Msg: fmt.Sprintf("more than %d values, with less than %d characters for each", manyValues, leastPerValue),
			Hint: "no configuration looks like that; put data into a file of its own",
		}
	}
	dec := yaml.NewDecoder(bytes.NewReader(text))
	var doc, next yaml.Node
	if err := dec.Decode(&doc); errors.Is(err, io.EOF) {
		return nil, nil
	} else if err != nil {
		return nil, syntaxError(d, text, err)
	}
	// Decode reads one document and would leave out a second one in silence.
	switch err := dec.Decode(&next); {
	case errors.Is(err, io.EOF):
	case err != nil:
		return nil, syntaxError(d, text, err)
	default:
		pos := schema.Pos{File: d.file, Line: d.line - 1 + next.Line, Column: next.Column}
		return nil, &schema.Error{Pos: pos, Msg: "a second YAML document begins here", Hint: "part sections by a line that is `---` and nothing else"}
	}
	if len(doc.Content) == 0 {
		return nil, nil
	}
	return doc.Content[0], nil
}

// A value takes some 300 bytes in memory, whatever its text.
const (
	manyValues    = 10000
	leastPerValue = 4
)

// isDense tells whether a text has more values than are read. It counts what must stand beside each of them, wherever it
// stands, so that there may be fewer.
func isDense(text []byte) bool {
	most, count := max(manyValues, len(text)/leastPerValue), 0
	atMost := 0
	for mark, weight := range map[string]int{",": 1, "[": 1, "{": 1, "?": 2, ":": 2, "-": 1} {
		atMost += weight * bytes.Count(text, []byte(mark))
	}
	if atMost <= most {
		return false
	}
	at := func(i int, set string) bool {
		return i < 0 || i >= len(text) || strings.IndexByte(set, text[i]) >= 0
	}
	for i, c := range text {
		switch c {
		case ',', '[', '{':
			count++
		case '?':
			count += 2
		case ':':
			// A key and a value.
			if at(i+1, " \t\r\n,[]{}\"'") || at(i-1, "\"']}") {
				count += 2
			}
		case '-':
			if at(i+1, " \t\r\n") {
				count++
			}
		}
	}
	return count > most
}

// syntaxError finds the place of an error of the YAML library, which says at most a line, and not always the right one.
func syntaxError(d document, text []byte, err error) *schema.Error {
	msg := strings.TrimPrefix(err.Error(), "yaml: ")
	line := 1
	if rest, ok := strings.CutPrefix(msg, "line "); ok {
		if number, after, ok := strings.Cut(rest, ": "); ok {
			if n, err := strconv.Atoi(number); err == nil {
				line, msg = n, after
			}
		}
	}
	at := -1
	if name, ok := strings.CutPrefix(msg, "unknown anchor '"); ok {
		name, _, _ = strings.Cut(name, "'")
		at = bytes.Index(text, []byte("*"+name))
	} else if strings.HasPrefix(msg, "did not find expected") {
		line = culprit(text, line)
	}
	if at < 0 {
		at = columnOf(text, line, msg)
	}
	msg, hint := explain(msg, text, at)
	return &schema.Error{Pos: place(d.file, d.line, text, at), Msg: msg, Hint: hint}
}

// culprit is the first line with which the text is no YAML any more. The library names the line before the one where
// the surrounding list or map begins. It is looked for backwards from where the library stopped reading: text that ends
// in the middle of a list of several lines is no YAML either, and innocent.
func culprit(text []byte, atLeast int) int {
	lines := &lineReader{text: text}
	var n yaml.Node
	if yaml.NewDecoder(lines).Decode(&n) == nil {
		return atLeast
	}
	const work = 16 << 20
	tries := min(64, 1+work/(1+len(text)))
	for line := lines.count; line > atLeast && tries > 0; line-- {
		end := offsetOfLine(text, line)
		if err := yaml.NewDecoder(bytes.NewReader(text[:end])).Decode(&n); err == nil || errors.Is(err, io.EOF) {
			return line
		}
		tries--
	}
	return atLeast
}

// lineReader hands out a line at a time and counts them.
type lineReader struct {
	text  []byte
	count int
}

func (r *lineReader) Read(p []byte) (int, error) {
	if len(r.text) == 0 {
		return 0, io.EOF
	}
	end := bytes.IndexByte(r.text, '\n') + 1
	if end == 0 {
		end = len(r.text)
	}
	n := copy(p, r.text[:end])
	if n == end {
		r.count++
	}
	r.text = r.text[n:]
	return n, nil
}

// offsetOfLine is where a line begins, counted from 1.
func offsetOfLine(text []byte, line int) int {
	at := 0
	for ; line > 1; line-- {
		i := bytes.IndexByte(text[at:], '\n')
		if i < 0 {
			return at
		}
		at += i + 1
	}
	return at
}

// columnOf is the offset in a line that a message most likely means: its first character if nothing better is known.
func columnOf(text []byte, line int, msg string) int {
	begin := offsetOfLine(text, line)
	content, _, _ := bytes.Cut(text[begin:], []byte("\n"))
	indent := len(content) - len(bytes.TrimLeft(content, " \t"))
	if strings.Contains(msg, "tab") || strings.Contains(msg, "cannot start") {
		if tab := bytes.IndexByte(content[:indent], '\t'); tab >= 0 {
			return begin + tab
		}
	}
	if strings.Contains(msg, "cannot start") {
		for i := indent + 1; i < len(content); i++ {
			if strings.IndexByte("@`%\t", content[i]) >= 0 && strings.IndexByte(" \t[{,", content[i-1]) >= 0 {
				return begin + i
			}
		}
	}
	return begin + indent
}

// explain says in words of a user what the library says in its own.
func explain(msg string, text []byte, at int) (what, hint string) {
	if at < len(text) && text[at] == '\t' {
		return "a tab: YAML is indented with spaces", ""
	}
	what = "not YAML: " + msg
	switch {
	case strings.Contains(msg, "cannot start any token"):
		hint = "put quotes around the value"
	case strings.Contains(msg, "mapping values are not allowed"):
		hint = "check the indentation, and put quotes around a value that contains `: `"
	case strings.Contains(msg, "expected key"), strings.Contains(msg, "'-' indicator"):
		hint = "check the indentation and the quotes"
	case strings.Contains(msg, "expected ':'"):
		hint = "write `key: value`"
	case strings.Contains(msg, "expected ',' or"):
		hint = "a list or a map is not closed"
	case strings.Contains(msg, "end of stream"):
		hint = "a quote is not closed"
	case strings.Contains(msg, "unknown anchor"):
		hint = "put quotes around a value that begins with `*`"
	}
	return what, hint
}
