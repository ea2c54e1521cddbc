package external_test

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/devstream-io/dtm/plugins"
	"github.com/devstream-io/dtm/plugins/external"
	"github.com/devstream-io/dtm/plugins/plugintest"
)

// oddKind is an odd plugin of a host of its own.
func oddKind(t testing.TB, o external.Options) plugins.Kind {
	t.Helper()
	return newHost(t, o).Kind(oddInstalled(t))
}

func oddInstalled(t testing.TB) external.Installed {
	i := program(t, "odd", oddSchema)
	i.Precious = true
	return i
}

// reports is a context with what is reported, in order.
func reports(ctx context.Context) (context.Context, func() []string) {
	var mu sync.Mutex
	var said []string
	ctx = plugins.WithReport(ctx, func(text string) {
		mu.Lock()
		defer mu.Unlock()
		said = append(said, text)
	})
	return ctx, func() []string {
		mu.Lock()
		defer mu.Unlock()
		return slices.Clone(said)
	}
}

// until is a context that is told when something is reported.
func until(ctx context.Context, text string) (context.Context, <-chan struct{}) {
	heard := make(chan struct{})
	var once sync.Once
	return plugins.WithReport(ctx, func(said string) {
		if said == text {
			once.Do(func() { close(heard) })
		}
	}), heard
}

func TestWhatAPluginSaysIsHeardWithoutSecrets(t *testing.T) {
	const known = "correct horse"
	host, logHost := newJournal()
	verb, logVerb := newJournal()
	kind := oddKind(t, external.Options{Log: logHost})
	ctx, said := reports(logVerb.WithContext(t.Context()))
	var concealed []string
	ctx = plugins.WithConceal(ctx, func(value string) { concealed = append(concealed, value) })
	ctx = plugins.WithRedact(ctx, func(text string) string { return strings.ReplaceAll(text, known, "(known)") })
	_, err := kind.Create(ctx, encode(order{Do: "say", Secret: known}))
	must(t, err)

	if diff := cmp.Diff([]string{"one", "the password is (secret), not (known)", "two"}, said()); diff != "" {
		t.Errorf("reports: %s", diff)
	}
	if !slices.Equal(concealed, []string{"hunter22"}) {
		t.Errorf("concealed %q", concealed)
	}
	want := []map[string]any{
		{"level": "debug", "plugin": "odd", "message": "debug words", "number": "7", "word": "seven", "yes": "true"},
		{"level": "info", "plugin": "odd", "message": "info words", "list": "[1,2]"},
		{"level": "warn", "plugin": "odd", "message": "warn words"},
		{"level": "error", "plugin": "odd", "message": "error words", "error": "so it goes"},
		{"level": "info", "plugin": "odd", "message": "the password is (secret), not (known)", "password": "it is (secret), (known)"},
	}
	if diff := cmp.Diff(want, verb.entries(t)); diff != "" {
		t.Errorf("the verb's log: %s", diff)
	}
	for _, line := range []string{"printed (known)", "printed as an error (known)", "written past Go (known)", "and (secret)"} {
		entry := host.entry(t, func(e map[string]any) bool { return e["message"] == line })
		if entry["level"] != "debug" || entry["plugin"] != "odd" {
			t.Errorf("logged %v", entry)
		}
	}
	for _, j := range []*journal{host, verb} {
		if text, _ := j.text(); strings.Contains(text, known) || strings.Contains(text, "hunter22") {
			t.Errorf("a secret is in the log:\n%s", text)
		}
	}
}

func TestAVerbThatIsOverHasNothingToSay(t *testing.T) {
	kind := oddKind(t, external.Options{})
	ctx, said := reports(t.Context())
	_, err := kind.Create(ctx, encode(order{Do: "rest"}))
	must(t, err)
	before := len(said())
	for range 3 {
		if _, err := kind.Read(t.Context(), encode(order{Do: "nothing"}), nil); err != nil {
			t.Fatal(err)
		}
	}
	if after := len(said()); after != before {
		t.Errorf("%d reports when the verb was over, later %d", before, after)
	}
}

