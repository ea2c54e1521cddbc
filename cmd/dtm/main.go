// Command dtm turns a checked configuration into a plan, and a plan into a journal of what was done.
//
// This is the thin edge: flags, words on the screen, exit codes, and the wiring of the packages, one file a command.
// Nothing is decided here that another program could want to decide in the same way.
package main

import (
	"context"
	"errors"
	"io"
	"log"
	"os"
	"os/signal"
	"runtime/debug"
	"strings"
	"syscall"

	"github.com/alecthomas/kong"
	"github.com/rs/zerolog"
	"golang.org/x/term"

	"github.com/devstream-io/dtm/cmd/dtm/ui"
	"github.com/devstream-io/dtm/plugins/all"
)

// version is set when a release is built, with -ldflags "-X main.version=1.2.3".
var version = "1.0.0-dev"

// The exit codes.
const (
	exitOK = 0
	// exitError is for everything that went wrong.
	exitError = 1
	// exitChanges says that there is something to do, for `plan --detailed-exitcode` and `verify`.
	exitChanges = 2
	// exitInterrupted says that the third interrupt ended the process where it stood.
	exitInterrupted = 130
)

// errChanges ends a command with exitChanges and no word.
var errChanges = errors.New("there is something to do")

// errQuiet ends a command with exitError; what there is to say was said.
var errQuiet = errors.New("failed")

func main() { os.Exit(run()) }

func run() int {
	// A short life on a small heap: with Go's own 100 % the collector took 20 % of the CPU of a plan of 10,000 tools in YAML,
	// for 7 MiB less (and in CUE 10 %, for 60 of 500 MiB).
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(200)
	}
	// Libraries log what they also return, in the midst of what is drawn, and with values that may be secret.
	log.SetOutput(io.Discard)
	a := newApp()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	a.handleSignals(cancel)
	return a.execute(ctx)
}

// newApp is the app of this process.
func newApp() *app {
	a := &app{
		plugins: all.Set,
		stdin:   os.Stdin, stdout: os.Stdout, stderr: os.Stderr,
		stdinTerminal: term.IsTerminal(int(os.Stdin.Fd())), terminal: term.IsTerminal(int(os.Stderr.Fd())),
		args: os.Args[1:], stop: make(chan struct{}),
	}
	plainTerminal := os.Getenv("NO_COLOR") != "" || os.Getenv("TERM") == "dumb"
	a.screen = ui.NewScreen(os.Stderr, a.terminal && !plainTerminal)
	a.live = a.terminal && os.Getenv("TERM") != "dumb"
	a.colour = term.IsTerminal(int(os.Stdout.Fd())) && !plainTerminal
	return a
}

// handleSignals: the first ^C lets what runs finish, the second cancels it, and the third ends the process where it stands,
// whatever hangs; the journal is true then as after a crash. Before a run has begun the first cancels.
func (a *app) handleSignals(cancel context.CancelFunc) {
	signals := make(chan os.Signal, 3)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	// Who reads the output may go, as in `dtm apply --json | head`. Go would end the process in the midst of the run; where
	// SIGPIPE goes to somebody, writing returns an error instead.
	signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE)
	interrupts := make(chan int, 2)
	go func() {
		for n := range interrupts {
			switch {
			case n == 1 && a.applying.Load():
				a.screen.Warn("Interrupted. What runs is finished, nothing more is begun; interrupt again to cancel it.")
			case n == 1:
				cancel()
			default:
				a.screen.Warn("Interrupted again. What runs is cancelled; a third interrupt exits at once.")
				cancel()
			}
			if n == 1 {
				close(a.stop)
			}
		}
	}()
	// Whoever counts does not write: it is the screen that may hang.
	go func() {
		for n := 1; n <= 2; n++ {
			<-signals
			interrupts <- n
		}
		<-signals
		os.Exit(exitInterrupted)
	}()
}

