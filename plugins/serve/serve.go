// Package serve makes a plugin a program of its own, that dtm starts and speaks package protocol's protocol with.
//
// The plugin is the same [plugins.Kind] that is built into dtm; only its main is another one:
//
//	func main() { serve.Main(version, greeting.New) }
//
// It does not decide what a plugin may do, nor how it is found: package external starts it, and the plugin's manifest says
// which variables of the environment it sees.
package serve

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/signal"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/go-plugin"
	"google.golang.org/grpc"

	"github.com/devstream-io/dtm/plugins"
	"github.com/devstream-io/dtm/plugins/protocol"
)

// Main serves the plugin until dtm is done with it or gone, and exits: it is all that a plugin's main does. version is the
// plugin's (semver), "" for a development build. make is called once, at the start, and does nothing slow.
//
// What the plugin prints ends in dtm's debug log, as what it says by zerolog.Ctx(ctx) does. A panic in a verb is the error of
// that verb; one in another goroutine ends the process, and dtm starts it anew for the next verb.
func Main(version string, make func(plugins.Env) plugins.Kind) {
	if os.Getenv(protocol.CookieName) != protocol.CookieValue {
		fmt.Fprintln(os.Stderr, "this program is a plugin of dtm, which starts it by itself: name it in the plugins of a configuration, then run `dtm init`")
		os.Exit(1)
	}
	// Until go-plugin listens for it, the interrupt of a terminal would end the process.
	signal.Ignore(os.Interrupt)
	go endWith(os.Stdin)

	kind := make(plugins.Env{
		Dir:    os.Getenv(protocol.DirName),
		Getenv: os.Getenv,
		HTTP:   &http.Client{},
		Now:    time.Now,
		Cache:  os.Getenv(protocol.CacheName),
	})
	plugin.Serve(&plugin.ServeConfig{
		HandshakeConfig: plugin.HandshakeConfig{
			ProtocolVersion:  protocol.Version,
			MagicCookieKey:   protocol.CookieName,
			MagicCookieValue: protocol.CookieValue,
		},
		Plugins: plugin.PluginSet{protocol.Service: wired{server: newServer(version, kind)}},
		// The limit of gRPC itself is 4 MB.
		GRPCServer: func(opts []grpc.ServerOption) *grpc.Server {
			return grpc.NewServer(append(opts, grpc.MaxRecvMsgSize(protocol.MaxMessage))...)
		},
		// What go-plugin has to tell is about itself.
		Logger: hclog.NewNullLogger(),
	})
	os.Exit(0)
}

// endWith ends the process at the end of in, which dtm holds open while it lives, however it dies.
func endWith(in io.Reader) {
	_, _ = io.Copy(io.Discard, in)
	os.Exit(0)
}

// wired is the server as go-plugin takes it.
type wired struct {
	plugin.NetRPCUnsupportedPlugin
	server *server
}

var _ plugin.GRPCPlugin = wired{}

func (w wired) GRPCServer(_ *plugin.GRPCBroker, s *grpc.Server) error {
	protocol.RegisterPluginServer(s, w.server)
	return nil
}

func (wired) GRPCClient(context.Context, *plugin.GRPCBroker, *grpc.ClientConn) (any, error) {
	return nil, errors.New("a plugin calls no plugin")
}