func TestAFloodOfWordsIsEndured(t *testing.T) {
	verb, logVerb := newJournal()
	kind := oddKind(t, external.Options{})
	ctx, said := reports(logVerb.WithContext(t.Context()))
	_, err := kind.Create(ctx, encode(order{Do: "flood"}))
	must(t, err)
	if n, m := len(said()), len(verb.entries(t)); n != floods || m != floods {
		t.Errorf("heard %d reports and %d lines of the log, want %d of each", n, m, floods)
	}
}

func TestTextThatIsNoUTF8IsMendedOnTheWay(t *testing.T) {
	verb, logVerb := newJournal()
	kind := oddKind(t, external.Options{})
	ctx, said := reports(logVerb.WithContext(t.Context()))
	_, err := kind.Create(ctx, encode(order{Do: "bytes"}))
	const want = "no \uFFFD text"
	if err == nil || err.Error() != want {
		t.Errorf("error: %v", err)
	}
	if !slices.Equal(said(), []string{want}) {
		t.Errorf("reports: %q", said())
	}
	if e := verb.entries(t); len(e) != 1 || e[0]["message"] != want || e[0]["field"] != want {
		t.Errorf("log: %v", e)
	}
}

func TestAnErrorStaysWhatItIs(t *testing.T) {
	kind := oddKind(t, external.Options{})
	for _, c := range []struct {
		order    order
		text     string
		notFound bool
		hint     string
		retry    bool
		after    time.Duration
	}{
		{order: order{Message: "it broke"}, text: "it broke"},
		{order: order{}, text: "plugin odd: create failed and does not say why"},
		{order: order{Message: "\x1b[31mred\x07\n\ttwo \u009b2J", Hint: "\x1b]0;x"}, text: " [31mred \n\ttwo  2J", hint: " ]0;x"},
		{order: order{Message: "it is gone", NotFound: true}, text: "it is gone: not found", notFound: true},
		{order: order{Message: "it broke", Hint: "mend it"}, text: "it broke", hint: "mend it"},
		{order: order{Message: "busy", Retryable: true}, text: "busy", retry: true},
		{
			order: order{Message: "busy", Hint: "wait", NotFound: true, Retryable: true, AfterMilli: 1500},
			text:  "busy: not found", hint: "wait", notFound: true, retry: true, after: 1500 * time.Millisecond,
		},
	} {
		c.order.Do = "fail"
		_, err := kind.Create(t.Context(), encode(c.order))
		if err == nil || err.Error() != c.text {
			t.Errorf("%+v: %v, want %q", c.order, err, c.text)
			continue
		}
		var hinted interface{ Hint() string }
		hint := ""
		if errors.As(err, &hinted) {
			hint = hinted.Hint()
		}
		after, retry := plugins.RetryAfter(err)
		if errors.Is(err, plugins.ErrNotFound) != c.notFound || hint != c.hint || retry != c.retry || after != c.after {
			t.Errorf("%+v: not found %t, hint %q, retryable %t after %v", c.order, errors.Is(err, plugins.ErrNotFound), hint, retry, after)
		}
	}
	if err := kind.Delete(t.Context(), encode(order{Do: "fail", Message: "it stays"}), nil); err == nil || err.Error() != "it stays" {
		t.Errorf("delete: %v", err)
	}
	if _, err := kind.Preview(t.Context(), encode(order{Do: "fail", Message: "no idea"}), nil, nil); err == nil || err.Error() != "no idea" {
		t.Errorf("preview: %v", err)
	}
	if _, err := kind.Create(t.Context(), json.RawMessage(`{"dou": 1}`)); err == nil || !strings.HasPrefix(err.Error(), "options: ") {
		t.Errorf("an unknown option: %v", err)
	}
}

func TestAPanicInAVerbIsItsError(t *testing.T) {
	verb, logVerb := newJournal()
	kind := oddKind(t, external.Options{})
	ctx := plugins.WithRedact(logVerb.WithContext(t.Context()), func(text string) string {
		return strings.ReplaceAll(text, "correct horse", "(known)")
	})
	before := pid(t, kind)
	_, err := kind.Create(ctx, encode(order{Do: "panic", Secret: "correct horse"}))
	if err == nil || err.Error() != "plugin odd panicked in create: out of words: (known)" {
		t.Errorf("error: %v", err)
	}
	var panicked *plugins.PanicError
	if !errors.As(err, &panicked) || panicked.Error() != err.Error() || !strings.Contains(string(panicked.Stack), "odd.Create") {
		t.Errorf("error: %#v", panicked)
	}
	text, _ := verb.text()
	if !strings.Contains(text, "odd.Create") || strings.Contains(text, "correct horse") {
		t.Errorf("the log:\n%s", text)
	}
	if after := pid(t, kind); after != before {
		t.Errorf("the process was %d and is %d", before, after)
	}
}

