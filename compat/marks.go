package compat

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// isFlowList tells whether what stands in `[[ ]]` is a list in a list: it begins with a quote, a number or a bracket, or a
// comma or a bracket follows its first word.
func isFlowList(inner []byte) bool {
	s := bytes.TrimLeft(inner, " \t\r")
	if len(s) == 0 || bytes.IndexByte([]byte(`"'[{0123456789`), s[0]) >= 0 {
		return true
	}
	if bytes.IndexByte([]byte("+-."), s[0]) >= 0 && len(s) > 1 && s[1] >= '0' && s[1] <= '9' {
		return true
	}
	rest := bytes.TrimLeftFunc(s, func(r rune) bool { return r == '.' || isNameRune(r) })
	if len(rest) == len(s) {
		return false
	}
	rest = bytes.TrimLeft(rest, " \t")
	return len(rest) > 0 && bytes.IndexByte([]byte(",]:"), rest[0]) >= 0
}

// isVariableName tells whether s is names of letters, digits and `_`, joined by dots.
func isVariableName(s string) bool {
	for name := range strings.SplitSeq(s, ".") {
		first, _ := utf8.DecodeRuneInString(name)
		if name == "" || unicode.IsDigit(first) || strings.ContainsFunc(name, func(r rune) bool { return !isNameRune(r) }) {
			return false
		}
	}
	return true
}

// environmentName is X in `env X`, `env "X"` and `env 'X'`; empty for what is none of them.
func environmentName(s string) string {
	// In a text in double quotes those inside are escaped.
	name, ok := strings.CutPrefix(strings.ReplaceAll(s, `\"`, `"`), "env")
	if !ok {
		return ""
	}
	plain := strings.TrimLeft(name, " \t")
	quotes := len(plain) > 1 && (plain[0] == '"' || plain[0] == '\'') && plain[len(plain)-1] == plain[0]
	switch {
	case quotes:
		plain = plain[1 : len(plain)-1]
	case plain == name:
		return ""
	}
	if strings.Contains(plain, ".") || !isVariableName(plain) {
		return ""
	}
	return plain
}

func isNameRune(r rune) bool { return r == '_' || unicode.IsLetter(r) || unicode.IsDigit(r) }

// unclosed tells whether s has a `[[ name` that is nowhere closed. DevStream refused it, and so it is no literal text.
func unclosed(s string) bool {
	i := strings.LastIndex(s, markOpen)
	if i < 0 {
		return false
	}
	rest := strings.TrimLeft(s[i+len(markOpen):], " \t")
	first, _ := utf8.DecodeRuneInString(rest)
	return (first == '_' || unicode.IsLetter(first)) && !strings.Contains(rest, markClose)
}

// noVariable says what is wrong with what stands in `[[ ]]`, and what to write instead. From 0.9 on DevStream ran Go's
// templates there, which its documentation does not have.
func noVariable(whole, inner string) (problem, hint string) {
	const literal = "for a literal `[[` define a variable with that text"
	first, rest, _ := strings.Cut(inner, " ")
	if name := strings.Trim(inner, "- "); isVariableName(strings.TrimPrefix(name, ".")) && name != inner {
		return fmt.Sprintf("`%s` trims blanks, which is not done here", whole), "write `[[ " + strings.TrimPrefix(name, ".") + " ]]`"
	}
	if name, ok := strings.CutPrefix(inner, "$."); ok && isVariableName(name) {
		return fmt.Sprintf("`%s` is not the name of a variable", whole), "write `[[ " + name + " ]]`"
	}
	if value, _, piped := strings.Cut(inner, "|"); piped {
		hint = "define a variable with the result"
		if name := strings.TrimPrefix(strings.TrimSpace(value), "."); isVariableName(name) {
			hint = "write `[[ " + name + " ]]`, or define a variable with the result"
		}
		return fmt.Sprintf("`%s` is a pipeline of Go's templates, which is not run here", whole), hint
	}
	switch {
	case slices.Contains([]string{"if", "else", "end", "range", "with", "define", "template", "block", "break", "continue"}, first):
		return fmt.Sprintf("`%s` is a control structure of Go's templates, which is not run here", whole),
			"write the lines that it would give; " + literal
	case first == "index":
		hint = "write `[[ name.key ]]` for what is below a key, or define a variable with the result"
		if at := strings.Fields(rest); len(at) == 2 && isVariableName(strings.TrimPrefix(at[0], ".")) && isVariableName(strings.Trim(at[1], `"`)) {
			hint = "write `[[ " + strings.TrimPrefix(at[0], ".") + "." + strings.Trim(at[1], `"`) + " ]]`"
		}
		return fmt.Sprintf("`%s` calls a function of Go's templates, which is not run here", whole), hint
	case rest != "" && slices.Contains(functions(), first):
		return fmt.Sprintf("`%s` calls a function of Go's templates, which is not run here", whole), "define a variable with the result"
	case strings.EqualFold(first, "env"):
		return fmt.Sprintf("`%s` is not the name of a variable of the environment", whole), "write `[[ env NAME ]]`, letters, digits and `_`"
	}
	return fmt.Sprintf("`%s` is not the name of a variable", whole),
		"write `[[ name ]]`, `[[ name.name ]]` or `[[ env NAME ]]`, letters, digits and `_`; " + literal
}

// functions are those of Go's templates.
func functions() []string {
	return []string{
		"and", "call", "eq", "ge", "gt", "html", "js", "le", "len", "lt", "ne", "not", "or", "print", "printf", "println",
		"slice", "urlquery",
	}
}
