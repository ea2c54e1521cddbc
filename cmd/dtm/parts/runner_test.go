package parts

import (
	"strings"
	"testing"
)

const workflowHead = "on: issues\npermissions: {}\njobs:\n  a:\n    if: github.event_name == 'issues'\n    runs-on: [self-hosted, mine]\n    steps:\n"

func TestAWorkflowWithAMistakeFailsTheTest(t *testing.T) {
	c := &complaints{TB: t}
	for step, complaint := range map[string]string{
		"      - run: echo hello\n":                             "",
		"      - run: echo '${{ github.event.issue.title }}'\n": "an expression in a script",
		"      - rum: echo\n":                                   "step must run script",
		"      - run: echo\n        if: github.evnt.x\n":        "evnt",
	} {
		c.all = nil
		LintWorkflow(lintTB{c}, []byte(workflowHead+step))
		if said := strings.Join(c.all, "\n"); (said != "") != (complaint != "") || !strings.Contains(said, complaint) {
			t.Errorf("%q: it complains of %q", step, said)
		}
	}
}

// lintTB hears Error as well.
type lintTB struct{ *complaints }

func (l lintTB) Error(args ...any) {
	for _, a := range args {
		l.Errorf("%v", a)
	}
}

func TestAScriptRunsWithItsVariablesAndNothingElse(t *testing.T) {
	text := []byte(workflowHead + "      - env:\n          A: ${{ secrets.X }}-${{ github.token }}\n        run: |\n          echo \"$A $(jq -r .n \"$GITHUB_EVENT_PATH\") ${USER-nobody}\"\n")
	event := WorkflowEvent{Job: "a", Name: "issues", Payload: map[string]int{"n": 7}, Secrets: map[string]string{"X": "x"}, Token: "t"}
	if said := RunWorkflow(t, text, event); said != "x-t 7 nobody\n" {
		t.Errorf("it says %q", said)
	}
	c := &complaints{TB: t}
	event.Secrets = nil
	RunWorkflow(c, text, event)
	event.Job = "b"
	RunWorkflow(c, text, event)
	if len(c.all) != 2 || !strings.Contains(c.all[0], "secrets.X") || !strings.Contains(c.all[1], "the job a starts") {
		t.Errorf("it complains of %q", c.all)
	}
}
