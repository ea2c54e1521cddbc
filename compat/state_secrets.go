package compat

import (
	"bytes"
	"encoding/json"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// DevStream recorded secrets in clear, in options and in resources. What a schema calls secret is hidden by it; this is for
// all that no schema speaks of: plugins that do not exist here, options that they do not have, and resources.

// veiled stands for what is hidden, as it does in everything that is recorded.
const veiled = "(secret)"

// Veil hides in JSON of a state what stands below a name like "token" or "dbPassword", or beside one in a list of names and
// values. known tells which places a schema speaks of; they stay as they are. Where it is nil, for no plugin at all, values are
// looked into, too, for what stands in the address of a server or in a line like `password: x`. An error means that data is no
// JSON.
func Veil(data json.RawMessage, known func(path []string) bool) (json.RawMessage, error) {
	if len(data) == 0 {
		return data, nil
	}
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.UseNumber()
	var tree any
	if err := dec.Decode(&tree); err != nil {
		return nil, err
	}
	c := veiler{known: known}
	if known == nil {
		c.known = func([]string) bool { return false }
		c.line = regexp.MustCompile(`(?i)(passw(or)?d|passphrase|token|secret|credentials?|(api|private|access)[-_]?key)["']?\s*[:=]\s*["']?[^\s"'{[|>$]|-----BEGIN [A-Z ]*PRIVATE KEY`)
		c.address = regexp.MustCompile(`([a-zA-Z][a-zA-Z0-9+.-]*://[^/@\s:]*:)[^/@\s]+@`)
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	err := enc.Encode(c.value(tree, nil, false))
	return bytes.TrimSpace(b.Bytes()), err
}

type veiler struct {
	known func(path []string) bool
	// line is a line that sets a secret, address the part of one that has a user and a password. Nil if nobody looks.
	line, address *regexp.Regexp
}

// value is v without secrets. secret tells that it stands below the name of one.
func (c veiler) value(v any, path []string, secret bool) any {
	switch v := v.(type) {
	case map[string]any:
		pair := namesSecret(v)
		for name, inner := range v {
			at := append(path[:len(path):len(path)], name)
			v[name] = c.value(inner, at, !c.known(at) && (secret || soundsSecret(name) || pair && strings.EqualFold(name, "value")))
		}
	case []any:
		for i, inner := range v {
			v[i] = c.value(inner, append(path[:len(path):len(path)], strconv.Itoa(i)), secret)
		}
	case string:
		return c.text(v, secret)
	case json.Number:
		if secret {
			return veiled
		}
	}
	return v
}

func (c veiler) text(s string, secret bool) string {
	switch {
	case s == "":
		return s
	case secret, c.line != nil && c.line.MatchString(s):
		return veiled
	case c.address != nil:
		return c.address.ReplaceAllString(s, "${1}"+veiled+"@")
	}
	return s
}

// namesSecret tells whether a map gives a value to the name of a secret, as in {key: DB_PASSWORD, value: x}.
func namesSecret(v map[string]any) bool {
	for name, of := range v {
		if s, ok := of.(string); ok && (strings.EqualFold(name, "name") || strings.EqualFold(name, "key")) && soundsSecret(s) {
			return true
		}
	}
	return false
}

// soundsSecret tells whether a name is like those that people give to secrets. "tokenEnv" is the name of a variable, and
// "secretName" that of a Secret.
func soundsSecret(name string) bool {
	words := wordsOf(name)
	if len(words) == 0 {
		return false
	}
	last := words[len(words)-1]
	if slices.Contains([]string{
		"password", "passwords", "passwd", "pwd", "pass", "passphrase", "token", "tokens", "secret", "secrets", "credential", "credentials", "auth",
		"apikey", "secretkey", "privatekey", "accesskey", "apitoken", "webhook", "valuesyaml", "securityvalue",
	}, last) {
		return true
	}
	if len(words) == 1 {
		return false
	}
	before := words[len(words)-2]
	return last == "key" && slices.Contains([]string{"api", "private", "secret", "access", "ssh", "encryption", "license"}, before) ||
		last == "value" && before == "security" || last == "yaml" && before == "values"
}

// wordsOf takes a name apart: "dbPassword", "db_password" and "DB-PASSWORD" are "db" and "password".
func wordsOf(name string) []string {
	var b strings.Builder
	runes := []rune(name)
	for i, r := range runes {
		if i > 0 && unicode.IsUpper(r) && (unicode.IsLower(runes[i-1]) || unicode.IsUpper(runes[i-1]) && i+1 < len(runes) && unicode.IsLower(runes[i+1])) {
			b.WriteByte(' ')
		}
		b.WriteRune(unicode.ToLower(r))
	}
	return strings.FieldsFunc(b.String(), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
}
