// Package registry is where plugins come from that are not built in: it finds what the configuration wishes for, fetches
// it, checks it, puts it where it can be run, and writes down in dtm.lock what it was. Nothing here runs a plugin.
//
// A plugin is a folder with a manifest ([Manifest]) and a schema.cue; packed, it is an archive of that folder's files. A
// source names a folder or an archive on disk, an archive behind https, or an artifact in an OCI registry. [Init] does
// the work and may use the network. All other commands call [Installed], which reads dtm.lock, checks every byte of what
// is installed, and asks nobody. A bundle ([CreateBundle]) is dtm.lock and its archives in a folder, for where there is no
// network.
//
// What is trusted is dtm.lock, which users commit. What is not in it yet is taken from the server as it is then, with the
// signature of a key where the configuration names one.
package registry

import (
	"net/http"
	"path/filepath"
	"sync"
	"time"
)

// Wish is a plugin that the configuration asks for.
type Wish struct {
	// Name is the plugin's.
	Name string
	// Source is a path that begins with "./", "../" or "/", an https:// address or an oci:// reference.
	Source string
	// Version is an exact version or a range as in "^1.2". Empty is the newest that is no pre-release.
	Version string
	// Key is a public key in PEM, or the path of its file. Empty means that no signature is asked for.
	Key string
}

// Options are what the functions of this package need to know of where they are. Dir, Cache, Platform, HTTP and Getenv are
// needed by all that may fetch, Dir and Platform by all.
type Options struct {
	// Dir is the absolute folder of the configuration: dtm.lock is there, and relative paths start there.
	Dir string
	// Cache is an absolute folder, private to the user, where archives are kept. It need not exist.
	Cache string
	// Platform is the one to install for, as in "linux/amd64".
	Platform string
	// HTTP is the client for every request. It has no overall timeout.
	HTTP *http.Client
	// Getenv reads the environment, as os.Getenv does. It tells where the logins of registries are.
	Getenv func(string) string
	// Upgrade lets Init change what dtm.lock says.
	Upgrade bool
	// Bundle is a folder that [CreateBundle] made. Unless it is empty, archives come from there or from the cache, and the
	// network is not used.
	Bundle string
	// BuiltIn tells whether a plugin of that name is built in. It may be nil.
	BuiltIn func(name string) bool
	// Schema says what is wrong with the text of a plugin's schema.cue: then Init does not install the plugin. It may be nil,
	// and is called by several goroutines at the same time.
	Schema func(name, text string) error
	// Progress is told how far downloads are, by one goroutine at a time. It may be nil.
	Progress func(Progress)
	// Now is the clock.
	Now func() time.Time

	limits limits
	// wait is how long to wait after such a failed attempt, the first being 0.
	wait func(attempt int) time.Duration
	// stall is after how long without a byte a download has failed.
	stall time.Duration
	// step is called before each step of an installation that cannot be taken back, so that tests can stop there.
	step func(name string) error
}

// Progress is how far a download is.
type Progress struct {
	// Name is the plugin's, with the platform behind it if that is not the one to install for.
	Name string
	// Done and Total are bytes. Total is 0 where it is not known. The last one of a download has Done == Total; when it is
	// tried again, Done starts anew.
	Done, Total int64
}

// limits bound what is read from others.
type limits struct {
	// archive and unpacked are in bytes.
	archive, unpacked int64
	files             int
}

// with are the options with what was left out.
func (o Options) with() Options {
	if o.limits == (limits{}) {
		o.limits = limits{archive: 512 << 20, unpacked: 1 << 30, files: 10_000}
	}
	if o.wait == nil {
		o.wait = backoff
	}
	if o.stall == 0 {
		o.stall = time.Minute
	}
	if o.step == nil {
		o.step = func(string) error { return nil }
	}
	if o.HTTP == nil {
		o.HTTP = http.DefaultClient
	}
	if o.Getenv == nil {
		o.Getenv = func(string) string { return "" }
	}
	if o.BuiltIn == nil {
		o.BuiltIn = func(string) bool { return false }
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	tell := o.Progress
	var mu sync.Mutex
	o.Progress = func(p Progress) {
		if tell != nil {
			mu.Lock()
			defer mu.Unlock()
			tell(p)
		}
	}
	return o
}

// at makes a path of the configuration absolute.
func (o Options) at(path string) string {
	if filepath.IsAbs(path) {
		return filepath.Clean(path)
	}
	return filepath.Join(o.Dir, path)
}

// parallel is how many plugins are looked after at the same time.
const parallel = 4

// initHint is what to do about most that is wrong with what is installed.
const initHint = "run `dtm init`"
