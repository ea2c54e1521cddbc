package compat

import (
	"errors"
	"strings"
	"testing"

	"github.com/devstream-io/dtm/schema"
)

func TestTheValueOfAVariableIsNeverTold(t *testing.T) {
	const secret = "s3cr3t-value"
	for name, tool := range map[string]string{
		"tag":      "{name: a, instanceID: b, options: {x: !!int '[[ pw ]]'}}",
		"key":      "{name: a, instanceID: b, options: {'[[ pw ]]': 1, '[[pw]]': 2}}",
		"instance": "{name: a, instanceID: '[[ pw ]]-[[ env X ]]'}",
		"url":      "{name: repo-scaffolding, instanceID: b, options: {destinationRepo: {url: '[[ pw ]]'}, sourceRepo: {}}}",
		"baseURL":  "{name: repo-scaffolding, instanceID: b, options: {destinationRepo: {owner: x, name: y, baseURL: '[[ pw ]]'}, sourceRepo: {}}}",
		"scmType":  "{name: repo-scaffolding, instanceID: b, options: {destinationRepo: {owner: x, name: y, scmType: '[[ pw ]]'}, sourceRepo: {}}}",
		"file":     "{name: helm-installer, instanceID: argocd, options: {valuesYaml: '[[ pw ]]'}}",
		"language": "{name: github-actions, instanceID: b, options: {scm: {owner: x, name: y}, pipeline: {language: {name: '[[ pw ]]'}}}}",
	} {
		t.Run(name, func(t *testing.T) {
			_, err := read("config: {state: {backend: local}}\nvars: {pw: " + secret + "}\ntools: [" + tool + "]\n")
			errs, ok := errors.AsType[schema.Errors](err)
			if !ok {
				t.Fatalf("got %v", err)
			}
			for _, e := range errs {
				if strings.Contains(e.Msg+e.Hint, secret) {
					t.Errorf("told: %v (%s)", e.Msg, e.Hint)
				}
			}
		})
	}
}
