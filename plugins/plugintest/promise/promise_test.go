package promise

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/devstream-io/dtm/plugins"
)

// shelf is a world of named jars, and a plugin that manages one jar a tool. Its flaws are what a plugin may do wrong.
type shelf struct {
	flaws map[string]bool

	mu   sync.Mutex
	jars map[string]string
	left int
	asks int
	when When
	hit  bool
}

type jar struct {
	Name    string `json:"name"`
	Content string `json:"content"`
}

type jarResource struct {
	Content string    `json:"content"`
	Label   int64     `json:"label,omitempty"`
	Status  int       `json:"status"`
	Outputs *jarNamed `json:"outputs,omitempty"`
}

type jarNamed struct {
	Name string `json:"name"`
}

var errShelf = errors.New("the shelf shakes")

// call is a call to the outside: locked, countable, and able to fail on either side of its effect.
func (s *shelf) call(effect func()) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	fails := false
	if s.left > 0 {
		s.left--
		fails = s.left == 0
		s.hit = s.hit || fails
	}
	if fails && s.when == Before {
		return errShelf
	}
	effect()
	if fails {
		return errShelf
	}
	return nil
}

func (s *shelf) fail(n int, when When) func() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.left, s.when, s.hit = n, when, false
	return func() bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.left = 0
		return s.hit
	}
}

func (s *shelf) get(name string) (content string, ok bool, err error) {
	err = s.call(func() { content, ok = s.jars[name] })
	return content, ok, err
}

func (s *shelf) resource(name, content string) jarResource {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asks++ // a status changes by itself
	r := jarResource{Content: content, Status: s.asks, Outputs: &jarNamed{Name: name}}
	if s.flaws["no outputs"] {
		r.Outputs = nil
	}
	if s.flaws["long number"] {
		r.Label = 1<<53 + 1
	}
	return r
}

func (s *shelf) Create(ctx context.Context, want jar) (jarResource, error) {
	if err := s.ended(ctx); err != nil {
		return jarResource{}, err
	}
	if s.flaws["create does not adopt"] {
		_, ok, err := s.get(want.Name)
		if err != nil {
			return jarResource{}, err
		}
		if ok {
			return jarResource{}, errors.New("already there")
		}
	}
	if s.flaws["create litters"] {
		if err := s.call(func() { s.jars[want.Name+".tmp"] = "" }); err != nil {
			return jarResource{}, err
		}
	}
	if err := s.call(func() { s.jars[want.Name] = want.Content }); err != nil {
		return jarResource{}, err
	}
	if s.flaws["create litters"] {
		if err := s.call(func() { delete(s.jars, want.Name+".tmp") }); err != nil {
			return jarResource{}, err
		}
	}
	r := s.resource(want.Name, want.Content)
	if s.flaws["create returns other than read"] {
		r.Content = "expected"
	}
	return r, nil
}

func (s *shelf) Read(ctx context.Context, want jar, last jarResource) (jarResource, error) {
	if err := s.ended(ctx); err != nil {
		return jarResource{}, err
	}
	content, ok, err := s.get(want.Name)
	if err != nil {
		return jarResource{}, err
	}
	if !ok {
		if s.flaws["read finds nothing without saying so"] {
			return jarResource{}, nil
		}
		return jarResource{}, fmt.Errorf("jar %s: %w", want.Name, plugins.ErrNotFound)
	}
	if s.flaws["read believes the journal"] && last.Outputs != nil {
		return last, nil
	}
	return s.resource(want.Name, content), nil
}

func (s *shelf) Update(ctx context.Context, want, have jar, last jarResource) (jarResource, error) {
	if s.flaws["update cannot recreate"] {
		if _, ok, err := s.get(have.Name); err != nil || !ok {
			return jarResource{}, errors.Join(err, errors.New("nothing to update"))
		}
	}
	if s.flaws["update counts"] {
		want.Content += "'"
	}
	if s.flaws["rename removes first"] && want.Name != have.Name {
		if _, ok, err := s.get(have.Name); err != nil || !ok {
			return jarResource{}, errors.Join(err, errors.New("nothing to rename"))
		}
		if err := s.call(func() { delete(s.jars, have.Name) }); err != nil {
			return jarResource{}, err
		}
	}
	r, err := s.Create(ctx, want)
	if err != nil || want.Name == have.Name || s.flaws["rename leaves the old"] {
		return r, err
	}
	return r, s.call(func() { delete(s.jars, have.Name) })
}

