package main

import (
	"os"
	"os/user"
	"strings"
	"time"

	"github.com/devstream-io/dtm/store"
)

// holder is who runs this.
func (a *app) holder() store.Holder {
	h := store.Holder{PID: os.Getpid(), Since: time.Now(), Command: commandLine(maskTags(a.args)), User: "unknown", Host: "unknown"}
	if u, err := user.Current(); err == nil {
		h.User = u.Username
	}
	if name, err := os.Hostname(); err == nil {
		h.Host = name
	}
	return h
}

// commandLine is what was typed, so that the words can be told apart.
func commandLine(args []string) string {
	line := "dtm"
	for _, arg := range args {
		if arg == "" || strings.ContainsAny(arg, " \t\n'\"") {
			arg = "'" + strings.NewReplacer("'", `'\''`, "\n", " ").Replace(arg) + "'"
		}
		line += " " + arg
	}
	return line
}

// maskTags hides the values of tags: they may be secrets, and the command is recorded.
func maskTags(args []string) []string {
	out := append([]string{}, args...)
	mask := func(s string) string {
		if key, _, ok := strings.Cut(s, "="); ok {
			return key + "=…"
		}
		return s
	}
	for i, arg := range out {
		switch {
		case (arg == "-t" || arg == "--tag") && i+1 < len(out):
			out[i+1] = mask(out[i+1])
		case strings.HasPrefix(arg, "--tag="):
			out[i] = "--tag=" + mask(strings.TrimPrefix(arg, "--tag="))
		case strings.HasPrefix(arg, "-t") && !strings.HasPrefix(arg, "--") && len(arg) > 2:
			out[i] = "-t" + mask(arg[2:])
		}
	}
	return out
}
