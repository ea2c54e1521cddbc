package parts

import (
	"encoding/json"
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

func TestAJobStartsForItsEventsAlone(t *testing.T) {
	text := []byte(strings.Replace(workflowHead, "== 'issues'", "== 'issue_comment' && !github.event.issue.pull_request", 1) + "      - run: echo started\n")
	for _, m := range []struct {
		event, payload, job, said, complaint string
	}{
		{"issue_comment", `{"issue":{"title":"x"}}`, "a", "started\n", ""},
		{"issue_comment", `{"issue":{"pull_request":{"url":"x"}}}`, "", "", ""},
		{"issues", `{"issue":{}}`, "", "", ""},
		{"issue_comment", `{"issue":{"pull_request":{}}}`, "a", "", "the job a starts is false"},
	} {
		c := &complaints{TB: t}
		said := RunWorkflow(c, text, WorkflowEvent{Job: m.job, Name: m.event, Payload: json.RawMessage(m.payload)})
		if all := strings.Join(c.all, "\n"); said != m.said || (all != "") != (m.complaint != "") || !strings.Contains(all, m.complaint) {
			t.Errorf("%+v: it says %q and complains of %q", m, said, all)
		}
	}
	c := &complaints{TB: t}
	RunWorkflow(c, []byte(strings.Replace(workflowHead, "== 'issues'", "!= 'push'", 1)+"      - run: echo\n"), WorkflowEvent{Job: "a", Name: "issues"})
	if len(c.all) != 1 || !strings.Contains(c.all[0], "!= 'push'") {
		t.Errorf("it complains of %q", c.all)
	}
}