func (s *shelf) Delete(ctx context.Context, have jar, last jarResource) error {
	if err := s.ended(ctx); err != nil {
		return err
	}
	if s.flaws["delete forgets"] {
		return nil
	}
	if s.flaws["delete needs the record"] && last.Outputs == nil {
		return nil
	}
	if s.flaws["delete twice fails"] {
		if _, ok, err := s.get(have.Name); err != nil || !ok {
			return errors.Join(err, errors.New("not there"))
		}
	}
	return s.call(func() { delete(s.jars, have.Name) })
}

func (s *shelf) Succeed(_ context.Context, have jar, old []byte) (jarResource, error) {
	if s.flaws["succeed guesses"] {
		return s.resource(have.Name, ""), nil
	}
	var was jar
	err := json.Unmarshal(old, &was)
	return s.resource(have.Name, was.Content), err
}

func (s *shelf) Preview(ctx context.Context, want, have jar, last jarResource) (plugins.Preview, error) {
	content, ok, err := s.get(want.Name)
	if err != nil {
		return plugins.Preview{}, err
	}
	switch {
	case s.flaws["preview makes"] && !ok, s.flaws["preview updates"] && last.Outputs != nil:
		err = s.call(func() { s.jars[want.Name] = want.Content })
	case s.flaws["preview needs the record"] && have.Name == "":
		err = errors.New("nothing to compare with")
	}
	p := plugins.Preview{Notes: []string{content}}
	if s.flaws["preview tells the time"] {
		s.asks++
		p.Notes = append(p.Notes, fmt.Sprint(s.asks))
	}
	if s.flaws["preview names no action"] {
		p.Parts = []plugins.Part{{Name: want.Name}}
	}
	return p, err
}

func (s *shelf) ended(ctx context.Context) error {
	if s.flaws["ctx is ignored"] {
		return nil
	}
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("shelf: %w", err)
	}
	return nil
}

func (s *shelf) subject() Subject {
	return Subject{
		Kind:    plugins.New("jar", "", s),
		Want:    json.RawMessage(`{"name": "jam", "content": "plum"}`),
		Changed: json.RawMessage(`{"name": "jam", "content": "cherry"}`),
		Renamed: json.RawMessage(`{"name": "jelly", "content": "plum"}`),
		Others: []json.RawMessage{
			json.RawMessage(`{"name": "tea", "content": "green"}`),
			json.RawMessage(`{"name": "coffee", "content": "black"}`),
		},
		Old: json.RawMessage(`{"content": "plum"}`),
		Drift: func() error {
			s.jars["jam"] = "eaten"
			return nil
		},
		Remove: func() error {
			delete(s.jars, "jam")
			return nil
		},
		Exists: func(options json.RawMessage) (bool, error) {
			var want jar
			err := json.Unmarshal(options, &want)
			content, ok := s.jars[want.Name]
			return ok && content == want.Content, err
		},
		Leftovers: func() ([]string, error) { return slices.Sorted(maps.Keys(s.jars)), nil },
		Fail:      s.fail,
	}
}

func TestRightPluginPasses(t *testing.T) {
	for _, o := range checked(t, func() Subject { return (&shelf{jars: map[string]string{}}).subject() }) {
		if o.Err != nil || o.LeftOut != "" {
			t.Errorf("%s: %v%s", o.Promise, o.Err, o.LeftOut)
		}
	}
}

