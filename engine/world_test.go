package engine

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/devstream-io/dtm/plugins"
)

// options are those of both plugins of these tests.
type options struct {
	Name  string            `json:"name"`
	Value string            `json:"value,omitempty"`
	Zone  string            `json:"zone,omitempty"`
	Token string            `json:"token,omitempty"`
	Tags  []string          `json:"tags,omitempty"`
	Keys  []key             `json:"keys,omitempty"`
	Creds map[string]any    `json:"creds,omitempty"`
	Vault map[string]string `json:"vault,omitempty"`
}

type key struct {
	ID     string `json:"id"`
	Secret string `json:"secret,omitempty"`
}

// optionsCUE mirrors options.
const optionsCUE = `
#Options: {
	name!: string & !=""
	value: *"" | string
	zone: *"here" | string @replace()
	token?: string @secret()
	tags?: [...string]
	keys?: [...{id!: string, secret?: string @secret()}]
	creds?: {...} @secret()
	vault?: {[string]: string @secret()}
}

#Outputs: {
	name: string
	url: string
	list: [...string]
}

#Sample: #Options & {name: "a"}
`

// resource is what both plugins make. Rev is not asked for: it grows where the world's hooks say so.
type resource struct {
	Name    string   `json:"name"`
	Value   string   `json:"value"`
	Zone    string   `json:"zone"`
	Tags    []string `json:"tags,omitempty"`
	Rev     int      `json:"rev"`
	Status  string   `json:"status,omitempty"`
	Outputs outs     `json:"outputs"`
}

type outs struct {
	Name string   `json:"name"`
	URL  string   `json:"url"`
	List []string `json:"list"`
}

func (r resource) String() string {
	text := r.Name
	for _, f := range [][2]string{{"value", r.Value}, {"zone", strings.TrimPrefix(r.Zone, "here")}} {
		if f[1] != "" {
			text += " " + f[0] + "=" + f[1]
		}
	}
	return text
}

// call is one verb and the name of what it is about.
type call struct{ verb, name string }

// world holds resources by plugin and name. All fields but the hooks are guarded by mu; hooks are set between runs.
type world struct {
	// before may refuse a verb, after may fail one that took effect. Both may be nil.
	before, after func(ctx context.Context, verb string, o options) error
	// half ends a verb with an error in its middle: an update has made what is wanted and not removed what was there.
	half func(verb string, o options) bool
	// foresee says what a change of a seer's thing would do. Without it that is its name and its value.
	foresee func(ctx context.Context, want, have options, last resource) (plugins.Preview, error)

	mu    sync.Mutex
	now   map[string]resource
	calls []call
	// made counts how often a name came into being, tokens is the token that each was last given.
	made   map[string]int
	tokens map[string]string
}

func newWorld() *world {
	return &world{now: map[string]resource{}, made: map[string]int{}, tokens: map[string]string{}}
}

// verbs are the calls since the last time but for reads, as in "create a, delete b".
func (w *world) verbs() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	var words []string
	for _, c := range w.calls {
		if c.verb != "read" && c.verb != "preview" {
			words = append(words, c.verb+" "+c.name)
		}
	}
	w.calls = nil
	return strings.Join(words, ", ")
}

func (w *world) String() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	var lines []string
	for _, r := range slices.SortedFunc(maps.Values(w.now), func(a, b resource) int { return cmp.Compare(a.Name, b.Name) }) {
		lines = append(lines, r.String())
	}
	return strings.Join(lines, "\n")
}

// change is another hand.
func (w *world) change(name string, by func(*resource)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	r := w.now[name]
	by(&r)
	r.Outputs = outputsOf(r)
	w.now[name] = r
}

func (w *world) remove(name string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.now, name)
}

func outputsOf(r resource) outs {
	return outs{Name: r.Name, URL: fmt.Sprintf("%s/%s#%d", r.Name, r.Value, r.Rev), List: append([]string{r.Name}, r.Tags...)}
}

