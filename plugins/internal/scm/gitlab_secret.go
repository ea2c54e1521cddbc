package scm

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"slices"

	gitlab "gitlab.com/gitlab-org/api/client-go/v2"

	"github.com/devstream-io/dtm/plugins"
)

// everywhere is the scope of a variable that is for all environments. Those of others are left alone.
var everywhere = gitlab.VariableFilter{EnvironmentScope: "*"}

// maskable are the values that GitLab can hide in the logs of jobs, where no variables in them are expanded.
var maskable = regexp.MustCompile(`^\S{8,}$`)

// variableName is GitLab's own rule.
var variableName = regexp.MustCompile(`^[A-Za-z0-9_]{1,255}$`)

func checkVariable(name string) error {
	if !variableName.MatchString(name) {
		return plugins.Hinted(fmt.Errorf("%q is no name of a CI/CD variable", name), "it has letters, digits and _ alone, 255 at most")
	}
	return nil
}

// SecretNames is Secrets.SecretNames.
func (g *gitLab) SecretNames(ctx context.Context, path Path) ([]string, error) {
	if err := checkGitLab(path); err != nil {
		return nil, err
	}
	names := []string{}
	request := []gitlab.RequestOptionFunc{gitlab.WithContext(ctx)}
	for range maxPages {
		variables, response, err := g.client.ProjectVariables.ListVariables(path.String(), &gitlab.ListProjectVariablesOptions{
			ListOptions: gitlab.ListOptions{PerPage: pageSize},
		}, request...)
		if err != nil {
			return nil, g.failed("look at the CI/CD variables of "+path.String(), err)
		}
		for _, v := range variables {
			if v == nil || v.Key == "" {
				return nil, g.failed("look at the CI/CD variables of "+path.String(), errPartial)
			}
			if v.EnvironmentScope == "" || v.EnvironmentScope == everywhere.EnvironmentScope {
				names = append(names, v.Key)
			}
		}
		next, more := gitlab.WithNext(response)
		if !more {
			break
		}
		request = []gitlab.RequestOptionFunc{gitlab.WithContext(ctx), next}
	}
	slices.Sort(names)
	return slices.Compact(names), nil
}

// SetSecret is Secrets.SetSecret. The variable is for all branches, since workflows run on those that are not protected, too;
// nothing in its value is expanded; and it is masked in logs if its value is long enough and has no space in it.
func (g *gitLab) SetSecret(ctx context.Context, path Path, name, value string) error {
	plugins.Conceal(ctx, value)
	if err := checkVariable(name); err != nil {
		return err
	}
	project, err := g.find(ctx, path)
	if err != nil {
		return err
	}
	what := fmt.Sprintf("set CI/CD variable %s of %s", name, path)
	masked, raw, protected := maskable.MatchString(value), true, false
	change := func() error {
		_, _, err := g.client.ProjectVariables.UpdateVariable(project.ID, name, &gitlab.UpdateProjectVariableOptions{
			Value: &value, Masked: &masked, Raw: &raw, Protected: &protected, Filter: &everywhere,
		}, gitlab.WithContext(ctx))
		return err
	}
	err = change()
	if gitLabSays(err, http.StatusNotFound) {
		_, _, err = g.client.ProjectVariables.CreateVariable(project.ID, &gitlab.CreateProjectVariableOptions{
			Key: &name, Value: &value, Masked: &masked, Raw: &raw, Protected: &protected,
		}, gitlab.WithContext(ctx))
		if gitLabTells(err, "already been taken") {
			err = change() // somebody was faster
		}
	}
	if err != nil {
		return g.failed(what, err)
	}
	return nil
}

// DeleteSecret is Secrets.DeleteSecret.
func (g *gitLab) DeleteSecret(ctx context.Context, path Path, name string) error {
	if err := checkVariable(name); err != nil {
		return err
	}
	project, err := g.find(ctx, path)
	if errors.Is(err, plugins.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	_, err = g.client.ProjectVariables.RemoveVariable(project.ID, name, &gitlab.RemoveProjectVariableOptions{Filter: &everywhere}, gitlab.WithContext(ctx))
	if err != nil && !gitLabSays(err, http.StatusNotFound) {
		return g.failed(fmt.Sprintf("remove CI/CD variable %s of %s", name, path), err)
	}
	return nil
}