func TestWrongPluginFails(t *testing.T) {
	for flaw, noticed := range map[string]string{
		"create returns other than read":        "read after create returns the same",
		"create does not adopt":                 "create twice adopts",
		"create litters":                        "create can be deleted when a call failed after its effect",
		"no outputs":                            "read after create returns the same",
		"long number":                           "a resource survives JSON",
		"read finds nothing without saying so":  "read before create finds nothing",
		"read believes the journal":             "drift is seen and repaired",
		"update cannot recreate":                "update makes what was removed by hand",
		"update counts":                         "update to the same changes nothing",
		"rename leaves the old":                 "rename leaves nothing of the old",
		"rename removes first":                  "rename can be repeated when a call failed after its effect",
		"delete forgets":                        "delete removes",
		"delete twice fails":                    "delete twice is no error",
		"delete needs the record":               "delete needs no recorded resource",
		"ctx is ignored":                        "a cancelled verb ends soon and changes nothing",
		"preview makes":                         "a preview changes nothing",
		"preview updates":                       "a preview changes nothing",
		"preview needs the record":              "a preview changes nothing",
		"preview tells the time":                "a preview of the same is the same",
		"preview names no action":               "a preview of the same is the same",
		"succeed guesses":                       "a DevStream resource means what read returns",
		"calls to the outside cannot be failed": "create can be repeated when a call failed before its effect",
	} {
		t.Run(flaw, func(t *testing.T) {
			failed := map[string]error{}
			for _, o := range checked(t, func() Subject {
				s := (&shelf{flaws: map[string]bool{flaw: true}, jars: map[string]string{}}).subject()
				if flaw == "calls to the outside cannot be failed" {
					s.Fail = func(int, When) func() bool { return func() bool { return false } }
				}
				return s
			}) {
				if o.Err != nil {
					failed[o.Promise] = o.Err
				}
			}
			if failed[noticed] == nil {
				t.Errorf("%q passes; failed have:\n%s", noticed, strings.Join(slices.Sorted(maps.Keys(failed)), "\n"))
			}
		})
	}
}

func TestWhatAPluginDoesNotOfferIsLeftOut(t *testing.T) {
	shelf := &shelf{jars: map[string]string{}}
	bare := shelf.subject()
	bare.Kind = plugins.New("jar", "", plugins.Plugin[jar, jarResource](struct {
		plugins.Plugin[jar, jarResource]
	}{shelf}))
	bare.Renamed, bare.Others, bare.Old, bare.Drift, bare.Leftovers, bare.Fail = nil, nil, nil, nil, nil, nil
	for _, p := range All() {
		if p.lacks != nil && p.Lacks(bare) == "" {
			t.Errorf("%q is checked without what it needs", p.Name)
		}
	}
}

func TestAWorldThatCannotBeLookedIntoIsSeenThroughThePlugin(t *testing.T) {
	for _, flaw := range []string{"", "rename leaves the old", "delete forgets", "update cannot recreate"} {
		t.Run(flaw, func(t *testing.T) {
			broken := map[string]error{}
			for _, o := range checked(t, func() Subject {
				s := (&shelf{flaws: map[string]bool{flaw: true}, jars: map[string]string{}}).subject()
				s.Exists, s.Remove = nil, nil
				return s
			}) {
				if o.LeftOut != "" {
					t.Errorf("%s is left out: %s", o.Promise, o.LeftOut)
				}
				if o.Err != nil {
					broken[o.Promise] = o.Err
				}
			}
			if (flaw != "") != (len(broken) > 0) {
				t.Errorf("broken are %v", broken)
			}
		})
	}
}

func TestAWorldThatCannotBeMadeBreaksWhatNeedsIt(t *testing.T) {
	shelf, worlds := &shelf{jars: map[string]string{}}, 0
	outcomes, err := Check(t.Context(), func() (Subject, error) {
		if worlds++; worlds > 1 {
			return Subject{}, errShelf
		}
		return shelf.subject(), nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range outcomes {
		if !errors.Is(o.Err, errShelf) {
			t.Errorf("%s: %v", o.Promise, o.Err)
		}
	}
}

func TestACheckThatIsCancelledEndsWithoutAVerdict(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	outcomes, err := Check(ctx, func() (Subject, error) { return (&shelf{jars: map[string]string{}}).subject(), nil })
	if !errors.Is(err, context.Canceled) || outcomes != nil {
		t.Errorf("%v, %v", outcomes, err)
	}
}

// checked is what Check says of plugins in worlds that can be made.
func checked(t *testing.T, fresh func() Subject) []Outcome {
	t.Helper()
	outcomes, err := Check(t.Context(), func() (Subject, error) { return fresh(), nil })
	if err != nil {
		t.Fatal(err)
	}
	return outcomes
}
