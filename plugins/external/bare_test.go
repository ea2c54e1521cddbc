package external_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/health"
	"google.golang.org/grpc/health/grpc_health_v1"

	"github.com/devstream-io/dtm/plugins/external"
	"github.com/devstream-io/dtm/plugins/protocol"
)

// bare is a plugin without go-plugin: it does what protocol/README.md says, and nothing else.
type bare struct {
	protocol.UnimplementedPluginServer
}

func serveBare() error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), DNSNames: []string{"localhost"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Minute), NotAfter: time.Now().Add(time.Hour),
		KeyUsage:    x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth, x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return err
	}
	clients := x509.NewCertPool()
	if !clients.AppendCertsFromPEM([]byte(os.Getenv("PLUGIN_CLIENT_CERT"))) {
		return errors.New("no certificate of dtm")
	}
	server := grpc.NewServer(
		grpc.Creds(credentials.NewTLS(&tls.Config{
			Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}},
			ClientAuth:   tls.RequireAndVerifyClientCert, ClientCAs: clients, MinVersion: tls.VersionTLS12,
		})),
		grpc.MaxRecvMsgSize(protocol.MaxMessage),
	)
	protocol.RegisterPluginServer(server, bare{})
	healthy := health.NewServer()
	healthy.SetServingStatus("plugin", grpc_health_v1.HealthCheckResponse_SERVING)
	grpc_health_v1.RegisterHealthServer(server, healthy)
	socket := filepath.Join(os.Getenv("PLUGIN_UNIX_SOCKET_DIR"), "bare")
	listener, err := net.Listen("unix", socket)
	if err != nil {
		return err
	}
	fmt.Printf("1|1|unix|%s|grpc|%s\n", socket, base64.RawStdEncoding.EncodeToString(der))
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		os.Exit(0)
	}()
	return server.Serve(listener)
}

func (bare) Schema(context.Context, *protocol.SchemaRequest) (*protocol.SchemaResponse, error) {
	return &protocol.SchemaResponse{Name: "bare", Cue: oddSchema}, nil
}

func (bare) Read(_ *protocol.ReadRequest, stream grpc.ServerStreamingServer[protocol.VerbResponse]) error {
	resource := fmt.Appendf(nil, `{"pid": %d}`, os.Getpid())
	return stream.Send(&protocol.VerbResponse{Event: &protocol.VerbResponse_Result{Result: &protocol.Result{Resource: resource}}})
}

// Create prints, and cannot be asked to stop.
func (bare) Create(_ *protocol.CreateRequest, stream grpc.ServerStreamingServer[protocol.VerbResponse]) error {
	fmt.Println("printed to standard output")
	_ = stream.Send(&protocol.VerbResponse{Event: &protocol.VerbResponse_Progress{Progress: &protocol.Progress{Text: "begun"}}})
	select {}
}

func TestAPluginThatDoesWhatIsWrittenDownAndNothingElse(t *testing.T) {
	log, logger := newJournal()
	kind := newHost(t, external.Options{
		Log: logger, Grace: 300 * time.Millisecond, HealthEvery: 10 * time.Millisecond, HealthWait: soon,
	}).Kind(program(t, "bare", oddSchema))
	before := pid(t, kind)
	ctx, cancel := context.WithCancel(t.Context())
	ended := begin(t, ctx, kind, order{Do: "it"})
	log.entry(t, func(e map[string]any) bool { return e["message"] == "printed to standard output" })
	if now := pid(t, kind); now != before {
		t.Errorf("the process was %d and is %d", before, now)
	}
	cancel()
	if err := ends(t, ended); !errors.Is(err, context.Canceled) {
		t.Errorf("error: %v", err)
	}
	if now := pid(t, kind); now == before {
		t.Errorf("the process is still %d", now)
	}
}
