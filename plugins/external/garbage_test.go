package external_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/go-plugin"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/devstream-io/dtm/plugins"
	"github.com/devstream-io/dtm/plugins/external"
	"github.com/devstream-io/dtm/plugins/protocol"
)

const certificate = "MIIB/certificate"

// strange is a program that is no good plugin.
func strange(name string) {
	switch name {
	case "greets":
		fmt.Println("hello, I am a plugin")
	case "tells":
		fmt.Println("my token is", os.Getenv("ODD_TOKEN"))
	case "bare":
		fmt.Fprintln(os.Stderr, serveBare())
	case "waits":
		fmt.Fprintln(os.Stderr, "waiting")
	case "dies":
		fmt.Fprintln(os.Stderr, "libgreeting.so.1: cannot open shared object file")
		os.Exit(4)
	case "old":
		fmt.Println("1|7|unix|/nowhere|grpc|" + certificate)
	case "net rpc":
		fmt.Println("1|1|unix|/nowhere|netrpc|" + certificate)
	case "in the clear":
		fmt.Println("1|1|unix|/nowhere|grpc|")
	case "not there":
		fmt.Println("1|1|unix|/nowhere|grpc|" + strings.Repeat("A", 600))
	case "endless line":
		for {
			fmt.Print(strings.Repeat("x", 4096))
		}
	case "other name":
		babble(&babbler{schema: &protocol.SchemaResponse{Name: "another", Cue: oddSchema}})
	case "other schema":
		babble(&babbler{schema: &protocol.SchemaResponse{Name: name, Cue: "package other\n"}})
	case "precious":
		babble(&babbler{schema: &protocol.SchemaResponse{Name: name, Cue: oddSchema, Precious: true}})
	case "mute":
		babble(&babbler{})
	default:
		babble(&babbler{schema: &protocol.SchemaResponse{
			Name: name, Cue: oddSchema, Validates: true, Identifies: true, Previews: true, Succeeds: true,
		}, does: name})
	}
	_, _ = io.Copy(io.Discard, os.Stdin)
}

// babbler speaks the protocol, but what it says makes no sense.
type babbler struct {
	protocol.UnimplementedPluginServer
	plugin.NetRPCUnsupportedPlugin
	schema *protocol.SchemaResponse
	does   string
	// cancels gets the name of every call that is to stop.
	cancels chan string
}

func babble(b *babbler) {
	b.cancels = make(chan string, 100)
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		os.Exit(0)
	}()
	plugin.Serve(&plugin.ServeConfig{
		HandshakeConfig: plugin.HandshakeConfig{
			ProtocolVersion: protocol.Version, MagicCookieKey: protocol.CookieName, MagicCookieValue: protocol.CookieValue,
		},
		Plugins:    plugin.PluginSet{protocol.Service: b},
		GRPCServer: plugin.DefaultGRPCServer,
		Logger:     hclog.NewNullLogger(),
	})
}

func (b *babbler) GRPCServer(_ *plugin.GRPCBroker, s *grpc.Server) error {
	protocol.RegisterPluginServer(s, b)
	return nil
}

func (b *babbler) GRPCClient(context.Context, *plugin.GRPCBroker, *grpc.ClientConn) (any, error) {
	return nil, errors.ErrUnsupported
}

func (b *babbler) Schema(ctx context.Context, _ *protocol.SchemaRequest) (*protocol.SchemaResponse, error) {
	if b.schema == nil {
		<-ctx.Done()
	}
	return b.schema, nil
}

func (b *babbler) Read(_ *protocol.ReadRequest, stream grpc.ServerStreamingServer[protocol.VerbResponse]) error {
	return stream.Send(&protocol.VerbResponse{Event: &protocol.VerbResponse_Result{Result: &protocol.Result{Resource: []byte("{}")}}})
}

func (b *babbler) Cancel(_ context.Context, r *protocol.CancelRequest) (*protocol.CancelResponse, error) {
	b.cancels <- r.GetId()
	return &protocol.CancelResponse{}, nil
}

