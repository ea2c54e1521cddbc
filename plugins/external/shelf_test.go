package external_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/devstream-io/dtm/plugins"
	"github.com/devstream-io/dtm/plugins/external"
	"github.com/devstream-io/dtm/plugins/plugintest"
)

// shelf is a plugin that puts books on a shelf, which is a server.
type shelf struct{ http *http.Client }

const shelfSchema = "package shelf\n"

type book struct {
	URL  string `json:"url"`
	Name string `json:"name"`
	Text string `json:"text"`
}

type shelved struct {
	Name    string `json:"name"`
	Text    string `json:"text"`
	Outputs struct {
		URL string `json:"url"`
	} `json:"outputs"`
}

func newShelf(env plugins.Env) plugins.Kind {
	return plugins.New("shelf", shelfSchema, shelf{http: env.HTTP})
}

func (s shelf) Create(ctx context.Context, want book) (shelved, error) {
	if _, err := s.do(ctx, http.MethodPut, want.URL+want.Name, want.Text); err != nil {
		return shelved{}, err
	}
	return s.Read(ctx, want, shelved{})
}

func (s shelf) Read(ctx context.Context, want book, last shelved) (shelved, error) {
	name := want.Name
	if last.Name != "" {
		name = last.Name
	}
	text, err := s.do(ctx, http.MethodGet, want.URL+name, "")
	r := shelved{Name: name, Text: text}
	r.Outputs.URL = want.URL + name
	return r, err
}

func (s shelf) Update(ctx context.Context, want, have book, last shelved) (shelved, error) {
	r, err := s.Create(ctx, want)
	if err == nil && have.Name != want.Name {
		err = s.Delete(ctx, have, last)
	}
	return r, err
}

func (s shelf) Delete(ctx context.Context, have book, _ shelved) error {
	_, err := s.do(ctx, http.MethodDelete, have.URL+have.Name, "")
	if errors.Is(err, plugins.ErrNotFound) {
		return nil
	}
	return err
}

func (s shelf) do(ctx context.Context, method, url, text string) (string, error) {
	request, err := http.NewRequestWithContext(ctx, method, url, strings.NewReader(text))
	if err != nil {
		return "", err
	}
	response, err := s.http.Do(request)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	switch {
	case err != nil:
		return "", err
	case response.StatusCode == http.StatusNotFound:
		return "", fmt.Errorf("%s: %w", url, plugins.ErrNotFound)
	case response.StatusCode >= 300:
		return "", fmt.Errorf("%s %s: %s", method, url, response.Status)
	}
	return string(body), nil
}

// library is the server of shelves, one for each path's first part. The n-th request to a shelf can fail.
type library struct {
	mu    sync.Mutex
	books map[string]string
	left  map[string]int
	when  map[string]plugintest.When
	hit   map[string]bool
}

func (l *library) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	l.mu.Lock()
	defer l.mu.Unlock()
	shelf := strings.Split(r.URL.Path, "/")[1]
	if l.left[shelf] > 0 {
		l.left[shelf]--
		if l.left[shelf] == 0 {
			l.hit[shelf] = true
			if l.when[shelf] == plugintest.After {
				l.serve(httptest.NewRecorder(), r)
			}
			http.Error(w, "made to fail", http.StatusBadGateway)
			return
		}
	}
	l.serve(w, r)
}

func (l *library) serve(w http.ResponseWriter, r *http.Request) {
	text, ok := l.books[r.URL.Path]
	switch {
	case r.Method == http.MethodPut:
		body, _ := io.ReadAll(r.Body)
		l.books[r.URL.Path] = string(body)
	case !ok:
		http.NotFound(w, r)
	case r.Method == http.MethodDelete:
		delete(l.books, r.URL.Path)
	default:
		fmt.Fprint(w, text)
	}
}

func (l *library) fail(shelf string) func(int, plugintest.When) func() bool {
	return func(n int, when plugintest.When) func() bool {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.left[shelf], l.when[shelf], l.hit[shelf] = n, when, false
		return func() bool {
			l.mu.Lock()
			defer l.mu.Unlock()
			l.left[shelf] = 0
			return l.hit[shelf]
		}
	}
}

func TestWhateverRequestOfAPluginFailsItsVerbCanBeRepeated(t *testing.T) {
	l := &library{
		books: map[string]string{}, left: map[string]int{}, when: map[string]plugintest.When{}, hit: map[string]bool{},
	}
	server := httptest.NewServer(l)
	t.Cleanup(server.Close)
	// All worlds share one process, as all tools of a run do.
	kind := newHost(t, external.Options{}).Kind(program(t, "shelf", shelfSchema))
	worlds := 0
	plugintest.Run(t, func(t *testing.T) plugintest.Subject {
		worlds++
		shelf := fmt.Sprintf("shelf%d", worlds)
		wish := func(name, text string) json.RawMessage {
			return encode(book{URL: server.URL + "/" + shelf + "/", Name: name, Text: text})
		}
		path := "/" + shelf + "/a"
		s := plugintest.Subject{
			Kind: kind, Want: wish("a", "once"), Changed: wish("a", "twice"), Renamed: wish("b", "once"),
			Drift: func() error {
				l.mu.Lock()
				defer l.mu.Unlock()
				l.books[path] = "scribbled"
				return nil
			},
			Remove: func() error {
				l.mu.Lock()
				defer l.mu.Unlock()
				delete(l.books, path)
				return nil
			},
			Exists: func(options json.RawMessage) (bool, error) {
				l.mu.Lock()
				defer l.mu.Unlock()
				o := decode[book](t, options)
				text, ok := l.books["/"+shelf+"/"+o.Name]
				return ok && text == o.Text, nil
			},
			Leftovers: func() ([]string, error) {
				l.mu.Lock()
				defer l.mu.Unlock()
				var left []string
				for path := range l.books {
					if strings.HasPrefix(path, "/"+shelf+"/") {
						left = append(left, path)
					}
				}
				slices.Sort(left)
				return left, nil
			},
			Fail: l.fail(shelf),
		}
		for i := range 20 {
			s.Others = append(s.Others, wish(fmt.Sprint("other", i), "text"))
		}
		return s
	})
}
