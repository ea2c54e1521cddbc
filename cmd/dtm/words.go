package main

import (
	"errors"
	"slices"
	"strings"

	"github.com/alecthomas/kong"

	"github.com/devstream-io/dtm/schema"
)

// DevStream's command line changed with nearly every release. What collides with nothing is understood, from every release;
// what has no meaning here says what to do instead. The scripts flags_of_devstream*.txtar go through all of it.

// arrange makes the words of other versions into ours: flags before the command go behind it (`dtm -y apply`),
// `dtm help apply` asks for help, and `dtm --version` for the version.
func arrange(args []string) []string {
	withValue := map[string]bool{
		"-f": true, "--config-file": true, "-d": true, "--plugin-dir": true, "-t": true, "--tag": true, "-p": true, "--var-file": true,
	}
	var flags []string
	args = apart(args)
	for i := 0; i < len(args); i++ {
		switch {
		case args[i] == "help":
			return append(append([]string{}, args[i+1:]...), "--help")
		case args[i] == "--version":
			return []string{"version"}
		case !strings.HasPrefix(args[i], "-"):
			command := append([]string{}, args[i:]...)
			return ofDevStream(append(command, flags...))
		case args[i] == "-d" && isDebug(args[i+1:]):
			flags = append(flags, "--debug")
		case withValue[args[i]] && i+1 < len(args):
			flags = append(flags, args[i], args[i+1])
			i++
		default:
			flags = append(flags, args[i])
		}
	}
	return flags
}

// apart parts short flags from values behind a `=`, as in -f=config.yaml, which DevStream's parser took.
func apart(args []string) []string {
	var words []string
	for i, arg := range args {
		name, value, ok := strings.Cut(arg, "=")
		switch {
		case arg == "--" || arg == "__complete":
			return append(words, args[i:]...)
		case !ok || len(name) != 2 || name[0] != '-' || name[1] == '-':
			words = append(words, arg)
		case name == "-y":
			words = append(words, "--yes="+value)
		case name == "-a":
			words = append(words, "--all="+value)
		default:
			words = append(words, name, value)
		}
	}
	return words
}

// isDebug tells whether what follows -d is no folder: it is the -d of 0.3 then, which was --debug.
func isDebug(rest []string) bool {
	commands := []string{"apply", "delete", "destroy", "develop", "init", "verify", "version"}
	isCommand := func(arg string) bool { return slices.Contains(commands, arg) }
	return len(rest) == 0 || !isWord(rest[0]) || isCommand(rest[0]) && !slices.ContainsFunc(rest[1:], isCommand)
}

func isWord(arg string) bool { return !strings.HasPrefix(arg, "-") }

// ofDevStream makes the short flags of DevStream 0.3 into ours where they collide with nothing: -p was the folder of plugins,
// and -d without a value was --debug.
func ofDevStream(words []string) []string {
	if words[0] == "__complete" {
		return words // what is typed so far may be anything
	}
	for i := 1; i < len(words); i++ {
		last := i == len(words)-1
		switch words[i] {
		case "--":
			return words
		case "-d":
			if last || !isWord(words[i+1]) {
				words[i] = "--debug"
			}
		case "-p":
			isFolder := !last && strings.ContainsAny(words[i+1], "./~")
			if slices.Contains([]string{"apply", "delete", "destroy", "verify"}, words[0]) || words[0] == "init" && isFolder {
				words[i] = "--plugin-dir"
			}
		}
	}
	return words
}

// usage is what is wrong with the words.
func (a *app) usage(words []string, err error) string {
	err = errors.New(strings.ReplaceAll(err.Error(), `,""`, "")) // a flag with choices need not be given
	if len(words) > 0 && !strings.HasPrefix(words[0], "-") {
		var names []string
		for _, n := range a.model.Children {
			if !n.Hidden {
				names = append(names, n.Name)
			}
			if n.Name == words[0] {
				return err.Error() + ignored(n, err) + "; see `dtm " + words[0] + " --help`"
			}
		}
		if text := notHere(words[0]); text != "" {
			return text
		}
		text := "unknown command \"" + words[0] + "\" for \"dtm\""
		if near := suggestCommand(words[0], names); near != "" {
			return text + "; did you mean `" + near + "`? See `dtm --help`."
		}
		return text + "; see `dtm --help`"
	}
	return err.Error() + "; see `dtm --help`"
}

// notHere says what to do instead of a command of DevStream that is not here; empty for other words.
func notHere(command string) string {
	switch command {
	case "upgrade":
		return "DevStream's command upgrade is not here: it replaced dtm by what a server had, unchecked. Install a release of dtm as you did before; " +
			"`dtm init --upgrade` fetches newer plugins"
	case "start":
		return "DevStream's command start is not here: it installed Docker, Minikube, Helm and Argo CD on a Mac. dtm needs none of them; " +
			"`dtm show config -p argocd` is a toolchain that installs Argo CD into a cluster"
	case "create":
		return "DevStream's command create is not here: it made a repository, its workflow and an application without a record. " +
			"`dtm show config -t quickstart` is a toolchain that does the same"
	}
	return ""
}

// ignored says what DevStream did with words behind a command that take none.
func ignored(command *kong.Node, err error) string {
	switch {
	case command.Name == "completion" && strings.Contains(err.Error(), `"fig"`):
		return " (fig is no longer there: take the script of your shell)"
	case strings.HasPrefix(err.Error(), "unexpected argument") && slices.Contains([]string{"apply", "delete", "destroy", "verify", "version"}, command.Name):
		return " (DevStream ignored it; the configuration is given with -f)"
	case strings.HasPrefix(err.Error(), "unexpected argument") && slices.Contains([]string{"export", "graph", "import", "plan", "validate"}, command.Name):
		return " (the configuration is given with -f)"
	}
	return ""
}

func suggestCommand(name string, names []string) string {
	if name == "install" {
		return "apply" // DevStream's own suggestion
	}
	return schema.Nearest(name, names)
}
