package compat

import (
	"fmt"

	"github.com/devstream-io/dtm/schema"
)

// secret checks what DevStream had in clear: the plugins here have it from a variable of dtm's environment.
func (n *renamed) secret(t schema.Text, path, variable string) {
	switch env := environment(t.Text); env {
	case variable:
	case "":
		if t.Text != "" {
			n.errs.Add(t.Pos, path, "a secret in clear, which DevStream wrote into its state: the plugin here reads $"+variable,
				"write `[[ env "+variable+" ]]`, or remove it")
		}
	default:
		n.errs.Add(t.Pos, path, fmt.Sprintf("the plugin here reads $%s, not $%s", variable, env), "set "+variable+", and write `[[ env "+variable+" ]]`, or remove this")
	}
}

// variable is the environment variable that a secret comes from; empty where there is none, and after a mistake.
func (n *renamed) variable(v schema.Value, path string) schema.Text {
	t, _ := n.text(v, path)
	env := environment(t.Text)
	if t.Text != "" && env == "" {
		n.errs.Add(t.Pos, path, "a secret in clear, which DevStream wrote into its state", "write `[[ env NAME ]]`")
	}
	return schema.Text{Text: env, Pos: t.Pos}
}

// environment is the variable in a text that is one reference to the environment and nothing else; empty for other texts.
func environment(text string) string {
	parts, err := schema.SplitReferences(text)
	if err != nil || len(parts) != 1 || parts[0].Ref == nil {
		return ""
	}
	return parts[0].Ref.Env
}
