package develop

import (
	"bytes"
	"compress/zlib"
	"encoding/base64"
	"io"
	"os"
	"os/exec"
	"regexp"
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/types/descriptorpb"

	"github.com/devstream-io/dtm/cmd/dtm/parts"
	"github.com/devstream-io/dtm/plugins/protocol"
)

func TestTheSDKForPythonKeepsItsOwnTests(t *testing.T) {
	cmd := exec.CommandContext(t.Context(), parts.Python(t), "-B", "-m", "unittest", "-v")
	cmd.Dir = "python"
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

// TestTheSDKForPythonHasTheMessagesOfTheProtocol compares the descriptor in the file with that of plugin.proto. Where it has
// changed, the right one is in the message.
func TestTheSDKForPythonHasTheMessagesOfTheProtocol(t *testing.T) {
	want := protodesc.ToFileDescriptorProto(protocol.File_plugin_proto)
	want.Options = nil
	for _, m := range want.MessageType {
		unnamed(m)
	}
	found := regexp.MustCompile(`(?s)_PROTO = """\n(.*?)\n"""`).FindSubmatch(pythonSDK)
	if found == nil {
		t.Fatal("there is no _PROTO")
	}
	got := new(descriptorpb.FileDescriptorProto)
	if err := unpack(found[1], got); err != nil {
		t.Fatal(err)
	}
	for _, m := range got.MessageType {
		unnamed(m)
	}
	if !proto.Equal(got, want) {
		t.Errorf("they have parted; put this into dtm_plugin.py:\n%s", pack(t, want))
	}
}

// unnamed takes away the names that fields have in JSON, which nobody uses.
func unnamed(m *descriptorpb.DescriptorProto) {
	for _, f := range m.Field {
		f.JsonName = nil
	}
	for _, nested := range m.NestedType {
		unnamed(nested)
	}
}

func unpack(text []byte, into proto.Message) error {
	packed := base64.NewDecoder(base64.StdEncoding, bytes.NewReader(text))
	plain, err := zlib.NewReader(packed)
	if err != nil {
		return err
	}
	data, err := io.ReadAll(plain)
	if err != nil {
		return err
	}
	return proto.Unmarshal(data, into)
}

func pack(t *testing.T, m proto.Message) string {
	data, err := proto.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	var packed bytes.Buffer
	w := zlib.NewWriter(&packed)
	if _, err := w.Write(data); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return regexp.MustCompile(`.{112}`).ReplaceAllString(base64.StdEncoding.EncodeToString(packed.Bytes()), "$0\n")
}

func TestTheExampleHasTheSDKOfThisVersion(t *testing.T) {
	text, err := os.ReadFile("../../../examples/plugins/symlink/dtm_plugin.py")
	if err != nil || !bytes.Equal(text, pythonSDK) {
		t.Errorf("copy cmd/dtm/develop/python/dtm_plugin.py there (%v)", err)
	}
}
