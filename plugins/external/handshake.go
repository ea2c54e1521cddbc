package external

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"

	"github.com/devstream-io/dtm/plugins"
	"github.com/devstream-io/dtm/plugins/protocol"
)

// handshake is the standard output of a process: its first line is for go-plugin, the rest is for the log. The first line is
// checked before go-plugin sees it, which says in many words that something is wrong and not what.
type handshake struct {
	// version is dtm's, for those who have to find one that fits.
	version string
	// hide hides what is secret before any line is quoted.
	hide  func(text string) string
	pipe  *io.PipeWriter
	first lines
	rest  lines
	said  bool

	mu  sync.Mutex
	bad error
}

func newHandshake(version string, rest func(line string)) (*handshake, *io.PipeReader) {
	r, w := io.Pipe()
	h := &handshake{version: version, hide: func(text string) string { return text }, pipe: w, rest: lines{to: rest}}
	h.first.to = h.check
	return h, r
}

// Write is for one goroutine.
func (h *handshake) Write(data []byte) (int, error) {
	n := len(data)
	for !h.said && len(data) > 0 {
		_, _ = h.first.Write(data[:1])
		data = data[1:]
	}
	_, _ = h.rest.Write(data)
	return n, nil
}

// close ends the wait for a first line.
func (h *handshake) close() { _ = h.pipe.Close() }

func (h *handshake) check(line string) {
	h.said = true
	if err := h.wrong(strings.TrimSpace(h.hide(line))); err != nil {
		h.mu.Lock()
		h.bad = err
		h.mu.Unlock()
		_ = h.pipe.CloseWithError(err)
		return
	}
	_, _ = io.WriteString(h.pipe, line)
	_ = h.pipe.Close()
}

// err is what was wrong with the first line, nil if nothing was, or there was none.
func (h *handshake) err() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.bad
}

func (h *handshake) wrong(line string) error {
	fields := strings.Split(line, "|")
	switch {
	case len(fields) < 5 || fields[0] != "1":
		return plugins.Hinted(fmt.Errorf("its first line on standard output is no handshake: %.80q", line),
			"is it a plugin of dtm? It must print nothing before it is ready")
	case fields[1] != fmt.Sprint(protocol.Version):
		return plugins.Hinted(fmt.Errorf("it speaks version %.20q of the protocol, dtm speaks %d", fields[1], protocol.Version),
			strings.TrimSpace("use a version of the plugin that is for this dtm "+h.version))
	case fields[4] != "grpc":
		return fmt.Errorf("it offers %.20q, dtm speaks gRPC", fields[4])
	case len(fields) < 6 || fields[5] == "":
		return errors.New("it has no certificate: nothing is said to a plugin in the clear")
	}
	return nil
}
