package plugins

import "context"

// Conceal tells whoever runs a verb of a value that is secret though no option of its own says so, as a password inside a
// text of many values. From then on it is hidden in whatever plugins report, preview or fail with. It may be called by many
// goroutines, with the ctx that the verb got. Values of less than four characters are too common to be hidden.
func Conceal(ctx context.Context, value string) {
	if hear, ok := ctx.Value(concealKey{}).(func(value string)); ok {
		hear(value)
	}
}

// WithConceal is a context whose concealed values are told to hear, which many goroutines may call at the same time. A nil
// hear forgets them.
func WithConceal(ctx context.Context, hear func(value string)) context.Context {
	if hear == nil {
		hear = func(string) {}
	}
	return context.WithValue(ctx, concealKey{}, hear)
}

type concealKey struct{}

// Redact is a text with the secrets hidden that whoever runs the verb knows of, for what leaves in other ways than reports
// and errors, as in a log. Where nobody knows any, it is the text.
func Redact(ctx context.Context, text string) string {
	if hide, ok := ctx.Value(redactKey{}).(func(text string) string); ok {
		return hide(text)
	}
	return text
}

// WithRedact is a context whose texts are redacted by hide, which many goroutines may call at the same time. A nil hide
// leaves them as they are.
func WithRedact(ctx context.Context, hide func(text string) string) context.Context {
	if hide == nil {
		hide = func(text string) string { return text }
	}
	return context.WithValue(ctx, redactKey{}, hide)
}

type redactKey struct{}
