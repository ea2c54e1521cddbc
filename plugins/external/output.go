package external

import (
	"bytes"
	"strings"
	"sync"
)

const (
	// maxLine is how long a line of a process may be, in bytes: what is longer is taken apart.
	maxLine = 8 << 10
	// keptLines is how many lines are kept for the error of a process that ends, shownLines how many of them it shows.
	keptLines, shownLines = 64, 8
)

// output is what a process prints, line by line: its last lines, and a listener. It may be used by many goroutines.
type output struct {
	// hear gets every line, without its end.
	hear func(line string)

	mu   sync.Mutex
	kept []string
}

func (o *output) line(text string) {
	if text = strings.TrimRight(text, "\r\n"); text == "" {
		return
	}
	o.hear(text)
	o.mu.Lock()
	defer o.mu.Unlock()
	// A crash of Go says first what it is, then where: what comes later must not push out how it began.
	if len(o.kept) == keptLines {
		if crashed(o.kept[0]) {
			return
		}
		o.kept = o.kept[1:]
	}
	o.kept = append(o.kept, text)
}

// last are the lines that tell why the process ended, "" if it said nothing.
func (o *output) last() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	for i, line := range o.kept {
		if crashed(line) {
			return strings.Join(o.kept[i:min(i+shownLines, len(o.kept))], "\n")
		}
	}
	return strings.Join(o.kept[max(0, len(o.kept)-shownLines):], "\n")
}

func crashed(line string) bool {
	return strings.HasPrefix(line, "panic: ") || strings.HasPrefix(line, "fatal error: ")
}

// lines is a writer that makes lines of what one stream of the process prints. It is for one goroutine.
type lines struct {
	to  func(line string)
	buf []byte
}

func (l *lines) Write(data []byte) (int, error) {
	n := len(data)
	for len(data) > 0 {
		end := bytes.IndexByte(data, '\n')
		part := data
		if end >= 0 {
			part = data[:end+1]
		}
		part = part[:min(len(part), maxLine-len(l.buf))]
		l.buf = append(l.buf, part...)
		data = data[len(part):]
		if l.buf[len(l.buf)-1] == '\n' || len(l.buf) == maxLine {
			l.flush()
		}
	}
	return n, nil
}

// flush ends the line that was begun.
func (l *lines) flush() {
	if len(l.buf) > 0 {
		l.to(string(l.buf))
		l.buf = l.buf[:0]
	}
}