func (b *babbler) Create(r *protocol.CreateRequest, stream grpc.ServerStreamingServer[protocol.VerbResponse]) error {
	result := &protocol.Result{}
	switch b.does {
	case "empty":
	case "no json":
		result.Resource = []byte(`{"outputs": `)
	case "no text":
		result.Resource = []byte("\"\xff\"")
	case "no outcome":
		return nil
	case "late":
		// As if the first had come before this verb.
		if err := stream.Send(&protocol.VerbResponse{Event: &protocol.VerbResponse_Progress{Progress: &protocol.Progress{Text: "begun"}}}); err != nil {
			return err
		}
		if first, second := <-b.cancels, <-b.cancels; first != r.GetCall().GetId() || second != first {
			return status.Errorf(codes.Internal, "%s and %s are to stop, not %s", first, second, r.GetCall().GetId())
		}
		return stream.Send(&protocol.VerbResponse{Event: &protocol.VerbResponse_Failure{
			Failure: &protocol.Failure{Message: "it stopped", Cancelled: true},
		}})
	case "a preview":
		return stream.Send(&protocol.VerbResponse{Event: &protocol.VerbResponse_Preview{Preview: &protocol.PreviewResult{}}})
	case "a status":
		return status.Error(codes.Internal, "correct horse")
	case "more than it knows":
		if err := stream.Send(&protocol.VerbResponse{}); err != nil {
			return err
		}
		result.Resource = []byte("{}")
	case "too much":
		result.Resource = []byte(`"` + strings.Repeat("x", 65<<20) + `"`)
	case "after the outcome":
		result.Resource = []byte("{}")
		if err := stream.Send(&protocol.VerbResponse{Event: &protocol.VerbResponse_Result{Result: result}}); err != nil {
			return err
		}
		return status.Error(codes.Internal, "too late")
	}
	return stream.Send(&protocol.VerbResponse{Event: &protocol.VerbResponse_Result{Result: result}})
}

func TestAPluginThatCannotBeStartedSaysWhy(t *testing.T) {
	folder := t.TempDir()
	for name, mode := range map[string]os.FileMode{"plain": 0o644, "script": 0o755, "folder/": 0o755} {
		path := filepath.Join(folder, name)
		if strings.HasSuffix(name, "/") {
			must(t, os.Mkdir(path, mode))
			continue
		}
		must(t, os.WriteFile(path, []byte("no program\n"), mode))
	}
	in := func(command ...string) external.Installed {
		return external.Installed{Name: "greeting", Dir: folder, Command: command, Schema: oddSchema}
	}
	self := func(name string) external.Installed { return program(t, name, oddSchema) }
	for _, c := range []struct {
		name      string
		installed external.Installed
		says      string
		hint      string
	}{
		{"no command", in(), "plugin greeting: it has no command", ""},
		{"missing", in("./missing"), "plugin greeting: its program is missing: stat " + folder + "/missing: no such file or directory", "dtm init"},
		{"outside", in("./../greeting"), "plugin greeting: its command ./../greeting leaves the folder of the plugin", ""},
		{"not on PATH", in("no-such-program"), "plugin greeting: its program is not on PATH: ", "install no-such-program"},
		{"not executable", in("./plain"), "plugin greeting: its program cannot be run: ", "chmod +x"},
		{"not a program", in("./script"), "plugin greeting: its program cannot be run: ", "another system"},
		{"a folder", in("./folder"), "plugin greeting: its program " + folder + "/folder is not a regular file", ""},

		{"says something else", self("greets"), `plugin greets: its first line on standard output is no handshake: "hello, I am a plugin"`, "is it a plugin of dtm?"},
		{"never stops to say it", self("endless line"), `plugin endless line: its first line on standard output is no handshake: "xxx`, "is it a plugin of dtm?"},
		{"says nothing", self("waits"), "plugin waits: before it was ready, it gave no answer within 4s and was killed: it said last:\n  waiting", "bug"},
		{"dies", self("dies"), "plugin dies: before it was ready, its process ended: exit status 4: it said last:\n  libgreeting.so.1: cannot", "bug"},
		{"speaks another version", self("old"), `plugin old: it speaks version "7" of the protocol, dtm speaks 1`, "for this dtm 0.13.0"},
		{"speaks something else", self("net rpc"), `plugin net rpc: it offers "netrpc", dtm speaks gRPC`, ""},
		{"speaks in the clear", self("in the clear"), "plugin in the clear: it has no certificate", ""},
		{"has a broken certificate", self("not there"), "plugin not there: its handshake is not understood: ", "bug"},
		{"does not say who it is", self("mute"), "plugin mute: asked who it is, it gave no answer within 4s and was killed", "bug"},
		{"is another", self("other name"), `plugin other name: its program says that it is the plugin "another"`, "build the plugin again"},
		{"has another schema", self("other schema"), "plugin other schema: its program has another schema.cue than its folder", "build the plugin again"},
		{"is more precious", self("precious"), "plugin precious: its program says precious: true, its manifest says the opposite", "build the plugin again"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			options := external.Options{Version: "0.13.0"}
			if strings.Contains(c.says, "within 4s") {
				options.StartWait = 4 * time.Second
			}
			host := newHost(t, options)
			err := host.Start(t.Context(), c.installed)
			if err == nil || !strings.HasPrefix(err.Error(), c.says) {
				t.Fatalf("error: %v\nwant:  %s", err, c.says)
			}
			hint := ""
			var hinted interface{ Hint() string }
			if errors.As(err, &hinted) {
				hint = hinted.Hint()
			}
			if !strings.Contains(hint, c.hint) || c.hint == "" && hint != "" {
				t.Errorf("hint: %q, want %q", hint, c.hint)
			}
			_, again := host.Kind(c.installed).Read(t.Context(), encode(order{}), nil)
			if again == nil || !strings.HasPrefix(again.Error(), c.says) {
				t.Errorf("a verb says %v", again)
			}
		})
	}
}

