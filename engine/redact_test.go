package engine

import (
	"context"
	"errors"
	"fmt"
	"testing"
)

func TestSecretsAreHiddenInErrorsThatStayWhatTheyAre(t *testing.T) {
	var s secrets
	s.remember("hunter22")
	s.remember("hunter22-and-more")
	s.remember("abc")
	s.add(map[string]any{"a": []any{"in-a-list"}})
	err := s.redact(fmt.Errorf("GET /?t=hunter22-and-more&u=hunter22&v=abc&w=in-a-list: %w", context.Canceled))
	if got, want := err.Error(), "GET /?t=(secret)&u=(secret)&v=abc&w=(secret): context canceled"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if !errors.Is(err, context.Canceled) {
		t.Error("the cause is lost")
	}
	if plain := errors.New("nothing to hide"); s.redact(plain) != plain || s.redact(nil) != nil {
		t.Error("changed for nothing")
	}
}
