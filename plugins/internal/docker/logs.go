package docker

import (
	"bytes"
	"context"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/moby/moby/api/pkg/stdcopy"
	"github.com/moby/moby/client"
)

const (
	// maxLog is more than any last lines have, in bytes.
	maxLog = 1 << 20
	// maxLine is how much of a line can be read in an error, in characters.
	maxLine = 200
	// leastSecret is how long a value must be to be looked for, in bytes. A shorter one is in every second word.
	leastSecret = 4
)

// LastLines are the last lines that a container has written, oldest first, n of them at most. They have nothing in them
// that a terminal takes for a command, nor what the container's variables say, and long ones are cut.
func (e *Engine) LastLines(ctx context.Context, name string, n int) ([]string, error) {
	found, err := e.api.ContainerInspect(ctx, name, client.ContainerInspectOptions{})
	if err != nil {
		return nil, e.explain(err)
	}
	var variables []string
	terminal := false
	if config := found.Container.Config; config != nil {
		variables, terminal = config.Env, config.Tty
	}
	answer, err := e.api.ContainerLogs(ctx, found.Container.ID, client.ContainerLogsOptions{ShowStdout: true, ShowStderr: true, Tail: strconv.Itoa(n)})
	if err != nil {
		return nil, e.explain(err)
	}
	defer answer.Close()
	var text bytes.Buffer
	said := io.LimitReader(answer, maxLog)
	if terminal {
		_, err = io.Copy(&text, said)
	} else {
		_, err = stdcopy.StdCopy(&text, &text, said)
	}
	if err != nil {
		return nil, e.explain(err)
	}
	var lines []string
	for line := range strings.Lines(concealed(text.String(), variables)) {
		if line = readable(line); line != "" {
			lines = append(lines, line)
		}
	}
	return lines[max(0, len(lines)-n):], nil
}

// readable is a line that can stand in an error.
func readable(line string) string {
	line = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(line, "\uFFFD"))
	line = strings.Join(strings.Fields(line), " ")
	if runes := []rune(line); len(runes) > maxLine {
		line = string(runes[:maxLine]) + "…"
	}
	return line
}

var (
	// quoted finds what stands in quotes, as a password in a configuration does; the name of a setting, as in
	// gitlab_rails['time_zone'], is no secret.
	quoted = regexp.MustCompile(`\w\['[^'\n]*'\]|\w\["[^"\n]*"\]|'([^'\n]*)'|"([^"\n]*)"`)
	// inURL finds the password in a URL.
	inURL = regexp.MustCompile(`://[^\s/@:]*:([^\s/@]+)@`)
)

// concealed is a text without what variables say, each of which is "NAME=VALUE": neither a whole value nor a line of it nor
// what it has in quotes.
func concealed(text string, variables []string) string {
	var secrets []string
	for _, variable := range variables {
		_, value, _ := strings.Cut(variable, "=")
		secrets = append(secrets, value)
		for line := range strings.Lines(value) {
			secrets = append(secrets, strings.TrimSpace(line))
		}
		for _, found := range quoted.FindAllStringSubmatch(value, -1) {
			secrets = append(secrets, found[1], found[2])
		}
		for _, found := range inURL.FindAllStringSubmatch(value, -1) {
			secrets = append(secrets, found[1])
		}
	}
	// The longest first: one may be a part of another.
	slices.SortFunc(secrets, func(a, b string) int { return len(b) - len(a) })
	for _, secret := range secrets {
		if len(secret) >= leastSecret {
			text = strings.ReplaceAll(text, secret, "***")
		}
	}
	return text
}
