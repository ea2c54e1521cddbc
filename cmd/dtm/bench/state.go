package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// The recipient and the identity that opens what is encrypted to it. They open nothing else.
const (
	recipient = "age14pae0j77hn0pp4t9qgvzqpvpxt2x0at07n7tsjvvj0st8m25wu6s42js59"
	identity  = "AGE-SECRET-KEY-1PPATMG4UNT2RARJTXM9EG9LC8PD6TNDER4PJCFFW8FHSDCSVE39SYVX20D"
)

// state measures reading a state, and what it costs to encrypt it.
func (b *bench) state(ctx context.Context) error {
	if err := os.Setenv("DTM_AGE_IDENTITY", identity); err != nil {
		return err
	}
	n := b.most()
	var lists []time.Duration
	took := map[string]map[bool][]time.Duration{"apply": {}, "list": {}}
	// In turns, and one round more, to warm up.
	for round := range b.rounds + 1 {
		for _, encrypted := range []bool{false, true} {
			dir, err := b.toolchain(flat, n)
			if err == nil && encrypted {
				err = encrypt(filepath.Join(dir, yamlFile))
			}
			if err != nil {
				return err
			}
			settle()
			apply, err := process(ctx, dir, b.dtm, "apply", "-y", "-f", yamlFile)
			if err != nil {
				return err
			}
			var best time.Duration
			for range 3 {
				list, err := process(ctx, dir, b.dtm, "state", "list", "--state", stateFile)
				if err != nil {
					return err
				}
				best = least(best, list.wall)
			}
			b.drop(dir)
			b.say("encrypted %t, round %d: apply %s (CPU %s), state list %s", encrypted, round, span(apply.wall), span(apply.cpu), span(best))
			if round == 0 {
				continue
			}
			took["apply"][encrypted] = append(took["apply"][encrypted], apply.wall)
			took["list"][encrypted] = append(took["list"][encrypted], best)
			if !encrypted {
				lists = append(lists, best)
			}
		}
	}
	b.table.under(fmt.Sprintf("`state list` of %d tools", n), span(slices.Min(lists)), span(100*time.Millisecond))
	for _, what := range []struct{ name, text string }{{"apply", "`apply` of %d new tools, encrypted, against in clear"}, {"list", "`state list` of %d tools, encrypted, against in clear"}} {
		of := took[what.name]
		secret, clear := median(of[true]), median(of[false])
		b.table.against(fmt.Sprintf(what.text, n), span(secret), span(clear), secret.Seconds()/clear.Seconds(), 1.2)
	}
	return nil
}

// encrypt has the configuration say that the state is to be encrypted.
func encrypt(file string) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	head, rest, found := strings.Cut(string(text), "---\n")
	if !found {
		return fmt.Errorf("%s has no section that says where the state is", file)
	}
	return os.WriteFile(file, []byte(head+"  encryption: {recipients: ["+recipient+"]}\n---\n"+rest), 0o600)
}