// cli is the command line.
type cli struct {
	Debug bool `help:"Log what happens inside, as JSON lines on standard error."`

	Apply      applyCmd      `cmd:"" help:"Make everything as the configuration says."`
	Plan       planCmd       `cmd:"" help:"Show what apply would do, and do nothing."`
	Delete     deleteCmd     `cmd:"" help:"Delete the tools that the configuration lists."`
	Destroy    destroyCmd    `cmd:"" help:"Delete every tool that is recorded."`
	Verify     verifyCmd     `cmd:"" help:"Tell whether everything is as the configuration says (exit code 2 if not)."`
	Validate   validateCmd   `cmd:"" help:"Check the configuration, and nothing else."`
	Graph      graphCmd      `cmd:"" help:"Print the graph of the tools, for dot, Mermaid or programs."`
	Init       initCmd       `cmd:"" help:"Fetch plugins, write the schemas for cue and editors, and a starter toolchain into an empty folder."`
	Bundle     bundleCmd     `cmd:"" help:"Carry plugins to where there is no network."`
	Develop    developCmd    `cmd:"" help:"Write plugins, and check them."`
	List       listCmd       `cmd:"" help:"List what this dtm has."`
	Show       showCmd       `cmd:"" help:"Show sample configurations, or the status of tools."`
	Schema     schemaCmd     `cmd:"" help:"Print the JSON Schema of the YAML form, for editors."`
	Fmt        fmtCmd        `cmd:"" help:"Format CUE files as cue fmt does."`
	Import     importCmd     `cmd:"" help:"Write a CUE toolchain of DevStream's YAML."`
	Export     exportCmd     `cmd:"" help:"Print the configuration as DevStream's YAML."`
	Drift      driftCmd      `cmd:"" help:"Tell whether what exists is still as it was left (exit code 2 if not)."`
	Rollback   rollbackCmd   `cmd:"" help:"Make everything as it was after an earlier run."`
	Forget     forgetCmd     `cmd:"" help:"Take tools out of the state and leave what they manage."`
	Adopt      adoptCmd      `cmd:"" help:"Take tools of the configuration into the state that exist already."`
	State      stateCmd      `cmd:"" help:"Look at the state, lock it, mend it, encrypt it."`
	History    historyCmd    `cmd:"" help:"List the runs, or show one."`
	Version    versionCmd    `cmd:"" help:"Print the version."`
	Completion completionCmd `cmd:"" help:"Print the completion script for a shell."`
	Complete   completeCmd   `cmd:"" name:"__complete" hidden:"" help:"Answer a completion script."`
}

const description = `dtm turns a checked configuration of DevOps tools into a plan, and a plan into a journal of what was done.

A configuration is a CUE package, or DevStream YAML. Without -f, dtm takes the CUE package of the current folder, or else config.yaml.`

// execute parses the arguments, runs the command, and makes an exit code of what it returns.
func (a *app) execute(ctx context.Context) int {
	var c cli
	exited := -1
	parser, err := kong.New(&c,
		kong.Name("dtm"), kong.Description(description), kong.UsageOnError(),
		kong.Writers(a.stdout, a.stderr), kong.Exit(func(code int) { exited = code; panic(exit{}) }),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, NoExpandSubcommands: true, WrapUpperBound: 100}),
		kong.Vars{"parallel": "10"}, kong.BindTo(ctx, (*context.Context)(nil)), kong.Bind(a),
	)
	if err != nil {
		a.screen.Error("dtm", err)
		return exitError
	}
	a.model = parser.Model
	words := arrange(a.args)
	if len(words) == 0 {
		words = []string{"--help"}
	}
	parsed, err := parse(parser, words)
	if exited >= 0 {
		return exited
	}
	if err != nil {
		a.screen.Fail("%s", a.usage(words, err))
		return exitError
	}
	level := zerolog.Disabled
	if c.Debug {
		level = zerolog.DebugLevel
	}
	logger := zerolog.New(a.stderr).Level(level).With().Timestamp().Logger()
	ctx = logger.WithContext(ctx)
	parsed.BindTo(ctx, (*context.Context)(nil))
	defer a.closeHosts(ctx)
	switch err := parsed.Run(); {
	case err == nil:
		return exitOK
	case errors.Is(err, errChanges):
		return exitChanges
	case errors.Is(err, errQuiet):
		return exitError
	case errors.Is(err, syscall.EPIPE):
		return exitError // the reader has gone, as in `dtm graph | head`
	default:
		a.screen.Error(strings.ToUpper(parsed.Command()[:1])+strings.Fields(parsed.Command())[0][1:]+" failed", err)
		return exitError
	}
}

// exit is how kong's call to exit gets out of the parser.
type exit struct{}

func parse(parser *kong.Kong, words []string) (ctx *kong.Context, err error) {
	defer func() {
		if r := recover(); r != nil {
			if _, ok := r.(exit); !ok {
				panic(r)
			}
		}
	}()
	return parser.Parse(words)
}
