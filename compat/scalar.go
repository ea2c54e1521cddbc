package compat

import (
	"cmp"
	"encoding/base64"
	"math/big"
	"strconv"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"

	"github.com/devstream-io/dtm/schema"
)

const quoted = yaml.SingleQuotedStyle | yaml.DoubleQuotedStyle | yaml.LiteralStyle | yaml.FoldedStyle

// scalar converts a node that has no others in it, and fills in its variables.
func (c *converter) scalar(n *yaml.Node) schema.Value {
	v := schema.Value{Pos: c.pos(n)}
	text, whole, from, ok := c.fill(n)
	if !ok {
		c.noteMissing(v.Pos)
		return v
	}
	v.From = from
	tag := n.Tag
	switch {
	case n.Style&yaml.TaggedStyle != 0:
		tag = c.tagged(n, text)
	case n.Style&quoted != 0:
	case whole != nil:
		v.Kind, v.Text = whole.value.Kind, whole.value.Text
		if isSimple(v.Kind) && text != v.Text {
			c.noteRaw(v.Pos, text)
		}
		return v
	case text != n.Value:
		tag = resolve(text)
	}
	switch tag {
	case "!!null":
		v.Text = ""
	case "!!bool":
		v.Kind, v.Text = schema.Bool, strings.ToLower(text)
	case "!!int":
		v.Kind, v.Text = schema.Int, wholeNumber(text)
	case "!!float":
		v.Kind, v.Text = number(text)
		if v.Text == "" {
			c.mistake(n, "`"+c.original(n)+"` is no number that JSON has", "put quotes around it")
			return schema.Value{Pos: v.Pos}
		}
		if v.Kind == schema.Int && n.Style&yaml.TaggedStyle != 0 {
			v.Kind, v.Text = schema.Float, v.Text+".0"
		}
	case "!!binary":
		data, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(text), ""))
		if err != nil || !utf8.Valid(data) {
			c.mistake(n, "!!binary must be base64 of UTF-8 text", "")
		}
		v.Kind, v.Text = schema.String, string(data)
	default:
		// Timestamps too: JSON has none.
		v.Kind, v.Text = schema.String, text
	}
	if isSimple(v.Kind) && text != v.Text {
		c.noteRaw(v.Pos, text)
	}
	return v
}

// isSimple tells whether YAML has several spellings for values of a kind.
func isSimple(k schema.Kind) bool { return k == schema.Bool || k == schema.Int || k == schema.Float }

// fill gives the text of a scalar with its variables put in, and where it comes from. If it is one variable and nothing
// else, that is whole. It is not ok after a mistake.
func (c *converter) fill(n *yaml.Node) (text string, whole *variable, from *schema.Origin, ok bool) {
	if c.vars == nil {
		return n.Value, nil, nil, true
	}
	ok = true
	if c.vars.none == nil && unclosed(n.Value) {
		c.mistake(n, "`[[` without `]]` in the same line", "for a literal `[[` define a variable with that text")
		ok = false
	}
	if len(c.template.marks) == 0 {
		return n.Value, nil, nil, ok
	}
	before, m, after := c.template.next(n.Value)
	if m == nil {
		return n.Value, nil, nil, ok
	}
	var b strings.Builder
	for only := before == "" && after == ""; m != nil; before, m, after = c.template.next(after) {
		found := c.variable(m, n.Style)
		ok = ok && !found.unknown && c.grow(n, len(found.text))
		if !ok {
			continue
		}
		if only && found.part == nil {
			// What is not filled in stays as it is, a string; one of the environment is one too.
			return found.text, &found, nil, true
		}
		if only {
			return found.text, &found, found.whole, true
		}
		if from == nil {
			from = found.part
		}
		b.WriteString(before)
		b.WriteString(found.text)
	}
	b.WriteString(before)
	return b.String(), nil, from, ok
}

// variable gives what fills a mark in a scalar of a style, and notes a mistake if there is nothing.
func (c *converter) variable(m *mark, style yaml.Style) variable {
	if none := c.vars.none; none != nil && m.env == "" {
		return c.unfilled(m, style, none)
	}
	if m.strange {
		problem, hint := noVariable(c.template.of(m), m.name)
		c.errs.Add(m.pos, c.where(), problem, hint)
		return variable{unknown: true}
	}
	if m.env != "" && c.vars.fixed == "" {
		// Only the reference is ever stored. It is filled when the tool is applied.
		text := schema.Reference{Env: m.env}.String()
		return variable{value: schema.Value{Kind: schema.String, Text: text, Pos: m.pos}, text: text}
	}
	found := c.vars.get(m.name)
	if found.problem != "" {
		c.errs.Add(m.pos, c.where(), found.problem, found.hint)
	}
	return found
}

