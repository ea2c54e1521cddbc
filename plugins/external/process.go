package external

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"time"

	"github.com/hashicorp/go-plugin"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"

	"github.com/devstream-io/dtm/plugins/protocol"
)

const (
	// closeWait is how long a process may take to end after its standard input has.
	closeWait = 2 * time.Second
	// endWait is how long the end of a process is waited for whose connection has broken. A process that has lost it and
	// lives on is of no use.
	endWait = 5 * time.Second
)

// process is a plugin's process that has said who it is.
type process struct {
	*installed
	program *program
	client  *plugin.Client
	heard   *output

	api    protocol.PluginClient
	health grpc_health_v1.HealthClient
	schema *protocol.SchemaResponse

	printed   printed
	concealed concealed
	// own are the secrets that it was given in its environment.
	own   []string
	freed sync.Once

	mu sync.Mutex
	// calls are the contexts of the verbs that it does, by their ids.
	calls map[string]context.Context
	// last is the context of the verb that has ended last: what a verb prints may come later than its outcome.
	last   context.Context
	number int
}

// ended tells whether the process is no more.
func (p *process) ended() bool {
	select {
	case <-p.program.exited:
		return true
	default:
		return false
	}
}

// endsSoon tells whether the process has ended, where err may say that the connection has. A process that lives on without
// one is killed.
func (p *process) endsSoon(err error) bool {
	if p.ended() {
		return true
	}
	if status.Code(err) != codes.Unavailable {
		return false
	}
	select {
	case <-p.program.exited:
	case <-time.After(endWait):
		p.program.kill(errors.New("it cut its connection and was killed"))
		<-p.program.exited
	}
	return true
}

// watch asks the process whether it is there, as long as it has something to do, and tidies up when it has ended.
func (p *process) watch(ctx context.Context) {
	options := p.host.options
	ticker := time.NewTicker(options.HealthEvery)
	defer ticker.Stop()
	for {
		select {
		case <-p.program.exited:
			options.Log.Debug().Str("plugin", p.Name).Str("pid", p.program.ID()).
				Stringer("state", p.program.cmd.ProcessState).Msg("plugin ended")
			p.release()
			return
		case <-ticker.C:
			if p.busy() && !p.healthy(ctx) {
				p.program.kill(fmt.Errorf("it gave no sign of life for %v and was killed", options.HealthWait))
			}
		}
	}
}

func (p *process) healthy(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, p.host.options.HealthWait)
	defer cancel()
	_, err := p.health.Check(ctx, &grpc_health_v1.HealthCheckRequest{Service: protocol.Service})
	// Whatever it answers, it answers.
	return status.Code(err) != codes.DeadlineExceeded
}

// close ends the process, gently as far as ctx and closeWait allow, and returns when it is no more.
func (p *process) close(ctx context.Context) {
	p.program.dismiss(errClosed)
	select {
	case <-p.program.exited:
	case <-ctx.Done():
	case <-time.After(closeWait):
	}
	p.program.kill(errClosed)
	p.release()
	p.printed.flush()
}

// release waits for the end of the process and frees what go-plugin keeps. It may be called more than once.
func (p *process) release() {
	if p.program.ID() != "" {
		// go-plugin asks a process that lives to end, and waits without end for one that hangs.
		<-p.program.exited
	}
	p.freed.Do(p.client.Kill)
}

// begin notes a verb that the process does, until end is called. id is what it is called.
func (p *process) begin(ctx context.Context) (id string, end func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.number++
	id = strconv.Itoa(p.number)
	p.calls[id] = ctx
	return id, func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		delete(p.calls, id)
		p.last = ctx
	}
}

func (p *process) busy() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.calls) > 0
}
