package serve_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"io"
	"math/big"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"

	"github.com/devstream-io/dtm/plugins"
	"github.com/devstream-io/dtm/plugins/localfile"
	"github.com/devstream-io/dtm/plugins/protocol"
	"github.com/devstream-io/dtm/plugins/serve"
)

// servesIn is the variable that makes the test binary a plugin.
const servesIn = "SERVE_IN_A_TEST"

func TestMain(m *testing.M) {
	if os.Getenv(servesIn) != "" {
		serve.Main("1.2.3", localfile.New)
	}
	os.Exit(m.Run())
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestWhoeverStartsAPluginByHandIsToldWhatItIs(t *testing.T) {
	cmd := exec.Command(os.Args[0])
	cmd.Env = []string{servesIn + "=1"}
	said, err := cmd.CombinedOutput()
	if cmd.ProcessState.ExitCode() != 1 || !strings.HasPrefix(string(said), "this program is a plugin of dtm") {
		t.Errorf("%v: %s", err, said)
	}
}

// started is a plugin's process that has said its handshake.
type started struct {
	cmd    *exec.Cmd
	stdin  io.Closer
	fields []string
	// pair is the certificate that it accepts.
	pair tls.Certificate
}

func start(t *testing.T) *started {
	t.Helper()
	dir, err := os.MkdirTemp("/tmp", "x")
	must(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), DNSNames: []string{"localhost"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Minute), NotAfter: time.Now().Add(time.Hour),
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	must(t, err)

	cmd := exec.Command(os.Args[0])
	cmd.Env = []string{
		servesIn + "=1", protocol.CookieName + "=" + protocol.CookieValue, "PLUGIN_UNIX_SOCKET_DIR=" + dir, "PLUGIN_PROTOCOL_VERSIONS=1",
		protocol.CertificateName + "=" + string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})),
	}
	stdin, err := cmd.StdinPipe()
	must(t, err)
	stdout, err := cmd.StdoutPipe()
	must(t, err)
	must(t, cmd.Start())
	t.Cleanup(func() {
		_ = stdin.Close()
		_ = cmd.Wait()
	})
	line, err := bufio.NewReader(stdout).ReadString('\n')
	must(t, err)
	fields := strings.Split(strings.TrimSpace(line), "|")
	if len(fields) != 6 || !strings.HasPrefix(fields[3], dir) {
		t.Fatalf("the handshake is %q", line)
	}
	return &started{cmd, stdin, fields, tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}}
}

// dial connects with these certificates of one's own.
func (s *started) dial(t *testing.T, own ...tls.Certificate) *grpc.ClientConn {
	t.Helper()
	der, err := base64.RawStdEncoding.DecodeString(s.fields[5])
	must(t, err)
	theirs, err := x509.ParseCertificate(der)
	must(t, err)
	pool := x509.NewCertPool()
	pool.AddCert(theirs)
	conn, err := grpc.NewClient("unix://"+s.fields[3], grpc.WithTransportCredentials(credentials.NewTLS(
		&tls.Config{RootCAs: pool, ServerName: "localhost", Certificates: own},
	)))
	must(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

func TestAPluginAnswersTheOneWhoStartedItAndNobodyElse(t *testing.T) {
	s := start(t)
	schema, err := protocol.NewPluginClient(s.dial(t, s.pair)).Schema(t.Context(), &protocol.SchemaRequest{})
	must(t, err)
	want := localfile.New(plugins.Env{})
	if schema.GetName() != "localfile" || schema.GetVersion() != "1.2.3" || schema.GetCue() != want.Schema ||
		!schema.GetIdentifies() || !schema.GetSucceeds() || schema.GetPreviews() || schema.GetValidates() || schema.GetPrecious() {
		t.Errorf("the plugin says that it is %v", schema)
	}
	other := start(t)
	for name, own := range map[string][]tls.Certificate{"nobody": nil, "somebody else": {other.pair}} {
		_, err := protocol.NewPluginClient(s.dial(t, own...)).Schema(t.Context(), &protocol.SchemaRequest{})
		if status.Code(err) != codes.Unavailable {
			t.Errorf("%s is answered: %v", name, err)
		}
	}
}

func TestAPluginOutlivesAnInterruptAndEndsWithItsInput(t *testing.T) {
	s := start(t)
	health := grpc_health_v1.NewHealthClient(s.dial(t, s.pair))
	for range 3 {
		must(t, s.cmd.Process.Signal(syscall.SIGINT))
		answer, err := health.Check(t.Context(), &grpc_health_v1.HealthCheckRequest{Service: protocol.Service})
		if err != nil || answer.GetStatus() != grpc_health_v1.HealthCheckResponse_SERVING {
			t.Fatalf("%v, %v", answer, err)
		}
	}
	must(t, s.stdin.Close())
	if err := s.cmd.Wait(); err != nil {
		t.Errorf("it ended with %v", err)
	}
}

func TestCancelOfAVerbThatIsNotThereIsNoError(t *testing.T) {
	s := start(t)
	api := protocol.NewPluginClient(s.dial(t, s.pair))
	if _, err := api.Cancel(t.Context(), &protocol.CancelRequest{Id: "no such"}); err != nil {
		t.Error(err)
	}
	stream, err := api.Read(context.Background(), &protocol.ReadRequest{
		Call: &protocol.Call{Id: "1", TimeoutMillis: 60_000}, Want: []byte(`{"filename": "missing"}`),
	})
	must(t, err)
	event, err := stream.Recv()
	must(t, err)
	if f := event.GetFailure(); !f.GetNotFound() || f.GetCancelled() || !bytes.Contains([]byte(f.GetMessage()), []byte("not found")) {
		t.Errorf("the outcome is %v", event)
	}
	if _, err := stream.Recv(); err != io.EOF {
		t.Errorf("after the outcome: %v", err)
	}
}
