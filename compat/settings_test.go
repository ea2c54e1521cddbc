package compat

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/devstream-io/dtm/schema"
)

const fileCUE = `package localfile

#Options: {filename!: string & !="", content: *"" | string}
#Outputs: {path: string}
#Sample: #Options & {filename: "a"}
`

// check reads YAML and checks it.
func check(t *testing.T, yaml string) (*schema.Config, error) {
	t.Helper()
	loader, err := schema.NewLoader([]schema.PluginSchema{{Name: "localfile", CUE: fileCUE}})
	if err != nil {
		t.Fatal(err)
	}
	src, err := read(yaml)
	if src == nil {
		return nil, err
	}
	config, more := loader.Check(t.Context(), src)
	return config, schema.Join(err, more)
}

const aRecipient = "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p"

func TestLifecyclesAreReadInBothForms(t *testing.T) {
	const lifecycle = "\n  options: {filename: x}\n  lifecycle:\n    timeout: 1m30s\n    retries: [[ n ]]\n    preventDestroy: true\n    ignoreChanges: [content, resource.mode]\n"
	want := schema.Lifecycle{
		Timeout: 90 * time.Second, Retries: 5, Backoff: time.Second, PreventDestroy: true,
		IgnoreChanges: []string{"options.content", "resource.mode"},
	}
	for form, tool := range map[string]string{
		"0.3": "- plugin: localfile\n  name: a" + lifecycle,
		"0.7": "- name: localfile\n  instanceID: a" + lifecycle,
	} {
		config, err := check(t, "n: 5\n---\ntools:\n"+tool)
		if err != nil {
			t.Errorf("%s: %v", form, err)
			continue
		}
		if diff := cmp.Diff(want, config.Tools[0].Lifecycle); diff != "" {
			t.Errorf("%s (-want +got)\n%s", form, diff)
		}
	}
	config, err := check(t, "tools:\n- name: localfile\n  instanceID: a\n  options: {filename: x}\n  lifecycle:\n")
	if err != nil || !config.Tools[0].Lifecycle.Equal(schema.DefaultLifecycle()) {
		t.Errorf("an empty one is %+v (%v), want the default", config, err)
	}
}

