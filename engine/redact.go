package engine

import (
	"cmp"
	"encoding/json"
	"slices"
	"strings"
	"sync"
	"unicode"
)

// secrets are the values that were opened for plugins, so that none of them leaves in what a plugin says. It may be used by many
// goroutines.
type secrets struct {
	mu     sync.Mutex
	values []string
}

// leastSecret is how long a value must be to be looked for. A shorter one is no secret, and to hide it everywhere would
// make every error unreadable.
const leastSecret = 4

// add remembers every string and number in a value.
func (s *secrets) add(v any) {
	switch v := v.(type) {
	case string:
		s.remember(v)
	case json.Number:
		s.remember(v.String())
	case []any:
		for _, item := range v {
			s.add(item)
		}
	case map[string]any:
		for _, item := range v {
			s.add(item)
		}
	}
}

func (s *secrets) remember(value string) {
	if len(value) < leastSecret || value == hidden {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if !slices.Contains(s.values, value) {
		s.values = append(s.values, value)
		// The longest first: one may be a part of another.
		slices.SortFunc(s.values, func(a, b string) int { return cmp.Compare(len(b), len(a)) })
	}
}

// redact hides the secrets in an error that a plugin has made. The error stays what it is for errors.Is and errors.As.
func (s *secrets) redact(err error) error {
	if err == nil {
		return nil
	}
	text := err.Error()
	clean := s.hide(text)
	if clean == text {
		return err
	}
	return &redacted{text: clean, err: err}
}

// hide puts [hidden] in the place of every secret in a text.
func (s *secrets) hide(text string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, value := range s.values {
		text = strings.ReplaceAll(text, value, hidden)
	}
	return text
}

// line is what a plugin says, without secrets and on one line that no terminal takes for a command.
func (s *secrets) line(text string) string {
	text = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s.hide(text), "\uFFFD"))
	return strings.Join(strings.Fields(text), " ")
}

type redacted struct {
	text string
	err  error
}

func (r *redacted) Error() string { return r.text }
func (r *redacted) Unwrap() error { return r.err }
