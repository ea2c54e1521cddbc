package helm

import (
	"strings"
	"testing"

	"helm.sh/helm/v3/pkg/release"
	"helm.sh/helm/v3/pkg/storage"
	"helm.sh/helm/v3/pkg/storage/driver"
)

// A process that dies leaves a release in the state that it had got to. What is made here by hand is what Helm has then
// stored.
func TestAReleaseThatWasLeftInTheMiddleIsRecovered(t *testing.T) {
	t.Parallel()
	full(t)
	for state, c := range map[release.Status]struct {
		revisions  int
		note, said string
	}{
		release.StatusPendingInstall:  {1, "the release was left pending-install: it is removed and installed anew", "release r was left pending-install at revision 1 and is not in use: removing what is there of it"},
		release.StatusFailed:          {1, "the release was left failed: it is removed and installed anew", "release r was left failed at revision 1"},
		release.StatusPendingUpgrade:  {2, "the release was left pending-upgrade: it is rolled back first", "release r was left pending-upgrade at revision 2: rolling back to revision 1"},
		release.StatusPendingRollback: {3, "the release was left pending-rollback: it is rolled back first", "release r was left pending-rollback at revision 3: rolling back to revision 1"},
		release.StatusUninstalling:    {1, "the release was left uninstalling: it is removed and installed anew", "release r was left uninstalling at revision 1 and is not in use"},
	} {
		t.Run(string(state), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.makeNamespace()
			want := w.wish(chartFolder(t, "plain"), `{}`)
			r, err := w.plugin.Create(t.Context(), want)
			w.must(err)
			w.left(state, c.revisions)
			// The object of another revision, of which nothing else knows.
			if state == release.StatusPendingInstall {
				w.must(w.client.AppsV1().Deployments(w.namespace).Delete(t.Context(), "r", deleteOptions))
			}

			preview, err := w.plugin.Preview(t.Context(), want, want, r)
			w.must(err)
			if notes := strings.Join(preview.Notes, "\n"); notes != c.note {
				t.Errorf("notes: %q, want %q", notes, c.note)
			}
			if drifted := w.drifts(want, r); drifted.State != string(state) {
				t.Errorf("it is read as %s", drifted.State)
			}
			ctx, said := listen(t.Context())
			again, err := w.plugin.Update(ctx, want, want, r)
			w.must(err)
			w.readsAs(want, again)
			if heard := strings.Join(said(), "\n"); !strings.Contains(heard, c.said) {
				t.Errorf("nobody said %q, but\n%s", c.said, heard)
			}
			if again.State != "deployed" || again.Status.Ready != "1 of 1" {
				t.Errorf("afterwards there is %+v", again)
			}
			w.must(w.plugin.Delete(t.Context(), want, again))
			w.isEmpty()
		})
	}
}

func TestAReleaseThatWasLeftInTheMiddleIsDeleted(t *testing.T) {
	t.Parallel()
	for _, state := range []release.Status{release.StatusPendingInstall, release.StatusPendingUpgrade, release.StatusUninstalling} {
		t.Run(string(state), func(t *testing.T) {
			t.Parallel()
			w, want, r := settledWorld(t, "plain", `{}`)
			w.left(state, 2)
			w.must(w.plugin.Delete(t.Context(), want, r))
			w.isEmpty()
		})
	}
}

// left gives the release's history as many revisions, the last of them in a state that nobody ends.
func (w *world) left(state release.Status, revisions int) {
	w.t.Helper()
	releases := storage.Init(driver.NewSecrets(w.client.CoreV1().Secrets(w.namespace)))
	rel, err := releases.Last("r")
	w.must(err)
	for rel.Version < revisions {
		rel.Version++
		rel.Info.Status = release.StatusFailed
		w.must(releases.Create(rel))
	}
	rel.Info.Status, rel.Info.Description = state, "left by a process that has died"
	w.must(releases.Update(rel))
}

// Helm marks a failed revision as superseded when a rollback from it fails: it must not be taken for one that worked.
func TestTheRevisionThatServesIsTheOneThatIsRolledBackTo(t *testing.T) {
	revision := func(version int, status release.Status) *release.Release {
		return &release.Release{Version: version, Info: &release.Info{Status: status}}
	}
	for name, c := range map[string]struct {
		history []*release.Release
		good    int
		what    remedy
	}{
		"none":                        {nil, 0, sound},
		"uninstalled, history kept":   {[]*release.Release{revision(1, release.StatusSuperseded), revision(2, release.StatusUninstalled)}, 0, sound},
		"deployed":                    {[]*release.Release{revision(1, release.StatusSuperseded), revision(2, release.StatusDeployed)}, 2, sound},
		"never ready":                 {[]*release.Release{revision(1, release.StatusFailed)}, 0, removeFirst},
		"upgrade failed":              {[]*release.Release{revision(1, release.StatusDeployed), revision(2, release.StatusFailed)}, 1, upgradeable},
		"rollback failed":             {[]*release.Release{revision(1, release.StatusDeployed), revision(2, release.StatusSuperseded), revision(3, release.StatusFailed)}, 1, upgradeable},
		"died before it was recorded": {[]*release.Release{revision(1, release.StatusSuperseded), revision(2, release.StatusPendingUpgrade)}, 1, rollBackFirst},
		"died in a rollback":          {[]*release.Release{revision(1, release.StatusDeployed), revision(2, release.StatusFailed), revision(3, release.StatusPendingRollback)}, 1, rollBackFirst},
		"died in an uninstall":        {[]*release.Release{revision(1, release.StatusSuperseded), revision(2, release.StatusUninstalling)}, 1, removeFirst},
		"died in an install over a kept history": {
			[]*release.Release{revision(1, release.StatusSuperseded), revision(2, release.StatusPendingInstall)}, 1, removeFirst,
		},
	} {
		t.Run(name, func(t *testing.T) {
			_, good, what := diagnosed(c.history)
			version := 0
			if good != nil {
				version = good.Version
			}
			if version != c.good || what != c.what {
				t.Errorf("revision %d and remedy %d, want %d and %d", version, what, c.good, c.what)
			}
		})
	}
}
