package workflow

import (
	"errors"
	"maps"
	"slices"
	"strings"

	"github.com/devstream-io/dtm/plugins"
)

// language is what one language says of its workflow.
type language struct {
	// file is the workflow's name if the options have none.
	file string
	// versions are those that are built with if the options have none; if that is none either, the repository says it.
	versions []string
	// setup is the step that puts the language on the runner: of one version, or of what the repository says if it is empty.
	setup func(version string, o Actions) fields
	// apart tells whether build and test are jobs of their own, which run at the same time.
	apart bool
	// measure makes a command with coverage of one without. summary is the command that tells people of it, "" for none.
	measure func(command string, c Coverage) string
	summary func(c Coverage) string
}

// errNothing says that there is no workflow without a job.
var errNothing = plugins.Hinted(errors.New("nothing is enabled: a workflow needs something to do"), "enable build, test or docker")

// render makes the workflow of the file of that name.
func (l language) render(o Actions, file string) (Document, error) {
	name := stem(file)
	if err := o.clash(file); err != nil {
		return Document{}, err
	}
	jobs, err := l.jobs(o, file)
	if err != nil {
		return Document{}, err
	}
	branches := []string{glob(o.Branch)}
	return Document{Data: fields{
		{"name", name},
		{"on", fields{
			{"push", fields{{"branches", branches}}},
			{"pull_request", fields{{"branches", branches}}},
		}},
		{"permissions", fields{{"contents", "read"}}},
		// Another push to a pull request makes what runs for the last one pointless. On the branch each commit counts, and what
		// waits in a group is dropped for what comes after it: there each run is a group of its own.
		{"concurrency", fields{
			{"group", name + "-${{ github.event_name == 'pull_request' && github.ref || github.run_id }}"},
			{"cancel-in-progress", "${{ github.event_name == 'pull_request' }}"},
		}},
		{"defaults", fields{{"run", fields{{"shell", "bash"}}}}},
		{"jobs", jobs},
	}}, nil
}

// jobs are those that are enabled.
func (l language) jobs(o Actions, file string) (fields, error) {
	before := l.before(o)
	var build, test []fields
	if o.Lint.Enable {
		build = append(build, run("Lint", o.Lint.Command))
	}
	if o.Build.Enable {
		build = append(build, run("Build", o.Build.Command))
	}
	if o.Test.Enable {
		test = l.test(o)
	}
	var jobs fields
	if !l.apart {
		build, test = nil, slices.Concat(build, test)
	}
	if len(build) > 0 {
		jobs = append(jobs, field{"build", l.job(o, file, slices.Concat(before, build))})
	}
	if len(test) > 0 {
		jobs = append(jobs, field{"test", l.job(o, file, slices.Concat(before, test))})
	}
	var needs []string
	for _, job := range jobs {
		needs = append(needs, job.key)
	}
	if o.Docker.Enable {
		jobs = append(jobs, o.image(needs, file)...)
	}
	if len(jobs) == 0 {
		return nil, errNothing
	}
	return jobs, nil
}

// before are the steps before a build or a test: the source, the language and what it needs.
func (l language) before(o Actions) []fields {
	version := ""
	switch versions := l.all(o); len(versions) {
	case 0:
	case 1:
		version = versions[0]
	default:
		version = "${{ matrix.version }}"
	}
	steps := []fields{
		{{"uses", checkout()}, {"with", fields{{"persist-credentials", false}}}},
		l.setup(version, o),
	}
	if o.Install.Enable {
		steps = append(steps, run("Install", o.Install.Command))
	}
	return steps
}

// all are the versions to build with.
func (l language) all(o Actions) []string {
	switch {
	case len(o.Language.Versions) > 0:
		return o.Language.Versions
	case o.Language.Version != "":
		return []string{o.Language.Version}
	}
	return l.versions
}

func (l language) test(o Actions) []fields {
	c := o.Test.Coverage
	if !c.Enable {
		return []fields{run("Test", o.Test.Command)}
	}
	steps := []fields{run("Test", l.measure(o.Test.Command, c))}
	if summary := l.summary(c); summary != "" {
		steps = append(steps, run("Summary of the coverage", summary))
	}
	if o.BaseURL != "" {
		return steps // artifacts of this kind are unknown to GitHub Enterprise Server
	}
	return append(steps, fields{
		{"name", "Keep the coverage"},
		{"uses", uploadArtifact()},
		{"with", fields{
			{"name", "coverage-${{ strategy.job-index }}"}, {"path", c.Output}, {"if-no-files-found", "error"}, {"retention-days", 14},
		}},
	})
}

// job is one with steps, once for each version.
func (l language) job(o Actions, file string, steps []fields) fields {
	job := o.job(nil)
	if len(o.Secrets) > 0 {
		var env fields
		for _, name := range slices.Sorted(maps.Keys(o.Secrets)) {
			env = append(env, field{name, "${{ secrets." + SecretName(file, name) + " }}"})
		}
		job = append(job, field{"env", env})
	}
	if versions := l.all(o); len(versions) > 1 {
		job = append(job, field{"strategy", fields{{"fail-fast", false}, {"matrix", fields{{"version", versions}}}}})
	}
	return append(job, field{"steps", steps})
}

func (o Actions) job(needs []string) fields {
	var job fields
	if len(needs) > 0 {
		job = fields{{"needs", needs}}
	}
	if len(o.Runner) == 1 {
		job = append(job, field{"runs-on", o.Runner[0]})
	} else {
		job = append(job, field{"runs-on", o.Runner})
	}
	return append(job, field{"timeout-minutes", o.TimeoutMinutes})
}

func run(name, command string) fields { return fields{{"name", name}, {"run", command}} }

// glob is a pattern that is met by one branch alone.
func glob(branch string) string {
	return strings.NewReplacer("+", `\+`, "!", `\!`).Replace(branch)
}
