package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/alecthomas/kong"
)

func TestTheWordsOfDevStreamAreThoseOfDtm(t *testing.T) {
	for _, c := range []struct{ typed, want string }{
		{"apply", "apply"},
		{"-y apply", "apply -y"},
		{"-f a.yaml -y apply", "apply -f a.yaml -y"},
		{"--config-file a.yaml apply", "apply --config-file a.yaml"},
		{"--config-file=a.yaml apply", "apply --config-file=a.yaml"},
		{"apply -f=a.yaml", "apply -f a.yaml"},
		{"-f=a.yaml apply -y=true", "apply --yes=true -f a.yaml"},
		{"show status -a=true", "show status --all=true"},
		{"plan -t env=prod", "plan -t env=prod"},
		{"plan -t=env=prod", "plan -t env=prod"},
		{"plan -tenv=prod", "plan -tenv=prod"},
		{"--var-file v.yaml -f a.yaml apply", "apply --var-file v.yaml -f a.yaml"},
		// 0.3: -p is the folder of plugins
		{"-p .devstream apply", "apply --plugin-dir .devstream"},
		{"apply -p plugins", "apply --plugin-dir plugins"},
		{"verify -p plugins", "verify --plugin-dir plugins"},
		{"init -p .devstream", "init --plugin-dir .devstream"},
		{"init -p argocd", "init -p argocd"},
		{"init --download-only -p argocd,jenkins", "init --download-only -p argocd,jenkins"},
		{"show status -p argocd", "show status -p argocd"},
		{"show config -p argocd", "show config -p argocd"},
		{"-p argocd show config", "show config -p argocd"},
		// 0.3: -d is --debug; since 0.4 it is the folder of plugins
		{"-d apply", "apply --debug"},
		{"-d -f a.yaml apply", "apply --debug -f a.yaml"},
		{"-d apply -f a.yaml", "apply -f a.yaml --debug"},
		{"apply -d", "apply --debug"},
		{"apply -d -y", "apply --debug -y"},
		{"apply -d verify", "apply -d verify"},
		{"apply -d .devstream -y", "apply -d .devstream -y"},
		{"-d .devstream apply", "apply -d .devstream"},
		{"-d version", "version --debug"},
		// help and the version, however they are asked for
		{"help", "--help"},
		{"help apply", "apply --help"},
		{"--version", "version"},
		// what is completed stays as it was typed
		{"__complete -- apply -f=", "__complete -- apply -f="},
		{"__complete -- apply -d", "__complete -- apply -d"},
	} {
		if got := strings.Join(arrange(strings.Fields(c.typed)), " "); got != c.want {
			t.Errorf("%s is %q, not %q", c.typed, got, c.want)
		}
	}
}

func TestTheScriptAsksForHelpOfEveryCommand(t *testing.T) {
	script, err := os.ReadFile(filepath.Join("testdata", "script", "help.txtar"))
	if err != nil {
		t.Fatal(err)
	}
	parser, err := kong.New(new(cli), kong.Vars{"parallel": "10"})
	if err != nil {
		t.Fatal(err)
	}
	for _, leaf := range parser.Model.Leaves(true) {
		command := ""
		for n := leaf; n.Parent != nil; n = n.Parent {
			command = " " + n.Name + command
		}
		asked := strings.Contains(string(script), "exits 0 dtm"+command+" --help\n") || strings.Contains(string(script), "exits 0 dtm help"+command+"\n")
		if !asked {
			t.Errorf("help.txtar does not ask for the help of dtm%s", command)
		}
	}
}