func TestAPluginThatTalksNonsenseFailsItsVerbAndNoOther(t *testing.T) {
	ctx := plugins.WithRedact(t.Context(), func(text string) string { return strings.ReplaceAll(text, "correct horse", "(known)") })
	for _, c := range []struct{ does, says string }{
		{"empty", "plugin empty: create: its resource is no JSON"},
		{"no json", "plugin no json: create: its resource is no JSON"},
		{"no text", "plugin no text: create: its resource is no JSON"},
		{"no outcome", "plugin no outcome: create: it ended without an outcome"},
		{"a preview", "plugin a preview: create: its outcome is no result"},
		{"a status", "plugin a status: create: it said no outcome, but Internal: (known)"},
		{"too much", "plugin too much: create: a message may have 64 MiB at most: "},
		{"more than it knows", ""},
		{"after the outcome", ""},
	} {
		t.Run(c.does, func(t *testing.T) {
			t.Parallel()
			kind := newHost(t, external.Options{}).Kind(program(t, c.does, oddSchema))
			must(t, kind.Validate(ctx, encode(order{})))
			if _, err := kind.Identity(ctx, encode(order{})); err != nil {
				t.Errorf("identity, which it does not have: %v", err)
			}
			_, err := kind.Create(ctx, encode(order{}))
			if got := fmt.Sprint(err); c.says != "" && !strings.HasPrefix(got, c.says) || c.says == "" && err != nil {
				t.Errorf("error: %v", err)
			}
			if _, ok := plugins.RetryAfter(err); ok {
				t.Error("it is retryable")
			}
			if _, err := kind.Read(ctx, encode(order{}), nil); err != nil {
				t.Errorf("another verb: %v", err)
			}
			if p, err := kind.Preview(ctx, encode(order{}), nil, nil); err != nil || !p.Empty() {
				t.Errorf("preview, which it does not have: %+v, %v", p, err)
			}
			if r, err := kind.Succeed(ctx, encode(order{}), encode(order{})); err != nil || r != nil {
				t.Errorf("succeed, which it does not have: %s, %v", r, err)
			}
			if err := kind.Delete(ctx, encode(order{}), nil); err == nil || !strings.Contains(err.Error(), "it does not have this method") {
				t.Errorf("delete, which it must have: %v", err)
			}
		})
	}
}

func TestARequestMayBeLargeButNotTooLarge(t *testing.T) {
	kind := oddKind(t, external.Options{})
	named := func(size int) json.RawMessage {
		return slices.Concat([]byte(`{"do": "it", "name": "`), bytes.Repeat([]byte("x"), size), []byte(`"}`))
	}
	// More than gRPC lets through by itself.
	r, err := kind.Update(t.Context(), named(5<<20), nil, nil)
	if err != nil || len(decode[done](t, r).Text) != 5<<20 {
		t.Errorf("5 MiB: %d bytes, %v", len(r), err)
	}
	_, err = kind.Update(t.Context(), named(65<<20), nil, nil)
	if err == nil || !strings.Contains(err.Error(), "a message may have 64 MiB at most") {
		t.Errorf("65 MiB: %v", err)
	}
	_ = pid(t, kind)
}

func TestAVerbIsAskedToStopUntilItDoes(t *testing.T) {
	kind := newHost(t, external.Options{}).Kind(program(t, "late", oddSchema))
	ctx, cancel := context.WithCancel(t.Context())
	ended := begin(t, ctx, kind, order{})
	cancel()
	if err := ends(t, ended); !errors.Is(err, context.Canceled) || err.Error() != "it stopped" {
		t.Errorf("error: %v", err)
	}
}
