package plugins

import "context"

// Report says in one line how far a verb is, as in "3 of 7 workloads ready: waiting for argocd-server". It may be called
// as often as one likes, by many goroutines, with the ctx that the verb got; what was just said is not said again. It
// returns soon. Where nobody listens it does nothing.
func Report(ctx context.Context, text string) {
	if listen, ok := ctx.Value(listenerKey{}).(func(text string)); ok {
		listen(text)
	}
}

// WithReport is a context whose reports are heard by listen, which many goroutines may call at the same time. A nil listen
// hears nothing.
func WithReport(ctx context.Context, listen func(text string)) context.Context {
	if listen == nil {
		listen = func(string) {}
	}
	return context.WithValue(ctx, listenerKey{}, listen)
}

type listenerKey struct{}
