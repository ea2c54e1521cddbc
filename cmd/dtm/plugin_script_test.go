package main

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/devstream-io/dtm/cmd/dtm/parts"
	"github.com/devstream-io/dtm/plugins/registry"
)

// pluginCommands are for the scripts about plugins that are programs of their own.
var pluginCommands = map[string]func(ts *testscript.TestScript, neg bool, args []string){
	// greeting DIR [VERSION]: the plugin of testdata/greeting in a folder.
	"greeting": func(ts *testscript.TestScript, _ bool, args []string) {
		v := "0.1.0"
		if len(args) > 1 {
			v = args[1]
		}
		ts.Check(writeGreeting(tb(ts), ts.MkAbs(args[0]), v))
	},
	// pack DIR FILE: the archive of a plugin's folder, with its digest in SHA256SUMS beside it.
	"pack": func(ts *testscript.TestScript, _ bool, args []string) {
		file := ts.MkAbs(args[1])
		ts.Check(os.MkdirAll(filepath.Dir(file), 0o755))
		_, err := registry.Pack(context.Background(), ts.MkAbs(args[0]), file)
		ts.Check(err)
		ts.Check(addSum(file))
	},
	// serve-files DIR NAME: a server of the folder's files. Its address is $NAME; what it was asked for is in $NAME.log in the
	// script's folder.
	"serve-files": func(ts *testscript.TestScript, _ bool, args []string) {
		log, err := os.Create(ts.MkAbs(args[1] + ".log"))
		ts.Check(err)
		var mu sync.Mutex
		files := http.FileServer(http.Dir(ts.MkAbs(args[0])))
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			mu.Lock()
			_, _ = io.WriteString(log, r.Method+" "+r.URL.Path+"\n")
			mu.Unlock()
			files.ServeHTTP(w, r)
		}))
		ts.Setenv(args[1], server.URL)
		ts.Defer(func() {
			server.Close()
			_ = log.Close()
		})
	},
	// damage DIR FILE: one byte in each file of that name below the folder is another one.
	"damage": func(ts *testscript.TestScript, _ bool, args []string) {
		hit := 0
		ts.Check(filepath.WalkDir(ts.MkAbs(args[0]), func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || d.Name() != args[1] {
				return err
			}
			data, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			hit++
			data[len(data)/2] ^= 1
			return os.WriteFile(path, data, 0o755)
		}))
		if hit == 0 {
			ts.Fatalf("there is no %s in %s", args[1], args[0])
		}
	},
	// registry NAME: an OCI registry, whose address is $NAME. $HERE is this platform.
	"registry": func(ts *testscript.TestScript, _ bool, args []string) {
		ts.Setenv(args[0], parts.ServeRegistry(tb(ts), "", ""))
		ts.Setenv("HERE", runtime.GOOS+"/"+runtime.GOARCH)
	},
	// no-process PROGRAM: nobody runs a program of the script's folder any more.
	"no-process": func(ts *testscript.TestScript, _ bool, args []string) {
		links, err := filepath.Glob("/proc/[0-9]*/exe")
		ts.Check(err)
		for _, link := range links {
			if target, err := os.Readlink(link); err == nil && strings.HasPrefix(target, ts.MkAbs(".")) && strings.HasPrefix(filepath.Base(target), args[0]) {
				ts.Fatalf("%s runs", target)
			}
		}
	},
}

// writeGreeting makes the folder of the plugin.
func writeGreeting(t testing.TB, dir, version string) error {
	program := parts.Build{Name: "greeting-" + version, Package: "./cmd/dtm/testdata/greeting", LDFlags: "-s -w -X main.version=" + version}.Path(t)
	const from = "testdata/greeting"
	schema, err := os.ReadFile(filepath.Join(from, "schema.cue"))
	if err != nil {
		return err
	}
	manifest, err := os.ReadFile(filepath.Join(from, "plugin.json"))
	if err != nil {
		return err
	}
	data, err := os.ReadFile(program)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	for name, content := range map[string]string{
		"schema.cue":  string(schema),
		"plugin.json": strings.Replace(string(manifest), "0.1.0", version, 1),
		"greeting":    string(data),
	} {
		mode := os.FileMode(0o644)
		if name == "greeting" {
			mode = 0o755
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), mode); err != nil {
			return err
		}
	}
	return nil
}

// addSum adds a line for the file to the SHA256SUMS beside it, as sha256sum writes it.
func addSum(file string) error {
	data, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	sums, err := os.OpenFile(filepath.Join(filepath.Dir(file), "SHA256SUMS"), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	if _, err = fmt.Fprintf(sums, "%x  %s\n", sha256.Sum256(data), filepath.Base(file)); err != nil {
		return err
	}
	return sums.Close()
}
