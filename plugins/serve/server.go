package serve

import (
	"context"
	"strings"
	"sync"

	"google.golang.org/grpc"

	"github.com/devstream-io/dtm/plugins"
	"github.com/devstream-io/dtm/plugins/protocol"
)

// server answers dtm with the verbs of a kind.
type server struct {
	protocol.UnimplementedPluginServer
	version string
	kind    plugins.Kind

	mu sync.Mutex
	// calls are the verbs that run, by the name that dtm gave them, and how to stop them.
	calls map[string]context.CancelFunc
}

func newServer(version string, kind plugins.Kind) *server {
	return &server{version: version, kind: kind, calls: map[string]context.CancelFunc{}}
}

func (s *server) Schema(context.Context, *protocol.SchemaRequest) (*protocol.SchemaResponse, error) {
	return &protocol.SchemaResponse{
		Name:       s.kind.Name,
		Version:    s.version,
		Cue:        s.kind.Schema,
		Validates:  s.kind.Validates(),
		Identifies: s.kind.Identifies(),
		Previews:   s.kind.Previews(),
		Succeeds:   s.kind.Succeeds(),
		Precious:   s.kind.Precious,
	}, nil
}

func (s *server) Validate(ctx context.Context, r *protocol.ValidateRequest) (*protocol.ValidateResponse, error) {
	if err := s.kind.Validate(ctx, r.GetWant()); err != nil {
		return &protocol.ValidateResponse{Failure: failure(ctx, err)}, nil
	}
	return &protocol.ValidateResponse{}, nil
}

func (s *server) Identity(ctx context.Context, r *protocol.IdentityRequest) (*protocol.IdentityResponse, error) {
	identity, err := s.kind.Identity(ctx, r.GetOptions())
	if err != nil {
		return &protocol.IdentityResponse{Failure: failure(ctx, err)}, nil
	}
	return &protocol.IdentityResponse{Identity: strings.ToValidUTF8(identity, replacement)}, nil
}

func (s *server) Create(r *protocol.CreateRequest, stream grpc.ServerStreamingServer[protocol.VerbResponse]) error {
	return s.verb(r.GetCall(), stream, func(ctx context.Context) (*protocol.VerbResponse, error) {
		return result(s.kind.Create(ctx, r.GetWant()))
	})
}

func (s *server) Read(r *protocol.ReadRequest, stream grpc.ServerStreamingServer[protocol.VerbResponse]) error {
	return s.verb(r.GetCall(), stream, func(ctx context.Context) (*protocol.VerbResponse, error) {
		return result(s.kind.Read(ctx, r.GetWant(), r.GetLast()))
	})
}

func (s *server) Update(r *protocol.UpdateRequest, stream grpc.ServerStreamingServer[protocol.VerbResponse]) error {
	return s.verb(r.GetCall(), stream, func(ctx context.Context) (*protocol.VerbResponse, error) {
		return result(s.kind.Update(ctx, r.GetWant(), r.GetHave(), r.GetLast()))
	})
}

func (s *server) Delete(r *protocol.DeleteRequest, stream grpc.ServerStreamingServer[protocol.VerbResponse]) error {
	return s.verb(r.GetCall(), stream, func(ctx context.Context) (*protocol.VerbResponse, error) {
		return result(nil, s.kind.Delete(ctx, r.GetHave(), r.GetLast()))
	})
}

func (s *server) Succeed(r *protocol.SucceedRequest, stream grpc.ServerStreamingServer[protocol.VerbResponse]) error {
	return s.verb(r.GetCall(), stream, func(ctx context.Context) (*protocol.VerbResponse, error) {
		return result(s.kind.Succeed(ctx, r.GetHave(), r.GetOld()))
	})
}

func (s *server) Preview(r *protocol.PreviewRequest, stream grpc.ServerStreamingServer[protocol.VerbResponse]) error {
	return s.verb(r.GetCall(), stream, func(ctx context.Context) (*protocol.VerbResponse, error) {
		p, err := s.kind.Preview(ctx, r.GetWant(), r.GetHave(), r.GetLast())
		if err != nil {
			return nil, err
		}
		return &protocol.VerbResponse{Event: &protocol.VerbResponse_Preview{Preview: preview(p)}}, nil
	})
}

func (s *server) Cancel(_ context.Context, r *protocol.CancelRequest) (*protocol.CancelResponse, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if cancel, ok := s.calls[r.GetId()]; ok {
		cancel()
	}
	return &protocol.CancelResponse{}, nil
}

// begin is the context of a verb, which Cancel can stop until end is called.
func (s *server) begin(ctx context.Context, id string) (_ context.Context, end func()) {
	ctx, cancel := context.WithCancel(ctx)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls[id] = cancel
	return ctx, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.calls, id)
		cancel()
	}
}
