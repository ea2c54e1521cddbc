package schema

import (
	"fmt"
	"regexp/syntax"
	"strconv"
	"strings"
	"unicode"
)

// longestPattern is how many bytes a pattern may have: a class like \pL is a list of hundreds of ranges when it is written
// out, and nobody wants that in a message.
const longestPattern = 2000

// portable writes a regular expression of CUE, which is one of RE2, so that it means the same in ECMA 262, whose flag `u`
// editors set. Groups that look no further, classes, letters in either case and `.` are written out; the result is one of
// RE2, too. It is not ok where ECMA 262 has no such thing.
func portable(pattern string) (string, bool) {
	tree, err := syntax.Parse(pattern, syntax.Perl)
	if err != nil {
		return "", false
	}
	var b strings.Builder
	if !writePattern(&b, tree) || b.Len() > longestPattern {
		return "", false
	}
	return b.String(), true
}

func writePattern(b *strings.Builder, re *syntax.Regexp) bool {
	switch re.Op {
	case syntax.OpEmptyMatch:
		b.WriteString("(?:)")
	case syntax.OpLiteral:
		for _, r := range re.Rune {
			if re.Flags&syntax.FoldCase != 0 {
				writeClass(b, folded(r))
			} else {
				writeRune(b, r, false)
			}
		}
	case syntax.OpCharClass:
		writeClass(b, re.Rune)
	case syntax.OpAnyCharNotNL:
		b.WriteString(`[^\n]`)
	case syntax.OpAnyChar:
		b.WriteString(`[\s\S]`)
	case syntax.OpBeginText:
		b.WriteByte('^')
	case syntax.OpEndText:
		b.WriteByte('$')
	case syntax.OpWordBoundary:
		b.WriteString(`\b`)
	case syntax.OpNoWordBoundary:
		b.WriteString(`\B`)
	case syntax.OpCapture:
		return writeGroup(b, re.Sub[0], "(")
	case syntax.OpStar, syntax.OpPlus, syntax.OpQuest, syntax.OpRepeat:
		// Whether a repetition is greedy does not change what matches.
		if !writeAtom(b, re.Sub[0]) {
			return false
		}
		b.WriteString(repetition(re))
	case syntax.OpConcat:
		for _, sub := range re.Sub {
			if sub.Op == syntax.OpAlternate {
				if !writeGroup(b, sub, "(?:") {
					return false
				}
			} else if !writePattern(b, sub) {
				return false
			}
		}
	case syntax.OpAlternate:
		for i, sub := range re.Sub {
			if i > 0 {
				b.WriteByte('|')
			}
			if !writePattern(b, sub) {
				return false
			}
		}
	case syntax.OpNoMatch:
		b.WriteString(`[^\s\S]`)
	default:
		// The beginning and the end of a line need another flag.
		return false
	}
	return true
}

func writeGroup(b *strings.Builder, re *syntax.Regexp, open string) bool {
	b.WriteString(open)
	ok := writePattern(b, re)
	b.WriteByte(')')
	return ok
}

// writeAtom writes what a repetition is of.
func writeAtom(b *strings.Builder, re *syntax.Regexp) bool {
	switch re.Op {
	case syntax.OpCapture, syntax.OpCharClass, syntax.OpAnyCharNotNL, syntax.OpAnyChar:
		return writePattern(b, re)
	case syntax.OpLiteral:
		if len(re.Rune) == 1 {
			return writePattern(b, re)
		}
	}
	return writeGroup(b, re, "(?:")
}

func repetition(re *syntax.Regexp) string {
	switch re.Op {
	case syntax.OpStar:
		return "*"
	case syntax.OpPlus:
		return "+"
	case syntax.OpQuest:
		return "?"
	}
	switch re.Max {
	case re.Min:
		return fmt.Sprintf("{%d}", re.Min)
	case -1:
		return fmt.Sprintf("{%d,}", re.Min)
	}
	return fmt.Sprintf("{%d,%d}", re.Min, re.Max)
}

// folded is the class of what a letter is equal to where case does not count.
func folded(r rune) []rune {
	class := []rune{r, r}
	for f := unicode.SimpleFold(r); f != r; f = unicode.SimpleFold(f) {
		class = append(class, f, f)
	}
	return class
}

// writeClass writes ranges: of each, its first and its last.
func writeClass(b *strings.Builder, ranges []rune) {
	last := len(ranges) - 1
	switch {
	case len(ranges) == 0:
		b.WriteString(`[^\s\S]`)
		return
	case len(ranges) == 2 && ranges[0] == ranges[1]:
		writeRune(b, ranges[0], false)
		return
	case len(ranges) > 2 && ranges[0] == 0 && ranges[last] == unicode.MaxRune:
		b.WriteString("[^")
		for i := 1; i < last; i += 2 {
			writeRange(b, ranges[i]+1, ranges[i+1]-1)
		}
	default:
		b.WriteByte('[')
		for i := 0; i < len(ranges); i += 2 {
			writeRange(b, ranges[i], ranges[i+1])
		}
	}
	b.WriteByte(']')
}

func writeRange(b *strings.Builder, from, to rune) {
	writeRune(b, from, true)
	if to > from+1 {
		b.WriteByte('-')
	}
	if to > from {
		writeRune(b, to, true)
	}
}

// writeRune writes a character as itself, in a class or outside of one.
func writeRune(b *strings.Builder, r rune, class bool) {
	special := `\^$.|?*+()[]{}`
	if class {
		special = `\]^-[`
	}
	switch {
	case strings.ContainsRune(special, r):
		b.WriteString(`\` + string(r))
	case r == '\n':
		b.WriteString(`\n`)
	case r == '\r':
		b.WriteString(`\r`)
	case r == '\t':
		b.WriteString(`\t`)
	case r < 0x100 && !strconv.IsPrint(r):
		fmt.Fprintf(b, `\x%02x`, r)
	default:
		b.WriteRune(r)
	}
}
