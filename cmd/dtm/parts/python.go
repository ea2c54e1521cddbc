package parts

import (
	"os/exec"
	"testing"
)

// Python returns the path of a Python that a plugin can run on: one that has grpcio, protobuf and cryptography. The first on
// PATH may be one that has not, so that of the system is tried as well.
func Python(t testing.TB) string {
	t.Helper()
	for _, name := range []string{"python3", "/usr/bin/python3"} {
		path, err := exec.LookPath(name)
		if err != nil {
			continue
		}
		if exec.CommandContext(t.Context(), path, "-B", "-c", "import grpc, google.protobuf, cryptography.x509").Run() == nil {
			return path
		}
	}
	Missing(t, "a python3 that plugins can run on is not here: install python3-grpcio python3-protobuf python3-cryptography")
	return ""
}