func TestWhatTheHistoryKeepsIsRead(t *testing.T) {
	const tools = "---\ntools: [{name: localfile, instanceID: a, options: {filename: x}}]\n"
	tests := []struct {
		name, state string
		want        schema.StateConfig
	}{
		{"nothing", "", schema.StateConfig{Backend: "local", StateFile: "devstream.state", Retention: schema.DefaultRetention}},
		{"null", "state: {retention: , encryption: null}\n", schema.StateConfig{Backend: "local", StateFile: "devstream.state", Retention: schema.DefaultRetention}},
		{"all", "state: {retention: 0}\n", schema.StateConfig{Backend: "local", StateFile: "devstream.state"}},
		{
			"s3 to recipients", "state: {backend: s3, options: {bucket: b, region: r, key: k}, retention: 7, encryption: {recipients: [" + aRecipient + "]}}\n",
			schema.StateConfig{
				Backend: "s3", Bucket: "b", Region: "r", Key: "k", Retention: 7,
				Encryption: schema.Encryption{Recipients: []string{aRecipient}, IdentityEnv: "DTM_AGE_IDENTITY"},
			},
		},
		{
			"passphrase", "state:\n  encryption:\n    passphraseEnv: MY_PASS\n",
			schema.StateConfig{
				Backend: "local", StateFile: "devstream.state", Retention: schema.DefaultRetention,
				Encryption: schema.Encryption{PassphraseEnv: "MY_PASS"},
			},
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			config, err := check(t, test.state+tools)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, config.State); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

func TestMistakesInSettingsHaveAPlace(t *testing.T) {
	const tool = "tools:\n- name: localfile\n  instanceID: a\n  options: {filename: x}\n"
	tests := []struct{ name, yaml, want string }{
		{"lifecycle is a word", tool + "  lifecycle: forever\n", "tools[0].lifecycle: must be a map, not a string: config.yaml:5:14"},
		{"misspelt lifecycle", tool + "  lifecicle: {}\n", "tools[0].lifecicle: unknown key: DevStream ignored it (did you mean `lifecycle`?): config.yaml:5:3"},
		{
			"lifecycle", tool + "  lifecycle:\n    timeot: 5m\n    retries: many\n    backoff: -5s\n    timeout: 90\n    ignoreChanges: [1]\n",
			"tools.localfile.a.lifecycle.timeot: field not allowed; expected one of timeout, retries, backoff, preventDestroy, keepOnDelete, ignoreChanges (did you mean `timeout`?): config.yaml:6:5\n" +
				`tools.localfile.a.lifecycle.retries: invalid value "many"; expected *3 | (int & >=0): config.yaml:7:5` + "\n" +
				`tools.localfile.a.lifecycle.backoff: invalid value "-5s"; expected *"1s" | a duration as in "90s" or "5m": config.yaml:8:5` + "\n" +
				`tools.localfile.a.lifecycle.timeout: invalid value 90; expected a duration as in "90s" or "5m": config.yaml:9:5` + "\n" +
				`tools.localfile.a.lifecycle.ignoreChanges[0]: invalid value 1; expected string & !="" (write it in quotes): config.yaml:10:21`,
		},
		{
			"ignored path", tool + "  lifecycle:\n    ignoreChanges:\n    - contents\n    - options.filename.x\n",
			"tools.localfile.a.lifecycle.ignoreChanges[0]: plugin localfile has no option \"contents\" (did you mean `options.content`?): config.yaml:7:7\n" +
				"tools.localfile.a.lifecycle.ignoreChanges[1]: plugin localfile has no option \"filename.x\": config.yaml:8:7",
		},
		{"misspelt retention", "state: {retentoin: 5}\n---\n" + tool, "state.retentoin: unknown key: DevStream ignored it (did you mean `retention`?): config.yaml:1:9"},
		{
			"retention and recipients", "state:\n  retention: -1\n  encryption:\n    recipients: [" + aRecipient + ", AGE-SECRET-KEY-1QQ]\n---\n" + tool,
			"state.retention: invalid value -1; expected *1000 | (int & >=0): config.yaml:2:3\n" +
				`state.encryption.recipients[1]: invalid value (secret): expected a public key of age, as in "age1…": config.yaml:4:82`,
		},
		{
			"both", "state:\n  encryption:\n    recipients: [" + aRecipient + "]\n    passphraseEnv: P\n---\n" + tool,
			"state.encryption.passphraseEnv: recipients are there too; expected either recipients, with or without identityEnv, or passphraseEnv: config.yaml:4:5",
		},
		{"neither", "state:\n  encryption: {}\n---\n" + tool, "state.encryption: expected either recipients, with or without identityEnv, or passphraseEnv: config.yaml:2:3"},
		{"a secret", "state: {encryption: {passphraseEnv: correct horse}}\n---\n" + tool, "state.encryption.passphraseEnv: invalid value (secret): expected the name of a variable of the environment: config.yaml:1:22"},
		{"a secret in its place", "state: {encryption: correct horse}\n---\n" + tool, "state.encryption: expected either recipients, with or without identityEnv, or passphraseEnv: config.yaml:1:9"},
		{
			"a typo", "state: {encryption: {recipient: [x]}}\n---\n" + tool,
			"state.encryption.recipient: field not allowed; expected one of recipients, identityEnv, passphraseEnv (did you mean `recipients`?): config.yaml:1:22",
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, err := check(t, test.yaml)
			if err == nil {
				t.Fatalf("no mistake found, want\n%s", test.want)
			}
			if diff := cmp.Diff(test.want, err.Error()); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}
