package compat

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"unicode/utf8"

	"github.com/devstream-io/dtm/schema"
)

// maxFile is the largest file that is read. A YAML tree takes some thirty times its text.
const maxFile = 10 << 20

// readFile reads a file of at most maxFile bytes. Its errors do not name the file.
func readFile(name string) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, withoutName(err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, withoutName(err)
	}
	if info.IsDir() {
		return nil, errors.New("is a folder, not a YAML file")
	}
	if size := info.Size(); size > maxFile {
		return nil, fmt.Errorf("is too large: %d bytes, at most %d (10 MiB) are read", size, maxFile)
	}
	// A pipe has no size, and a file may grow.
	data, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return nil, withoutName(err)
	}
	if len(data) > maxFile {
		return nil, fmt.Errorf("is too large: at most %d bytes (10 MiB) are read", maxFile)
	}
	return data, nil
}

// withoutName drops the name of the file, which the place of the mistake says already.
func withoutName(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return fs.ErrNotExist
	}
	if p, ok := errors.AsType[*fs.PathError](err); ok {
		return p.Err
	}
	return err
}

// checkText tells whether data is text that YAML allows, and returns it without a byte order mark.
func checkText(file string, data []byte) ([]byte, *schema.Error) {
	mistake := func(at int, msg, hint string) ([]byte, *schema.Error) {
		return nil, &schema.Error{Pos: place(file, 1, data, at), Msg: msg, Hint: hint}
	}
	if bytes.HasPrefix(data, []byte("\xff\xfe")) || bytes.HasPrefix(data, []byte("\xfe\xff")) {
		return mistake(0, "is UTF-16", "save it as UTF-8")
	}
	data = bytes.TrimPrefix(data, []byte("\ufeff"))
	for i := 0; i < len(data); {
		c := data[i]
		if c >= ' ' && c < 0x7f || c == '\n' || c == '\t' || c == '\r' {
			i++
			continue
		}
		r, size := utf8.DecodeRune(data[i:])
		switch {
		case r == 0:
			return mistake(i, "a zero byte: this is not a text file", "")
		case r == utf8.RuneError && size == 1:
			return mistake(i, "not UTF-8 text", "save it as UTF-8")
		case r < ' ', r >= 0x7f && r < 0xa0 && r != 0x85, r == 0xfeff, r == 0xfffe, r == 0xffff:
			return mistake(i, fmt.Sprintf("the control character %U", r), "YAML allows it only as an escape inside double quotes")
		}
		i += size
	}
	return data, nil
}

// place is where the byte at offset stands. The text begins in the given line of the file. Columns count characters.
func place(file string, line int, text []byte, offset int) schema.Pos {
	before := text[:min(offset, len(text))]
	line += bytes.Count(before, []byte("\n"))
	if i := bytes.LastIndexByte(before, '\n'); i >= 0 {
		before = before[i+1:]
	}
	return schema.Pos{File: file, Line: line, Column: utf8.RuneCount(before) + 1}
}
