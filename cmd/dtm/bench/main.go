// Command bench measures dtm against what cannot be avoided and prints a Markdown table of ratios, for BENCHMARKS.md.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"time"
)

func main() {
	if len(os.Args) > 1 && os.Args[1] == baselineWord {
		if err := runBaseline(os.Args[2:]); err != nil {
			fmt.Fprintln(os.Stderr, "baseline:", err)
			os.Exit(1)
		}
		return
	}
	if err := run(context.Background(), os.Args[1:], os.Stdout, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// bench is one run of the benchmark. Everything is measured one after the other.
type bench struct {
	// log is told what is going on, for whoever waits.
	log io.Writer
	// dir is a temporary folder, dtm the program that is measured, self this one.
	dir, dtm, self string
	// rounds is how often each measurement is made.
	rounds int
	// small and large are the numbers of tools; large is 0 for a quick run.
	small, large int
	table        table
}

// groups are the parts of the benchmark, in the order of the table.
var groups = []struct {
	name string
	run  func(*bench, context.Context) error
}{
	{"start", (*bench).start},
	{"graph", (*bench).graph},
	{"apply", (*bench).apply},
	{"plan", (*bench).plan},
	{"state", (*bench).state},
	{"bucket", (*bench).bucket},
	{"makespan", (*bench).makespan},
	{"growth", (*bench).growth},
}

func run(ctx context.Context, args []string, out, log io.Writer) (err error) {
	b := &bench{log: log, small: 1000, large: 10_000}
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.SetOutput(log)
	quick := flags.Bool("quick", false, "leave out what takes 10,000 tools")
	only := flags.String("only", "", "run the groups that match this `regexp`: start, graph, apply, plan, state, bucket, makespan, growth")
	dir := flags.String("dir", "", "make the temporary folder in this `folder`: its disk is what is measured")
	flags.StringVar(&b.dtm, "dtm", "", "measure this `program` and build none")
	flags.IntVar(&b.rounds, "rounds", 5, "measure each thing this often")
	flags.IntVar(&b.small, "small", b.small, "how many tools are few")
	flags.IntVar(&b.large, "large", b.large, "how many tools are many")
	if err := flags.Parse(args); err != nil {
		return err
	}
	chosen, err := regexp.Compile(*only)
	if err != nil {
		return err
	}
	if *quick {
		b.large = 0
	}
	if b.rounds < 1 || b.small < 1 || b.large < 0 {
		return errors.New("-rounds and the numbers of tools must be positive")
	}
	if b.dir, err = os.MkdirTemp(*dir, "dtm-bench-"); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(b.dir)) }()
	if b.self, err = os.Executable(); err != nil {
		return err
	}
	if b.dtm == "" {
		err = b.build(ctx)
	} else {
		b.dtm, err = filepath.Abs(b.dtm)
	}
	if err != nil {
		return err
	}
	began := time.Now()
	for _, g := range groups {
		if !chosen.MatchString(g.name) {
			continue
		}
		if err := g.run(b, ctx); err != nil {
			return fmt.Errorf("%s: %w", g.name, err)
		}
	}
	b.say("done in %s", time.Since(began).Round(time.Second))
	_, err = io.WriteString(out, b.table.markdown())
	return err
}

func (b *bench) say(format string, args ...any) { fmt.Fprintf(b.log, "bench: "+format+"\n", args...) }

// build makes the dtm that is measured, of the sources that this program is made of.
func (b *bench) build(ctx context.Context) error {
	b.say("building dtm")
	b.dtm = filepath.Join(b.dir, "dtm")
	cmd := exec.CommandContext(ctx, "go", "build", "-o", b.dtm, "github.com/devstream-io/dtm/cmd/dtm")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("build dtm: %w\n%s", err, strings.TrimSpace(string(out)))
	}
	return nil
}

// sizes are the numbers of tools to measure with.
func (b *bench) sizes() []int {
	if b.large == 0 {
		return []int{b.small}
	}
	return []int{b.small, b.large}
}

// most is the largest of them.
func (b *bench) most() int { return max(b.small, b.large) }