// unfilled gives the text of a mark where nothing is filled in, and notes a mistake where a variable must have been meant.
func (c *converter) unfilled(m *mark, style yaml.Style, none *withoutVariables) variable {
	problem := none.plain
	switch {
	case style&(yaml.LiteralStyle|yaml.FoldedStyle) != 0, style&quoted != 0 && (m.strange || none.quoted == ""):
		text := c.template.of(m)
		return variable{value: schema.Value{Kind: schema.String, Text: text, Pos: m.pos}, text: text}
	case style&quoted != 0:
		problem = none.quoted
	}
	what := "variable `" + m.name + "` is not defined"
	if m.strange {
		what, _ = noVariable(c.template.of(m), m.name)
	}
	problem = what + ": " + problem
	c.errs.Add(m.pos, c.where(), problem, none.hint)
	return variable{unknown: true}
}

// original is the text of a scalar with its variables as they were written: what they are may be a secret.
func (c *converter) original(n *yaml.Node) string {
	if c.template == nil {
		return n.Value
	}
	return c.template.original(n.Value)
}

// checkTag adds a mistake if a list or map has another tag than its own.
func (c *converter) checkTag(n *yaml.Node, tag string) {
	if n.Style&yaml.TaggedStyle != 0 && n.Tag != tag {
		c.mistake(n, "the tag "+n.Tag+" means nothing here", "remove it")
	}
}

// tagged gives the type that a scalar's own tag asks for.
func (c *converter) tagged(n *yaml.Node, text string) string {
	found := resolve(text)
	switch tag := n.Tag; tag {
	case "!!str", "!!binary", "!!timestamp", found:
		return tag
	case "!!float":
		if found == "!!int" {
			return tag
		}
		fallthrough
	case "!!int", "!!bool", "!!null":
		c.mistake(n, "`"+c.original(n)+"` does not fit its tag "+tag, "")
	default:
		c.mistake(n, "the tag "+tag+" means nothing here", "remove it")
	}
	return "!!str"
}

// resolve gives the tag of a text that stands without quotes.
func resolve(text string) string {
	return (&yaml.Node{Kind: yaml.ScalarNode, Value: text}).ShortTag()
}

// wholeNumber writes a whole number of YAML as JSON does: 0x1f, 0o17, 017, 0b1, 1_000 and +1 in decimal.
func wholeNumber(text string) string {
	plain := strings.ReplaceAll(text, "_", "")
	if n, err := strconv.ParseInt(plain, 0, 64); err == nil {
		return strconv.FormatInt(n, 10)
	}
	if n, ok := new(big.Int).SetString(plain, 0); ok {
		return n.String()
	}
	return text
}

// number writes a number that YAML takes for a fraction as JSON does. The digits stay: 1.50 is 1.50. The text is empty for
// infinity and for what is no number.
func number(text string) (schema.Kind, string) {
	plain := strings.ReplaceAll(text, "_", "")
	f, err := strconv.ParseFloat(plain, 64)
	switch {
	case err != nil:
		return schema.Null, ""
	case f == 0:
		// 1e-400 is zero too, and an exponent may be as long as the user likes.
		return schema.Float, "0.0"
	}
	digits, negative := strings.CutPrefix(strings.TrimPrefix(plain, "+"), "-")
	mantissa, exponent, hasExponent := strings.Cut(strings.ToLower(digits), "e")
	whole, fraction, hasPoint := strings.Cut(mantissa, ".")
	var b strings.Builder
	if negative {
		b.WriteByte('-')
	}
	b.WriteString(cmp.Or(strings.TrimLeft(whole, "0"), "0"))
	if !hasPoint && !hasExponent {
		// More than 64 bits, or one like 09.
		return schema.Int, b.String()
	}
	if fraction != "" || !hasExponent {
		b.WriteString("." + cmp.Or(fraction, "0"))
	}
	if hasExponent {
		b.WriteString("e" + exponent)
	}
	return schema.Float, b.String()
}
