package protocol_test

import (
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/bufbuild/protocompile"
	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/testing/protocmp"
	"google.golang.org/protobuf/types/descriptorpb"

	"github.com/devstream-io/dtm/plugins/protocol"
)

func TestTheGoIsThatOfPluginProto(t *testing.T) {
	compiler := protocompile.Compiler{Resolver: &protocompile.SourceResolver{}}
	files, err := compiler.Compile(t.Context(), "plugin.proto")
	if err != nil {
		t.Fatal(err)
	}
	written := protodesc.ToFileDescriptorProto(files[0])
	generated := protodesc.ToFileDescriptorProto(protocol.File_plugin_proto)
	if diff := cmp.Diff(written, generated, protocmp.Transform()); diff != "" {
		t.Errorf("plugin.proto (-) is not what the Go was made of (+), run `go generate`:\n%s", diff)
	}
	methods := methodsOf(written)
	var served []string
	for _, m := range protocol.Plugin_ServiceDesc.Methods {
		served = append(served, m.MethodName)
	}
	for _, s := range protocol.Plugin_ServiceDesc.Streams {
		served = append(served, s.StreamName)
	}
	slices.Sort(served)
	if diff := cmp.Diff(methods, served); diff != "" {
		t.Errorf("the methods of plugin.proto (-) are not those of the Go (+), run `go generate`:\n%s", diff)
	}
}

func methodsOf(file *descriptorpb.FileDescriptorProto) []string {
	var names []string
	for _, m := range file.GetService()[0].GetMethod() {
		names = append(names, m.GetName())
	}
	slices.Sort(names)
	return names
}

func TestTheNamesInGoAreThoseThatAreWrittenDown(t *testing.T) {
	text, err := os.ReadFile("plugin.proto")
	if err != nil {
		t.Fatal(err)
	}
	for _, fact := range []string{
		protocol.CookieName + "=" + protocol.CookieValue, protocol.DirName, protocol.CacheName, protocol.CertificateName,
		fmt.Sprintf("%d MiB", protocol.MaxMessage>>20),
	} {
		if !strings.Contains(string(text), fact) {
			t.Errorf("plugin.proto does not say %q", fact)
		}
	}
}

func TestTheReadmeTellsOfEveryMethod(t *testing.T) {
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	var told []string
	for _, row := range regexp.MustCompile("(?m)^\\| `([A-Z][a-z]+)` \\|").FindAllSubmatch(readme, -1) {
		told = append(told, string(row[1]))
	}
	slices.Sort(told)
	if diff := cmp.Diff(methodsOf(protodesc.ToFileDescriptorProto(protocol.File_plugin_proto)), told); diff != "" {
		t.Errorf("the methods (-) are not those of README.md (+):\n%s", diff)
	}
}
