package schema

import (
	"regexp"
	"testing"
)

func TestPortablePatternsMatchWhatTheirOriginalsDo(t *testing.T) {
	texts := []string{
		"", "a", "A", "abc", "ABC", "a.b", "a-b", "-a", "a-", "^", "a]b", "[", "${{ x }}", "x ${{", "https://a", "HTTP://a@b", "hTtPſ://a", "\u212a", "k",
		"a\nb", "\n", "\r\n", "\t", " ", "\u00a0", "\u2028", "é", "日本", "😀", "\x00", "\x1f", "/", "/a/b", "a/../b", "../", "0644", "1h30m", "1.5µs",
		"dtm.yml", "dtm.yaml", "w w", "w", "aa", "aaaa", "aaaaa", "{", "}", "a|b", `\`, `"`, "'", "`", "~", "v1.2.3", "@", "user@host", "123456", "GITHUB_X",
	}
	for _, pattern := range []string{
		`^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$|\$\{\{`, `^(?i:https?)://[^/?#]*@|://[^/?#@]*:[^/?#]*@`,
		`(?i)^abc$`, `(?i:k)`, `^.$`, `(?s)^.$`, `^[^\n\r]{0,255}$`, `[/]`, `\d+`, `^\s$`, `^\S+$`, `\bw\b`, `\B`, `^\w+$`, `a{2}`, `^a{2,4}$`,
		`^a{4,}$`, `a*?b`, `(?:ab)+`, `(?P<name>a)b?`, `^(a|b|)$`, `[^\s~^:?*\[\\"'` + "`" + `$]`, `^/[^:\x00-\x1f]+$`, `\x{1F600}`, `[\x{1F600}-\x{1F64F}]`,
		`\Aa\z`, `[[:alpha:]]`, `[^[:space:]]`, `\Q.*\E`, `^[-/]|/$|\.\.|//|@\{`, `[\]^-]`, `é`, `[^\x00-\x{10FFFF}]`, ``, `^$`, `x|`, `a(|b)c`,
	} {
		got, ok := portable(pattern)
		if !ok {
			t.Errorf("%s is not portable", pattern)
			continue
		}
		was, is := regexp.MustCompile(pattern), regexp.MustCompile(got)
		for _, text := range texts {
			if was.MatchString(text) != is.MatchString(text) {
				t.Errorf("%s became %s: it matches %q: %v", pattern, got, text, is.MatchString(text))
			}
		}
		// What begins like this means something else in ECMA 262, or nothing.
		if alien := regexp.MustCompile(`\(\?[^:]|\\[AzZQEpPCaC0-9]|\[\[:|\\x\{`).FindString(got); alien != "" {
			t.Errorf("%s became %s, in which %s is not of ECMA 262", pattern, got, alien)
		}
	}
}

func TestPatternsThatECMADoesNotHaveAreLeftOut(t *testing.T) {
	for _, pattern := range []string{`(?m)^a$`, `\pL`, `(`} {
		if got, ok := portable(pattern); ok {
			t.Errorf("%s became %s", pattern, got)
		}
	}
}
