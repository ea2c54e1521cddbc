package external

import (
	"cmp"
	"context"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"unicode"

	"github.com/devstream-io/dtm/plugins"
)

// hidden takes the place of a secret, as in everything that dtm says.
const hidden = "(secret)"

// leastSecret is how many bytes a value must have to be hidden; see [plugins.Conceal].
const leastSecret = 4

// concealed are the values that a process has said are secret: what it prints is not told by verb, so they count for all.
// It may be used by many goroutines.
type concealed struct {
	mu     sync.Mutex
	values []string
}

func (c *concealed) add(value string) {
	if len(value) < leastSecret {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if !slices.Contains(c.values, value) {
		c.values = append(c.values, value)
		// The longest first: one may be a part of another.
		slices.SortFunc(c.values, func(a, b string) int { return cmp.Compare(len(b), len(a)) })
	}
}

func (c *concealed) hide(text string) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, value := range c.values {
		text = strings.ReplaceAll(text, value, hidden)
	}
	return text
}

// secretName is the name of a variable whose value is nobody's business. A manifest only says that a plugin is to see it, and
// what ends in a panic has not come to say that it is secret.
var secretName = regexp.MustCompile(`(?i)TOKEN|SECRET|PASSW|PASSPHRASE|CREDENTIAL|APIKEY|(^|_)(KEY|PAT|AUTH|PASS|PWD)(_|$)`)

// inEnvironment are the secrets among the variables of those names: the values of those that are called so, and the
// passwords in addresses, as of a proxy.
func inEnvironment(names []string, getenv func(string) string) []string {
	var values []string
	for _, name := range names {
		value := getenv(name)
		if secretName.MatchString(name) {
			values = append(values, value)
		} else if u, err := url.Parse(value); err == nil && u.User != nil {
			password, _ := u.User.Password()
			values = append(values, password)
		}
	}
	return slices.DeleteFunc(values, func(value string) bool { return len(value) < leastSecret })
}

// redact hides what the verb of ctx and its process know to be secret. What is left is safe to show.
func (p *process) redact(ctx context.Context, text string) string {
	return harmless(plugins.Redact(ctx, p.concealed.hide(text)))
}

// harmless is a text that no terminal takes for a command: it comes from a program that anybody may have written.
func harmless(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) && r != '\n' && r != '\t' {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(text, "\uFFFD"))
}

// redactAll hides what any verb of the process knows to be secret, also the one that has ended last. What is left is safe to
// show.
func (p *process) redactAll(text string) string {
	p.mu.Lock()
	all := slices.Collect(maps.Values(p.calls))
	if p.last != nil {
		all = append(all, p.last)
	}
	p.mu.Unlock()
	text = p.concealed.hide(text)
	for _, ctx := range all {
		text = plugins.Redact(ctx, text)
	}
	return harmless(text)
}
