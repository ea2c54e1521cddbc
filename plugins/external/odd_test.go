package external_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/rs/zerolog"

	"github.com/devstream-io/dtm/plugins"
)

const oddSchema = "package odd\n"

// order says what an odd plugin is to do in its Create.
type order struct {
	Do   string `json:"do"`
	Name string `json:"name,omitempty"`

	Message    string `json:"message,omitempty"`
	Hint       string `json:"hint,omitempty"`
	NotFound   bool   `json:"notFound,omitempty"`
	Retryable  bool   `json:"retryable,omitempty"`
	AfterMilli int    `json:"afterMilli,omitempty"`
	Secret     string `json:"secret,omitempty"`
}

// done is what it has done.
type done struct {
	PID     int      `json:"pid"`
	Environ []string `json:"environ,omitempty"`
	Dir     string   `json:"dir,omitempty"`
	Child   int      `json:"child,omitempty"`
	Text    string   `json:"text,omitempty"`
	Outputs struct{} `json:"outputs"`
}

type odd struct{ env plugins.Env }

func newOdd(env plugins.Env) plugins.Kind {
	kind := plugins.New("odd", oddSchema, odd{env})
	kind.Precious = true
	return kind
}

func newPlain(env plugins.Env) plugins.Kind {
	return plugins.New("plain", oddSchema, plugins.Plugin[order, done](onlyVerbs{odd{env}}))
}

// onlyVerbs has nothing besides the four verbs.
type onlyVerbs struct {
	plugins.Plugin[order, done]
}

func (o odd) Read(ctx context.Context, want order, last done) (done, error) {
	return done{PID: os.Getpid(), Text: last.Text}, ctx.Err()
}

func (o odd) Update(ctx context.Context, want, have order, last done) (done, error) {
	return done{PID: os.Getpid(), Text: want.Name + have.Name + last.Text}, ctx.Err()
}

func (o odd) Delete(ctx context.Context, have order, last done) error {
	if have.Do == "fail" {
		return have.error()
	}
	return ctx.Err()
}

func (o odd) Validate(want order) error {
	if want.Do == "" {
		return plugins.Hinted(errors.New("do is empty"), "say what to do")
	}
	return nil
}

func (o odd) Identity(of order) string { return "thing/" + of.Name }

func (o odd) Preview(_ context.Context, want, have order, last done) (plugins.Preview, error) {
	if want.Do == "fail" {
		return plugins.Preview{}, want.error()
	}
	return plugins.Preview{
		Settled: []plugins.Fact{{Name: "do", Value: want.Do}},
		Parts: []plugins.Part{
			{Action: plugins.PartUpdate, Name: have.Name, Fields: []string{"a", "b.c"}},
			{Action: plugins.PartCreate, Name: last.Text},
		},
		Notes: []string{"a note"},
	}, nil
}

func (o odd) Succeed(_ context.Context, have order, old []byte) (done, error) {
	return done{Text: have.Name + string(old)}, nil
}

func (want order) error() error {
	err := errors.New(want.Message)
	if want.NotFound {
		err = fmt.Errorf("%s: %w", want.Message, plugins.ErrNotFound)
	}
	if want.Hint != "" {
		err = plugins.Hinted(err, want.Hint)
	}
	if want.Retryable {
		err = plugins.Retryable(err, time.Duration(want.AfterMilli)*time.Millisecond)
	}
	return err
}

// Create says that it has begun before it does what may have no end.
func (o odd) Create(ctx context.Context, want order) (done, error) {
	r := done{PID: os.Getpid()}
	switch want.Do {
	case "nothing":
	case "fail":
		return done{}, want.error()
	case "say":
		o.say(ctx, want)
	case "flood":
		flood(ctx)
	case "bytes":
		plugins.Report(ctx, "no \xff text")
		zerolog.Ctx(ctx).Info().Str("field", "no \xff text").Msg("no \xff text")
		return done{}, errors.New("no \xff text")
	case "environ":
		r.Environ = os.Environ()
		r.Dir, _ = os.Getwd()
		r.Text = strings.Join([]string{o.env.Dir, o.env.Cache, o.env.Getenv("GREETING")}, " ")
	case "child":
		child := exec.Command("/bin/sleep", "1000")
		child.Stdout = os.Stdout
		if err := child.Start(); err != nil {
			return done{}, err
		}
		r.Child = child.Process.Pid
	case "panic":
		panic("out of words: " + want.Secret)
	case "panic elsewhere":
		go func() { panic("out of hand: " + want.Secret) }()
		<-ctx.Done()
		return done{}, ctx.Err()
	case "exit":
		os.Exit(3)
	case "freeze":
		if err := syscall.Kill(os.Getpid(), syscall.SIGSTOP); err != nil {
			return done{}, err
		}
		select {}
	case "wait":
		if deadline, ok := ctx.Deadline(); ok {
			plugins.Report(ctx, fmt.Sprint(time.Until(deadline).Round(10*time.Minute), " left"))
		}
		plugins.Report(ctx, "begun")
		<-ctx.Done()
		return done{}, fmt.Errorf("interrupted: %w", ctx.Err())
	case "finish":
		plugins.Report(ctx, "begun")
		<-ctx.Done()
		r.Text = "finished all the same"
	case "stubborn":
		plugins.Report(ctx, "begun")
		select {}
	case "rest":
		// Whatever runs on when the verb is over has nothing to say.
		var group sync.WaitGroup
		for range 4 {
			group.Add(1)
			go func() {
				for first := true; ; first = false {
					plugins.Report(ctx, "still here")
					runtime.Gosched()
					if first {
						group.Done()
					}
				}
			}()
		}
		group.Wait()
	default:
		return done{}, fmt.Errorf("what is %q?", want.Do)
	}
	return r, nil
}

func (o odd) say(ctx context.Context, want order) {
	plugins.Report(ctx, "one")
	log := zerolog.Ctx(ctx)
	log.Debug().Int("number", 7).Str("word", "seven").Bool("yes", true).Msg("debug words")
	log.Info().Interface("list", []int{1, 2}).Msg("info words")
	log.Warn().Msg("warn words")
	log.Error().Err(errors.New("so it goes")).Msg("error words")
	fmt.Println("printed", want.Secret)
	fmt.Fprintln(os.Stderr, "printed as an error", want.Secret)
	// What does not go through os.Stderr, as a crash.
	_, _ = syscall.Write(2, []byte("written past Go "+want.Secret+"\n"))
	plugins.Conceal(ctx, "hunter22")
	log.Info().Str("password", "it is hunter22, "+want.Secret).Msg("the password is hunter22, not " + want.Secret)
	plugins.Report(ctx, "the password is hunter22, not "+want.Secret)
	fmt.Println("and hunter22")
	plugins.Report(ctx, "two")
}

const floods = 5000

func flood(ctx context.Context) {
	line := strings.Repeat("y", 200)
	for i := range floods {
		plugins.Report(ctx, fmt.Sprint(i, line))
		zerolog.Ctx(ctx).Info().Int("i", i).Msg(line)
		fmt.Println(line)
	}
}
