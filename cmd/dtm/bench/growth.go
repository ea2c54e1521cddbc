package main

import (
	"cmp"
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"time"

	"go.etcd.io/bbolt" //nolint:depguard // only bbolt knows how much of its file is in use
)

// growth compares many tools with few, for every shape: ten times the tools may take twelve times as much.
func (b *bench) growth(ctx context.Context) error {
	if b.large == 0 {
		b.say("growth: left out, it takes many tools")
		return nil
	}
	limit := 1.2 * float64(b.large) / float64(b.small)
	for _, s := range []shape{flat, chain, layered, random} {
		var few, many []life
		for range min(b.rounds, 3) {
			// What takes long meets both the quiet and the loud moments of a machine, so what is short is measured more
			// often, on both sides, and its mean is what counts.
			var before, after, large life
			for _, m := range []struct {
				of    *life
				n     int
				times int
			}{{&before, b.small, 3}, {&large, b.large, 1}, {&after, b.small, 3}} {
				for range m.times {
					l, err := b.live(ctx, s, m.n)
					if err != nil {
						return err
					}
					m.of.add(l, m.times)
				}
			}
			var both life
			both.add(before, 2)
			both.add(after, 2)
			few, many = append(few, both), append(many, large)
		}
		for _, m := range []struct {
			what  string
			value func(life) quantity
		}{
			{"`apply`, time", func(l life) quantity { return span(l.apply.wall) }},
			{"`apply`, CPU", func(l life) quantity { return span(l.apply.cpu) }},
			{"`apply`, peak memory", func(l life) quantity { return amount(l.apply.rss) }},
			{"`apply`, written to disk, files and store", func(l life) quantity { return amount(l.apply.written) }},
			{"`apply`, store", func(l life) quantity { return amount(l.store) }},
			{"no-op `plan`, time", func(l life) quantity { return span(l.plan.wall) }},
			{"no-op `plan`, CPU", func(l life) quantity { return span(l.plan.cpu) }},
			{"no-op `plan`, peak memory", func(l life) quantity { return amount(l.plan.rss) }},
		} {
			// The round in the middle speaks for all of them.
			ratios := make([]float64, len(many))
			for i := range many {
				ratios[i] = m.value(many[i]).value() / m.value(few[i]).value()
			}
			ratio := median(ratios)
			at := slices.Index(ratios, ratio)
			if at < 0 {
				continue // not counted on this system
			}
			b.table.against(fmt.Sprintf("%s, %d → %d: %s", s, b.small, b.large, m.what), m.value(many[at]), m.value(few[at]), ratio, limit)
		}
	}
	return nil
}

// life is what the first apply of a toolchain takes, and the plan after it.
type life struct {
	apply, plan sample
	// store is how much of the journal's file is in use, in bytes.
	store int64
}

func (b *bench) live(ctx context.Context, s shape, n int) (l life, err error) {
	dir, err := b.toolchain(s, n)
	if err != nil {
		return l, err
	}
	defer b.drop(dir)
	if l.apply, err = b.applyIn(ctx, dir, n); err != nil {
		return l, err
	}
	if l.store, err = usedBytes(filepath.Join(dir, stateFile)); err != nil {
		return l, err
	}
	settle()
	if l.plan, err = b.nothingToDo(ctx, dir, yamlFile); err != nil {
		return l, err
	}
	b.say("%s %d: apply %s, CPU %s, %s; plan %s, CPU %s, %s", s, n, span(l.apply.wall), span(l.apply.cpu), amount(l.apply.rss),
		span(l.plan.wall), span(l.plan.cpu), amount(l.plan.rss))
	return l, nil
}

// usedBytes is how much of a journal's file is in use. The file itself grows by doubling, and then by 16 MiB at a time.
func usedBytes(path string) (n int64, err error) {
	db, err := bbolt.Open(path, 0o600, &bbolt.Options{ReadOnly: true})
	if err != nil {
		return 0, err
	}
	defer db.Close()
	err = db.View(func(tx *bbolt.Tx) error { n = tx.Size(); return nil })
	return n, err
}

// add adds one of n parts of a mean.
func (l *life) add(other life, n int) {
	l.apply.add(other.apply, n)
	l.plan.add(other.plan, n)
	l.store += other.store / int64(n)
}

func (s *sample) add(other sample, n int) {
	s.wall += other.wall / time.Duration(n)
	s.cpu += other.cpu / time.Duration(n)
	s.rss += other.rss / int64(n)
	s.written += other.written / int64(n)
}

// least is the smaller one; zero is no value.
func least[T cmp.Ordered](a, b T) T {
	var zero T
	if a == zero {
		return b
	}
	return slices.Min([]T{a, b})
}
