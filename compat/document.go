package compat

import (
	"bytes"

	"github.com/devstream-io/dtm/schema"
)

// document is one YAML document of a file.
type document struct {
	file string
	// line is the line of the file in which text begins, from 1.
	line int
	text []byte
}

// start is where the document's first line with content is.
func (d document) start() schema.Pos {
	at := 0
	for line := range bytes.Lines(d.text) {
		if !isBlank(line) {
			indent := len(line) - len(bytes.TrimLeft(line, " \t"))
			return place(d.file, d.line, d.text, at+indent)
		}
		at += len(line)
	}
	return schema.Pos{File: d.file, Line: d.line, Column: 1}
}

// splitDocuments cuts a file at its separator lines, and leaves out what has nothing but blanks and comments.
func splitDocuments(file string, data []byte) []document {
	var docs []document
	begin, at, line := 0, 0, 1
	first, content := 1, false
	end := func() {
		if content {
			docs = append(docs, document{file: file, line: first, text: data[begin:at]})
		}
		content = false
	}
	for text := range bytes.Lines(data) {
		if isSeparator(text) {
			end()
			begin, first = at+len(text), line+1
		} else if !isBlank(text) {
			content = true
		}
		at += len(text)
		line++
	}
	end()
	return docs
}

// isSeparator tells whether a line is `---`, with nothing but blanks and a comment behind it. DevStream split at any
// three dashes, so that a PEM key or a comment broke a file.
func isSeparator(line []byte) bool {
	rest, ok := bytes.CutPrefix(line, []byte("---"))
	if !ok {
		return false
	}
	rest = bytes.TrimRight(rest, "\r\n")
	trimmed := bytes.TrimLeft(rest, " \t")
	return len(trimmed) == 0 || len(trimmed) < len(rest) && trimmed[0] == '#'
}

// isBlank tells whether a line is blank, a comment or a directive.
func isBlank(line []byte) bool {
	trimmed := bytes.TrimSpace(line)
	return len(trimmed) == 0 || trimmed[0] == '#' || line[0] == '%'
}
