package helm

import (
	"bytes"
	"errors"
	"fmt"
	"time"

	"helm.sh/helm/v3/pkg/action"
	"helm.sh/helm/v3/pkg/release"
	"helm.sh/helm/v3/pkg/storage/driver"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// extent says how much of what its hooks have made goes with a release. Helm leaves all of it where it is.
type extent int

const (
	// runs are the jobs and pods of hooks, of which logs are left, and the accounts and rights that those ran with. Secrets
	// and volumes that hooks make stay, for charts make them by hooks in order that they do.
	runs extent = iota
	// everything is for what was never ready: nobody uses it, and the next attempt is to find nothing of it. Its hooks do
	// not run: they count on something that works, and would keep what does not from ever being removed.
	everything
)

// uninstall removes the release, whatever state it is in. That there is none is no error.
func (op *operation) uninstall(how extent, timeout time.Duration) error {
	history, err := op.history()
	if err != nil || len(history) == 0 {
		return err
	}
	op.kube.removing = true
	defer func() { op.kube.removing = false }()
	a := action.NewUninstall(op.cfg)
	a.Wait, a.Timeout, a.DisableHooks = true, timeout, how == everything
	_, err = a.Run(op.Release)
	if err == nil || errors.Is(err, driver.ErrReleaseNotFound) {
		err = op.removeHooks(history, how, timeout)
	}
	if err != nil {
		return op.explain(fmt.Errorf("uninstall release %s/%s: %w", op.Namespace, op.Release, err))
	}
	return nil
}

// disposable tells whether objects of a kind serve the runs of hooks and nothing else.
func disposable(kind string) bool {
	switch kind {
	case "Job", "Pod", "ServiceAccount", "Role", "RoleBinding", "ClusterRole", "ClusterRoleBinding":
		return true
	}
	return false
}

// removeHooks removes what hooks have left that ran in any revision.
func (op *operation) removeHooks(history []*release.Release, how extent, timeout time.Duration) error {
	var text bytes.Buffer
	for _, rel := range history {
		for _, hook := range rel.Hooks {
			if hook.LastRun.StartedAt.IsZero() || hook.Kind == "CustomResourceDefinition" ||
				how == runs && !disposable(hook.Kind) {
				continue
			}
			fmt.Fprintf(&text, "---\n%s\n", hook.Manifest)
		}
	}
	if text.Len() == 0 {
		return nil
	}
	built, err := op.kube.Build(&text, false)
	if err != nil {
		return err
	}
	wanted := built[:0]
	for _, info := range built {
		if !kept(info) {
			wanted = append(wanted, info)
		}
	}
	if _, errs := op.kube.DeleteWithPropagationPolicy(wanted, metav1.DeletePropagationBackground); len(errs) > 0 {
		return errors.Join(errs...)
	}
	return op.kube.WaitForDelete(wanted, timeout)
}
