package compat

import (
	"encoding/json"
	"strings"
	"testing"
)

func TestWhatLooksLikeASecretIsHidden(t *testing.T) {
	for _, name := range []string{
		"token", "password", "Password", "dbPassword", "DB_PASSWORD", "admin-password", "secret", "secrets", "apiKey", "api_key", "APIKey", "apikey",
		"privateKey", "sshPrivateKey", "secret_key", "accessKey", "credentials", "auth", "passphrase", "securityValue", "valuesYaml", "values_yaml", "webhook",
	} {
		if !soundsSecret(name) {
			t.Errorf("%s is shown", name)
		}
	}
	for _, name := range []string{
		"", "tokenEnv", "secretName", "key", "value", "name", "boardId", "todoListId", "content", "repoURL", "monkey", "tokenized", "passenger",
		"jiraProjectKey", "author", "hostname", "keyboard", "existingSecretName", "-", "Ünïcode",
	} {
		if soundsSecret(name) {
			t.Errorf("%s is hidden", name)
		}
	}
}

func TestSecretsOfAStateAreVeiled(t *testing.T) {
	some := func(path []string) bool { return path[0] == "known" || path[0] == "token" && len(path) == 1 }
	for _, test := range []struct {
		name, data, want string
		known            func([]string) bool
	}{
		{"nothing", ``, ``, nil},
		{"no secret", `{"a":1.0,"b":[true,null,"<x>"],"c":{"d":""}}`, `{"a":1.0,"b":[true,null,"<x>"],"c":{"d":""}}`, nil},
		{"by name", `{"token":"x","n":{"dbPassword":12,"secret":true,"auth":{"user":"u","list":["v"]}}}`,
			`{"n":{"auth":{"list":["(secret)"],"user":"(secret)"},"dbPassword":"(secret)","secret":true},"token":"(secret)"}`, nil},
		{"nothing to hide", `{"token":"","password":null}`, `{"password":null,"token":""}`, nil},
		{"name and value", `{"envs":[{"key":"DB_PASSWORD","value":"x"},{"name":"A_TOKEN","value":"x"},{"key":"PORT","value":"80"}]}`,
			`{"envs":[{"key":"DB_PASSWORD","value":"(secret)"},{"name":"A_TOKEN","value":"(secret)"},{"key":"PORT","value":"80"}]}`, nil},
		{"an address", `{"url":"https://u:p@h/x","other":"https://h/x"}`, `{"other":"https://h/x","url":"https://u:(secret)@h/x"}`, nil},
		{"a text", `{"file":"a: b\n  password: x\n","key":"-----BEGIN RSA PRIVATE KEY-----\nabc"}`, `{"file":"(secret)","key":"(secret)"}`, nil},
		{"a text that refers", `{"file":"password: ${X}\ntoken:\n"}`, `{"file":"password: ${X}\ntoken:\n"}`, nil},
		{"what a schema knows", `{"known":{"password":"x"},"token":"x","content":"password: x","url":"https://u:p@h"}`,
			`{"content":"password: x","known":{"password":"x"},"token":"x","url":"https://u:p@h"}`, some},
		{"what a schema does not know", `{"other":{"password":"x"}}`, `{"other":{"password":"(secret)"}}`, some},
	} {
		got, err := Veil(json.RawMessage(test.data), test.known)
		if err != nil || string(got) != test.want {
			t.Errorf("%s: got %s %v, want %s", test.name, got, err, test.want)
		}
	}
	if _, err := Veil(json.RawMessage("{"), nil); err == nil || strings.Contains(err.Error(), "panic") {
		t.Errorf("got %v for no JSON", err)
	}
}
