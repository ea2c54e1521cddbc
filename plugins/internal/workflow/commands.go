package workflow

import "strings"

// extended puts arguments behind a command: behind its last line if it has several.
func extended(command, arguments string) string {
	arguments = strings.TrimSpace(arguments)
	if arguments == "" {
		return command
	}
	body := strings.TrimRight(command, "\r\n")
	return body + " " + arguments + command[len(body):]
}

// block is a list that is written one element a line.
type block []string
