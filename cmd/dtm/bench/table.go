package main

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"
)

// table is what was measured.
type table []row

// row is one line. baseline, ratio and limit may be empty.
type row struct {
	what, measured, baseline, ratio, limit string
	ok                                     bool
}

// under is a row with an absolute limit.
func (t *table) under(what string, measured, limit quantity) {
	*t = append(*t, row{what: what, measured: measured.String(), limit: "< " + limit.String(), ok: measured.value() < limit.value()})
}

// against is a row with a limit on the ratio to a baseline.
func (t *table) against(what string, measured, baseline quantity, ratio, limit float64) {
	*t = append(*t, row{
		what: what, measured: measured.String(), baseline: baseline.String(),
		ratio: fmt.Sprintf("%.2f", ratio), limit: fmt.Sprintf("≤ %g ×", limit), ok: ratio <= limit,
	})
}

func (t table) markdown() string {
	var b strings.Builder
	b.WriteString("| what | measured | baseline | ratio | limit | |\n|---|---:|---:|---:|---:|---|\n")
	for _, r := range t {
		verdict := "ok"
		if !r.ok {
			verdict = "**NOT MET**"
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s | %s |\n", r.what, r.measured, r.baseline, r.ratio, r.limit, verdict)
	}
	return b.String()
}

// quantity is a duration or an amount of memory.
type quantity interface {
	fmt.Stringer
	value() float64
}

type span time.Duration

func (s span) value() float64 { return float64(s) }

// String has three digits.
func (s span) String() string {
	switch d := time.Duration(s); {
	case d < time.Second:
		return fmt.Sprintf("%.3g ms", d.Seconds()*1000)
	case d < 10*time.Second:
		return fmt.Sprintf("%.2f s", d.Seconds())
	default:
		return fmt.Sprintf("%.1f s", d.Seconds())
	}
}

type amount int64

func (a amount) value() float64 { return float64(a) }

func (a amount) String() string { return fmt.Sprintf("%.1f MiB", float64(a)/(1<<20)) }

// median is the middle one, or the lower of two.
func median[T cmp.Ordered](of []T) T {
	sorted := slices.Sorted(slices.Values(of))
	return sorted[(len(sorted)-1)/2]
}

// each is what f makes of every sample.
func each[S, T any](of []S, f func(S) T) []T {
	out := make([]T, len(of))
	for i, s := range of {
		out[i] = f(s)
	}
	return out
}

func wall(s sample) time.Duration  { return s.wall }
func cpu(s sample) time.Duration   { return s.cpu }
func first(s sample) time.Duration { return s.first }
func rss(s sample) int64           { return s.rss }
