package external

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/go-plugin"
	"github.com/hashicorp/go-plugin/runner"
	"google.golang.org/grpc"
	"google.golang.org/grpc/health/grpc_health_v1"

	"github.com/devstream-io/dtm/plugins"
	"github.com/devstream-io/dtm/plugins/protocol"
)

// newProcess starts a process and asks who it is, until ctx is done or StartWait is over.
func (i *installed) newProcess(ctx context.Context) (*process, error) {
	began, options := time.Now(), i.host.options
	path, err := i.program(options.LookPath)
	if err != nil {
		return nil, err
	}
	dir, cert, err := i.host.ready()
	if err != nil {
		return nil, err
	}
	p := &process{installed: i, calls: map[string]context.Context{}}
	p.heard, p.printed.write = &output{hear: func(string) {}}, p.print
	if options.Log.Debug().Enabled() {
		p.heard.hear = p.printed.add
	}
	p.own = inEnvironment(i.Env, options.Env.Getenv)
	for _, value := range p.own {
		p.concealed.add(value)
	}
	p.program = newProgram(path, i.Installed, options.Version, p.heard)
	p.program.out.hide = p.concealed.hide
	p.client = plugin.NewClient(p.config(dir, cert))

	outside := ctx
	ctx, cancel := context.WithTimeoutCause(ctx, options.StartWait, fmt.Errorf("it gave no answer within %v and was killed", options.StartWait))
	defer cancel()
	defer context.AfterFunc(ctx, func() { p.program.kill(context.Cause(ctx)) })()
	if err := p.open(ctx); err != nil {
		p.program.kill(err)
		p.release()
		p.printed.flush()
		return nil, err
	}
	options.Log.Debug().Str("plugin", i.Name).Str("version", p.schema.GetVersion()).Str("pid", p.program.ID()).
		Dur("took", time.Since(began)).Msg("plugin started")
	go p.watch(context.WithoutCancel(outside))
	return p, nil
}

// config is how go-plugin starts the process. dir is for its socket.
func (p *process) config(dir string, cert *certificate) *plugin.ClientConfig {
	options := p.host.options
	return &plugin.ClientConfig{
		HandshakeConfig: plugin.HandshakeConfig{
			ProtocolVersion:  protocol.Version,
			MagicCookieKey:   protocol.CookieName,
			MagicCookieValue: protocol.CookieValue,
		},
		Plugins: plugin.PluginSet{protocol.Service: dispensed{}},
		RunnerFunc: func(_ hclog.Logger, cmd *exec.Cmd, _ string) (runner.Runner, error) {
			p.program.cmd.Env = append(append(p.environment(options.Env), cmd.Env...), protocol.CertificateName+"="+cert.pem)
			return p.program, nil
		},
		// AutoMTLS, but for the key: see certificate.
		TLSConfig:        cert.tls(),
		AllowedProtocols: []plugin.Protocol{plugin.ProtocolGRPC},
		SkipHostEnv:      true,
		// ctx is done before that.
		StartTimeout:     options.StartWait + endWait,
		UnixSocketConfig: &plugin.UnixSocketConfig{TempDir: dir},
		GRPCDialOptions: []grpc.DialOption{grpc.WithDefaultCallOptions(
			grpc.MaxCallRecvMsgSize(protocol.MaxMessage), grpc.MaxCallSendMsgSize(protocol.MaxMessage),
		)},
		SyncStdout: &lines{to: p.heard.line},
		SyncStderr: &lines{to: p.heard.line},
		// What it has to tell, this package tells in its own words.
		Logger: hclog.NewNullLogger(),
	}
}

// open starts the process and asks it who it is.
func (p *process) open(ctx context.Context) error {
	if _, err := p.client.Start(); err != nil {
		if p.program.ID() == "" {
			return err
		}
		// go-plugin has killed it, unless it has ended by itself.
		<-p.program.exited
		if bad := p.program.out.err(); bad != nil {
			return bad
		}
		if errors.Is(p.program.reason(), errHandshake) {
			return plugins.Hinted(fmt.Errorf("%w: %w", errHandshake, err), bugHint)
		}
		return fmt.Errorf("before it was ready, %w", p.crash())
	}
	conn, err := p.client.Client()
	if err != nil {
		return err
	}
	raw, err := conn.Dispense(protocol.Service)
	if err != nil {
		return err
	}
	d := raw.(*dispensed)
	p.api, p.health = d.api, d.health
	// When ctx is done the process is killed, which says more than gRPC does.
	if p.schema, err = p.api.Schema(context.WithoutCancel(ctx), &protocol.SchemaRequest{}); err != nil {
		if p.endsSoon(err) {
			return fmt.Errorf("asked who it is, %w", p.crash())
		}
		return fmt.Errorf("asked who it is, %w", p.broken(ctx, err))
	}
	return p.mismatch()
}

// mismatch says what the process is and should not be.
func (p *process) mismatch() error {
	const hint = "build the plugin again, or run `dtm init` to install it again"
	switch {
	case p.schema.GetName() != p.Name:
		return plugins.Hinted(fmt.Errorf("its program says that it is the plugin %.100q", p.schema.GetName()), hint)
	case p.schema.GetCue() != p.Schema:
		return plugins.Hinted(errors.New("its program has another schema.cue than its folder"), hint)
	case p.schema.GetPrecious() != p.Precious:
		return plugins.Hinted(fmt.Errorf("its program says precious: %t, its manifest says the opposite", p.schema.GetPrecious()), hint)
	}
	return nil
}

// dispensed is the client of a process, as go-plugin makes it.
type dispensed struct {
	plugin.NetRPCUnsupportedPlugin
	api    protocol.PluginClient
	health grpc_health_v1.HealthClient
}

func (dispensed) GRPCServer(*plugin.GRPCBroker, *grpc.Server) error {
	return errors.New("dtm serves no plugin")
}

func (dispensed) GRPCClient(_ context.Context, _ *plugin.GRPCBroker, conn *grpc.ClientConn) (any, error) {
	return &dispensed{api: protocol.NewPluginClient(conn), health: grpc_health_v1.NewHealthClient(conn)}, nil
}
