package schema

import (
	"fmt"
	"slices"
	"strings"

	"cuelang.org/go/cue"
	"cuelang.org/go/cue/cuecontext"
)

// stateFields are the fields of #State. What the options are depends on the backend, so none are below them.
func stateFields(schemas cue.Value) ([]FieldDefinition, error) {
	it, err := schemas.LookupPath(cue.ParsePath("#State")).Fields(cue.Optional(true))
	if err != nil {
		return nil, err
	}
	var fields []FieldDefinition
	for it.Next() {
		f := FieldDefinition{Name: it.Selector().Unquoted(), Type: typeOf(it.Value()), kind: it.Value().IncompleteKind()}
		if f.Name == "encryption" {
			if f.Fields, err = encryptionFields(schemas); err != nil {
				return nil, err
			}
		}
		fields = append(fields, f)
	}
	return fields, nil
}

// encryptionFields are the fields of both ways to encrypt.
func encryptionFields(schemas cue.Value) ([]FieldDefinition, error) {
	var fields []FieldDefinition
	for _, def := range []string{"#EncryptionToRecipients", "#EncryptionByPassphrase"} {
		more, err := fieldsOf(schemas.LookupPath(cue.ParsePath(def)), 0)
		if err != nil {
			return nil, err
		}
		for _, f := range more {
			if !strings.Contains(f.Type, notBeside) {
				fields = append(fields, f)
			}
		}
	}
	inWords(fields, "[#Recipient, ...#Recipient]", `a list of public keys of age, as in ["age1…"]`)
	inWords(fields, "#Recipient", `a public key of age, as in "age1…"`)
	inWords(fields, "#Variable", "the name of a variable of the environment")
	hide(fields)
	return fields, nil
}

// flat are the fields without what is in them.
func flat(fields []FieldDefinition) []FieldDefinition {
	out := slices.Clone(fields)
	for i := range out {
		out[i].Fields = nil
	}
	return out
}

// hide has no error show a value: who misunderstands what is wanted writes the secret itself.
func hide(fields []FieldDefinition) {
	for i := range fields {
		fields[i].Secret = true
		hide(fields[i].Fields)
	}
}

// keeping fills in what a checked #State says of retention and encryption.
func (s *StateConfig) keeping(v cue.Value) (err error) {
	if s.Retention, err = count(v.LookupPath(cue.ParsePath("retention"))); err != nil {
		return fmt.Errorf("state.retention: %w", err)
	}
	encryption := v.LookupPath(cue.ParsePath("encryption"))
	if !encryption.Exists() {
		return nil
	}
	if err := encryption.Decode(&s.Encryption); err != nil {
		return fmt.Errorf("state.encryption: %w", err)
	}
	return nil
}

// checkKeeping checks what was written of retention and encryption, and fills it into state.
func (l *Loader) checkKeeping(written *Value, state *StateConfig) ([]finding, error) {
	cuectx := cuecontext.New()
	schemas, err := l.build(cuectx, nil)
	if err != nil {
		return nil, err
	}
	v, found := fit(cuectx, written, schemas.LookupPath(cue.ParsePath("#State")), nil, []string{"state"})
	if len(found) > 0 {
		return found, nil
	}
	return nil, state.keeping(v)
}

// notBeside is how the definition of one way to encrypt refuses a field of the other.
const notBeside = `"not beside `

// eitherEncryption is the ways to encrypt in words.
const eitherEncryption = "either recipients, with or without identityEnv, or passphraseEnv"

// encryptionTold makes what CUE says of the two ways to encrypt one answer: it takes each apart, and a field of the one
// is not allowed in the other.
func encryptionTold(found []finding) []finding {
	known := []string{"recipients", "identityEnv", "passphraseEnv"}
	var own, rest []finding
	refused := map[string]finding{}
	for _, f := range found {
		switch {
		case len(f.path) < 2 || f.path[0] != "state" || f.path[1] != "encryption":
			rest = append(rest, f)
		case len(f.path) == 3 && (strings.Contains(f.msg, notBeside) || f.msg == notAllowed && slices.Contains(known, f.path[2])):
			refused[f.path[2]] = f
		case len(f.path) > 2:
			own = append(own, f)
		default:
			refused[""] = f
		}
	}
	_, recipients := refused["recipients"]
	passphrase, both := refused["passphraseEnv"]
	identity, stray := refused["identityEnv"]
	switch {
	case both && recipients:
		own = append(own, finding{path: passphrase.path, own: passphrase.own, whole: true, msg: "recipients are there too; expected " + eitherEncryption})
	case both && stray:
		own = append(own, finding{path: identity.path, own: identity.own, whole: true, msg: "passphraseEnv is there too; expected " + eitherEncryption})
	case len(own) == 0 && len(refused) > 0:
		own = append(own, finding{path: []string{"state", "encryption"}, own: refused[""].own, whole: true, msg: "expected " + eitherEncryption})
	}
	return append(rest, own...)
}