// put makes what is wanted. The caller holds mu.
func (w *world) put(o options) resource {
	r, ok := w.now[o.Name]
	if !ok {
		w.made[o.Name]++
	}
	r.Name, r.Value, r.Zone, r.Tags = o.Name, o.Value, o.Zone, o.Tags
	r.Outputs = outputsOf(r)
	w.now[o.Name] = r
	w.tokens[o.Name] = o.Token
	return r
}

// thing is the plugin without identities.
type maker struct{ *world }

// named is the plugin that tells identities.
type named struct{ maker }

func (named) Identity(o options) string { return o.Name }

// heir is the plugin that knows what DevStream left.
type heir struct{ maker }

func (h heir) Succeed(_ context.Context, have options, _ []byte) (resource, error) {
	r := resource{Name: have.Name, Value: have.Value, Zone: have.Zone, Tags: have.Tags}
	r.Outputs = outputsOf(r)
	return r, nil
}

// picky is the plugin that validates.
type picky struct{ maker }

func (picky) Validate(want options) error {
	if strings.HasPrefix(want.Value, "wrong") || want.Token == "wrong token" {
		return plugins.Hinted(fmt.Errorf("value %s, token %s are wrong", want.Value, want.Token), "say it right")
	}
	return nil
}

// seer is the plugin that previews.
type seer struct{ maker }

func (s seer) Preview(ctx context.Context, want, have options, last resource) (preview plugins.Preview, err error) {
	if err := s.do(ctx, "preview", want, func() error { return nil }); err != nil {
		return preview, err
	}
	if s.foresee != nil {
		return s.foresee(ctx, want, have, last)
	}
	preview.Parts = []plugins.Part{{Action: plugins.PartCreate, Name: want.Name + " " + want.Value}}
	return preview, nil
}

var errHalf = errors.New("cut off in the middle")

// do is the ground of every verb: hooks around the effect, which happens with mu held.
func (p maker) do(ctx context.Context, verb string, o options, effect func() error) error {
	p.mu.Lock()
	p.calls = append(p.calls, call{verb, o.Name})
	p.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return err
	}
	if p.before != nil {
		if err := p.before(ctx, verb, o); err != nil {
			return err
		}
	}
	p.mu.Lock()
	err := effect()
	p.mu.Unlock()
	if err == nil && p.after != nil {
		err = p.after(ctx, verb, o)
	}
	return err
}

func (p maker) Create(ctx context.Context, want options) (r resource, err error) {
	err = p.do(ctx, "create", want, func() error {
		if was, ok := p.now[want.Name]; ok && was.Zone != want.Zone {
			return fmt.Errorf("%s is in zone %s and cannot move", want.Name, was.Zone)
		}
		r = p.put(want)
		return nil
	})
	return r, err
}

func (p maker) Read(ctx context.Context, want options, _ resource) (r resource, err error) {
	err = p.do(ctx, "read", want, func() error {
		var ok bool
		if r, ok = p.now[want.Name]; !ok {
			return fmt.Errorf("%s: %w", want.Name, plugins.ErrNotFound)
		}
		return nil
	})
	return r, err
}

func (p maker) Update(ctx context.Context, want, have options, _ resource) (r resource, err error) {
	err = p.do(ctx, "update", want, func() error {
		if was, ok := p.now[want.Name]; ok && was.Zone != want.Zone {
			return fmt.Errorf("%s is in zone %s and cannot move", want.Name, was.Zone)
		}
		r = p.put(want)
		if p.half != nil && p.half("update", want) {
			return errHalf
		}
		if have.Name != want.Name {
			delete(p.now, have.Name)
		}
		return nil
	})
	return r, err
}

func (p maker) Delete(ctx context.Context, have options, _ resource) error {
	return p.do(ctx, "delete", have, func() error {
		delete(p.now, have.Name)
		return nil
	})
}