func TestASecretOfTheEnvironmentIsHiddenThoughThePluginDoesNotSayThatItIsOne(t *testing.T) {
	values := map[string]string{"ODD_TOKEN": "correct horse", "HTTPS_PROXY": "http://me:battery@proxy:3128", "ODD_PLACE": "staple place"}
	env := plugintest.Env(t.TempDir())
	env.Getenv = func(name string) string { return values[name] }
	host, logHost := newJournal()
	i := oddInstalled(t)
	i.Env = append(i.Env, "ODD_TOKEN", "HTTPS_PROXY", "ODD_PLACE")
	kind := newHost(t, external.Options{Env: env, Log: logHost}).Kind(i)
	var mu sync.Mutex
	var concealed []string
	ctx := plugins.WithConceal(t.Context(), func(value string) {
		mu.Lock()
		defer mu.Unlock()
		concealed = append(concealed, value)
	})
	for _, do := range []string{"panic", "panic elsewhere"} {
		_, err := kind.Create(ctx, encode(order{Do: do, Secret: "correct horse, battery, staple place"}))
		if err == nil || !strings.Contains(err.Error(), "(secret), (secret), staple place") {
			t.Errorf("%s: %v", do, err)
		}
	}
	if !slices.Contains(concealed, "correct horse") || !slices.Contains(concealed, "battery") || slices.Contains(concealed, "staple place") {
		t.Errorf("concealed %q", concealed)
	}
	host.entry(t, func(e map[string]any) bool { return strings.Contains(e["message"].(string), "out of hand: (secret)") })

	teller := program(t, "tells", oddSchema)
	teller.Env = append(teller.Env, "ODD_TOKEN")
	if _, err := newHost(t, external.Options{Env: env}).Kind(teller).Read(t.Context(), encode(order{}), nil); err == nil {
		t.Error("what has told its token has started")
	} else if said := err.Error(); !strings.Contains(said, "(secret)") || strings.Contains(said, "horse") {
		t.Errorf("error: %v", err)
	}
}

// pid is the id of the plugin's process.
func pid(t testing.TB, kind plugins.Kind) int {
	t.Helper()
	r, err := kind.Read(t.Context(), encode(order{Do: "nothing"}), nil)
	must(t, err)
	return decode[done](t, r).PID
}

func TestWhatAPluginHasBesidesTheVerbsComesThrough(t *testing.T) {
	kind := oddKind(t, external.Options{})
	if !kind.Precious {
		t.Error("it is not precious")
	}
	must(t, kind.Validate(t.Context(), encode(order{Do: "nothing"})))
	err := kind.Validate(t.Context(), encode(order{}))
	var hinted interface{ Hint() string }
	if err == nil || err.Error() != "do is empty" || !errors.As(err, &hinted) || hinted.Hint() != "say what to do" {
		t.Errorf("validate: %v", err)
	}
	if identity, err := kind.Identity(t.Context(), encode(order{Name: "a"})); err != nil || identity != "thing/a" {
		t.Errorf("identity: %q, %v", identity, err)
	}
	if _, err := kind.Identity(t.Context(), json.RawMessage(`[]`)); err == nil || !strings.HasPrefix(err.Error(), "recorded options: ") {
		t.Errorf("identity of nonsense: %v", err)
	}
	preview, err := kind.Preview(t.Context(), encode(order{Do: "it"}), encode(order{Name: "\x1bold"}), encode(done{Text: "new"}))
	must(t, err)
	want := plugins.Preview{
		Settled: []plugins.Fact{{Name: "do", Value: "it"}},
		Parts: []plugins.Part{
			{Action: plugins.PartUpdate, Name: " old", Fields: []string{"a", "b.c"}}, {Action: plugins.PartCreate, Name: "new"},
		},
		Notes: []string{"a note"},
	}
	if diff := cmp.Diff(want, preview); diff != "" {
		t.Errorf("preview: %s", diff)
	}
	r, err := kind.Succeed(t.Context(), encode(order{Name: "a"}), json.RawMessage(`{"b": 1}`))
	if err != nil || decode[done](t, r).Text != `a{"b": 1}` {
		t.Errorf("succeed: %s, %v", r, err)
	}
	r, err = kind.Update(t.Context(), encode(order{Name: "a"}), encode(order{Name: "b"}), encode(done{Text: "c"}))
	if err != nil || decode[done](t, r).Text != "abc" {
		t.Errorf("update: %s, %v", r, err)
	}
}

func TestAPluginThatHasTheFourVerbsOnlyAnswersLikeOneThatIsBuiltIn(t *testing.T) {
	kind := newHost(t, external.Options{}).Kind(program(t, "plain", oddSchema))
	must(t, kind.Validate(t.Context(), encode(order{})))
	if identity, err := kind.Identity(t.Context(), encode(order{Name: "a"})); err != nil || identity != "" {
		t.Errorf("identity: %q, %v", identity, err)
	}
	if p, err := kind.Preview(t.Context(), encode(order{}), nil, nil); err != nil || !p.Empty() {
		t.Errorf("preview: %+v, %v", p, err)
	}
	if r, err := kind.Succeed(t.Context(), encode(order{}), encode(done{})); err != nil || r != nil {
		t.Errorf("succeed: %s, %v", r, err)
	}
}

func TestAProcessSeesNothingOfTheEnvironmentButWhatIsDeclared(t *testing.T) {
	t.Setenv("OUTSIDE", "seen by dtm")
	dir := shortDir(t)
	env := plugintest.Env(dir)
	env.Getenv = func(name string) string {
		return map[string]string{
			"GREETING": "hello", "TOKEN": "correct horse", "TMPDIR": dir, "DTM_DIR": "another", "OUTSIDE": "seen by dtm",
		}[name]
	}
	i := oddInstalled(t)
	i.Env = []string{"GREETING", "NOT_SET", "DTM_DIR"}
	kind := newHost(t, external.Options{Env: env}).Kind(i)
	r, err := kind.Create(t.Context(), encode(order{Do: "environ"}))
	must(t, err)
	got := decode[done](t, r)
	var names []string
	for _, entry := range got.Environ {
		name, value, _ := strings.Cut(entry, "=")
		names = append(names, name)
		if name == "PLUGIN_UNIX_SOCKET_DIR" && filepath.Dir(filepath.Dir(value)) != dir {
			t.Errorf("sockets are made in %s, TMPDIR is %s", value, dir)
		}
	}
	slices.Sort(names)
	// What is written down is what there is.
	readme, err := os.ReadFile("../protocol/README.md")
	must(t, err)
	want := []string{"GREETING"}
	for _, row := range regexp.MustCompile("(?m)^\\| `([A-Z_]+)` \\|").FindAllSubmatch(readme, -1) {
		want = append(want, string(row[1]))
	}
	slices.Sort(want)
	if len(want) != 11 {
		t.Errorf("README.md tells of %q", want)
	}
	if diff := cmp.Diff(want, names); diff != "" {
		t.Errorf("the environment: %s", diff)
	}
	if want := strings.Join([]string{dir, env.Cache, "hello"}, " "); got.Text != want {
		t.Errorf("the plugin sees %q, want %q", got.Text, want)
	}
	if got.Dir != i.Dir {
		t.Errorf("it runs in %s, want %s", got.Dir, i.Dir)
	}
}

func TestOneProcessAnswersEverybody(t *testing.T) {
	host, installed := newHost(t, external.Options{}), oddInstalled(t)
	var mu sync.Mutex
	seen := map[int]int{}
	var group sync.WaitGroup
	for range 50 {
		group.Go(func() {
			kind := host.Kind(installed)
			for range 10 {
				ctx, said := reports(t.Context())
				r, err := kind.Create(ctx, encode(order{Do: "say", Secret: "correct horse"}))
				if err != nil {
					t.Error(err)
					return
				}
				if n := len(said()); n != 3 {
					t.Errorf("heard %d reports: each verb has its own", n)
				}
				mu.Lock()
				seen[decode[done](t, r).PID]++
				mu.Unlock()
			}
		})
	}
	group.Wait()
	if len(seen) != 1 {
		t.Errorf("processes and their verbs: %v, want one process", seen)
	}
}
