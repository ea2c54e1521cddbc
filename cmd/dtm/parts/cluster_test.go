package parts

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
)

// space is a namespace that is there, with the service account that pods want.
func space(t *testing.T, c *Cluster) string {
	t.Helper()
	name := c.Namespace(t)
	makeSpace(t, c, name)
	c.Until(t, "there is a service account", func(ctx context.Context) (bool, error) {
		_, err := c.Client().CoreV1().ServiceAccounts(name).Get(ctx, "default", metav1.GetOptions{})
		return err == nil, err
	})
	return name
}

func podSpec(policy corev1.RestartPolicy) corev1.PodSpec {
	return corev1.PodSpec{RestartPolicy: policy, Containers: []corev1.Container{{Name: "main", Image: "registry.test/main"}}}
}

// summary says in a few words how a pod is.
func summary(p *corev1.Pod) string {
	words := []string{string(p.Status.Phase)}
	for _, s := range p.Status.ContainerStatuses {
		switch {
		case s.State.Waiting != nil:
			words = append(words, s.State.Waiting.Reason)
		case s.State.Terminated != nil:
			words = append(words, fmt.Sprint(s.State.Terminated.ExitCode))
		}
	}
	for _, c := range p.Status.Conditions {
		if c.Type == corev1.PodReady && c.Status == corev1.ConditionTrue {
			words = append(words, "ready")
		}
	}
	return strings.Join(words, " ")
}

func TestPodsBehave(t *testing.T) {
	c := SharedCluster(t)
	namespace := space(t, c)
	pods := c.Client().CoreV1().Pods(namespace)
	becomes := func(t *testing.T, name, want string) {
		t.Helper()
		got := ""
		defer func() {
			if t.Failed() {
				t.Logf("the pod is %s, want %s", got, want)
			}
		}()
		c.Until(t, "the pod is "+want, func(ctx context.Context) (bool, error) {
			p, err := pods.Get(ctx, name, metav1.GetOptions{})
			if err != nil {
				return false, err
			}
			got = summary(p)
			return got == want, nil
		})
	}
	for behave, want := range map[string]string{
		"":        "Running ready",
		"stuck":   "Pending ContainerCreating",
		"nopull":  "Pending ImagePullBackOff",
		"unready": "Running",
		"crash":   "Running CrashLoopBackOff",
		"fail":    "Failed 1",
	} {
		t.Run("behave "+behave, func(t *testing.T) {
			t.Parallel()
			pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "pod" + behave}, Spec: podSpec(corev1.RestartPolicyAlways)}
			if behave != "" {
				pod.Annotations = map[string]string{"dtm.test/behave": behave}
			}
			if _, err := pods.Create(t.Context(), pod, metav1.CreateOptions{}); err != nil {
				t.Fatal(err)
			}
			becomes(t, pod.Name, want)
			if behave == "fail" {
				return // what has ended has ended
			}
			better := []byte(`{"metadata": {"annotations": {"dtm.test/behave": null}}}`)
			if _, err := pods.Patch(t.Context(), pod.Name, "application/merge-patch+json", better, metav1.PatchOptions{}); err != nil {
				t.Fatal(err)
			}
			becomes(t, pod.Name, "Running ready")
			if err := pods.Delete(t.Context(), pod.Name, metav1.DeleteOptions{}); err != nil {
				t.Fatal(err)
			}
			c.Until(t, "the pod is gone", func(ctx context.Context) (bool, error) {
				_, err := pods.Get(ctx, pod.Name, metav1.GetOptions{})
				return apierrors.IsNotFound(err), nil
			})
		})
	}
	t.Run("takes its time", func(t *testing.T) {
		t.Parallel()
		began := time.Now()
		pod := &corev1.Pod{
			ObjectMeta: metav1.ObjectMeta{Name: "late", Annotations: map[string]string{"dtm.test/delay": "700ms"}},
			Spec:       podSpec(corev1.RestartPolicyAlways),
		}
		if _, err := pods.Create(t.Context(), pod, metav1.CreateOptions{}); err != nil {
			t.Fatal(err)
		}
		becomes(t, "late", "Running ready")
		if took := time.Since(began); took < 700*time.Millisecond {
			t.Errorf("it was ready after %s", took)
		}
	})
	for behave, want := range map[string]batchv1.JobConditionType{"": batchv1.JobComplete, "fail": batchv1.JobFailed} {
		t.Run("a job's behave "+behave, func(t *testing.T) {
			t.Parallel()
			job := &batchv1.Job{ObjectMeta: metav1.ObjectMeta{Name: "job" + behave}}
			job.Spec.BackoffLimit = new(int32)
			job.Spec.Template.Spec = podSpec(corev1.RestartPolicyNever)
			job.Spec.Template.Annotations = map[string]string{"dtm.test/behave": behave}
			jobs := c.Client().BatchV1().Jobs(namespace)
			if _, err := jobs.Create(t.Context(), job, metav1.CreateOptions{}); err != nil {
				t.Fatal(err)
			}
			c.Until(t, "the job is "+string(want), func(ctx context.Context) (bool, error) {
				j, err := jobs.Get(ctx, job.Name, metav1.GetOptions{})
				if err != nil {
					return false, err
				}
				for _, is := range j.Status.Conditions {
					if is.Type == want && is.Status == corev1.ConditionTrue {
						return true, nil
					}
				}
				return false, nil
			})
		})
	}
}

func TestClaimsGetVolumes(t *testing.T) {
	c := SharedCluster(t)
	namespace := space(t, c)
	claims := c.Client().CoreV1().PersistentVolumeClaims(namespace)
	claim := func(name string, class *string) {
		t.Helper()
		spec := corev1.PersistentVolumeClaimSpec{StorageClassName: class, AccessModes: []corev1.PersistentVolumeAccessMode{corev1.ReadWriteOnce}}
		spec.Resources.Requests = corev1.ResourceList{corev1.ResourceStorage: resource.MustParse("1Gi")}
		_, err := claims.Create(t.Context(), &corev1.PersistentVolumeClaim{ObjectMeta: metav1.ObjectMeta{Name: name}, Spec: spec}, metav1.CreateOptions{})
		if err != nil {
			t.Fatal(err)
		}
	}
	bound := func(name string) func(ctx context.Context) (bool, error) {
		return func(ctx context.Context) (bool, error) {
			got, err := claims.Get(ctx, name, metav1.GetOptions{})
			return err == nil && got.Status.Phase == corev1.ClaimBound, err
		}
	}
	later := namespace + "-later"
	claim("early", &later)
	claim("mine", nil)
	c.Until(t, "the claim without a class has a volume", bound("mine"))
	if is, err := bound("early")(t.Context()); is || err != nil {
		t.Errorf("a claim of a class that is not there has a volume (%v)", err)
	}
	c.StorageClass(t, later)
	c.Until(t, "the claim has a volume when its class is there", bound("early"))

	got, err := claims.Get(t.Context(), "mine", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if err := claims.Delete(t.Context(), "mine", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	c.Until(t, "the volume is gone with its claim", func(ctx context.Context) (bool, error) {
		_, err := c.Client().CoreV1().PersistentVolumes().Get(ctx, got.Spec.VolumeName, metav1.GetOptions{})
		return apierrors.IsNotFound(err), nil
	})
}

func TestAPIStopsAndStarts(t *testing.T) {
	t.Parallel()
	c := StartCluster(t)
	namespace := space(t, c)
	pods := c.Client().CoreV1().Pods(namespace)
	c.StopAPI(t)
	if _, err := pods.List(t.Context(), metav1.ListOptions{}); err == nil {
		t.Error("a stopped API server answers")
	}
	c.StartAPI(t)
	// Everybody finds it again.
	pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "after"}, Spec: podSpec(corev1.RestartPolicyAlways)}
	if _, err := pods.Create(t.Context(), pod, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	c.Until(t, "a pod is ready", func(ctx context.Context) (bool, error) {
		p, err := pods.Get(ctx, "after", metav1.GetOptions{})
		return err == nil && summary(p) == "Running ready", err
	})
	if err := c.tell("start-api"); err == nil || !strings.Contains(err.Error(), "runs already") {
		t.Errorf("it starts twice: %v", err)
	}
}

func TestSharedCluster(t *testing.T) {
	c := SharedCluster(t)
	if SharedCluster(t) != c {
		t.Error("it is shared with nobody")
	}
	got := outcome(t, func(t testing.TB) { c.StopAPI(t) })
	if want := "fatal: stop-api would disturb other tests: take a cluster from StartCluster"; got != want {
		t.Errorf("stopping it: %q, want %q", got, want)
	}
	var namespace string
	t.Run("a test", func(t *testing.T) {
		namespace = space(t, c)
		if other := c.Namespace(t); other == namespace {
			t.Errorf("two namespaces are called %s", namespace)
		}
	})
	c.Until(t, "the namespace is gone with its test", func(ctx context.Context) (bool, error) {
		_, err := c.Client().CoreV1().Namespaces().Get(ctx, namespace, metav1.GetOptions{})
		return apierrors.IsNotFound(err), nil
	})
}

func TestUserWithoutRights(t *testing.T) {
	c := SharedCluster(t)
	namespace := space(t, c)
	config, err := clientcmd.BuildConfigFromFlags("", c.KubeconfigFor(t, "ann", "testers"))
	if err != nil {
		t.Fatal(err)
	}
	ann, err := kubernetes.NewForConfig(config)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := ann.CoreV1().Pods(namespace).List(t.Context(), metav1.ListOptions{}); !apierrors.IsForbidden(err) {
		t.Errorf("without rights: %v", err)
	}
	_, err = c.Client().RbacV1().RoleBindings(namespace).Create(t.Context(), &rbacv1.RoleBinding{
		ObjectMeta: metav1.ObjectMeta{Name: "testers"},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: "view"},
		Subjects:   []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: rbacv1.GroupKind, Name: "testers"}},
	}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	c.Until(t, "the grant is known", func(ctx context.Context) (bool, error) {
		_, err := ann.CoreV1().Pods(namespace).List(ctx, metav1.ListOptions{})
		return err == nil, err
	})
}

// Whoever is killed, and with whatever signal: neither a process nor a file stays. Only if kubelab itself is killed,
// its files do.
func TestNothingIsLeft(t *testing.T) {
	Kubelab(t)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		whom  func(child, lab int) int
		files bool
	}{
		"the test":  {func(child, _ int) int { return child }, false},
		"its group": {func(child, _ int) int { return -child }, false},
		"kubelab":   {func(_, lab int) int { return lab }, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			child := exec.CommandContext(t.Context(), self)
			child.Env = append(os.Environ(), "PARTS_TEST_CHILD=clusters")
			child.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
			in, err := child.StdinPipe() // it waits for it to end
			if err != nil {
				t.Fatal(err)
			}
			defer in.Close()
			out, err := child.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := child.Start(); err != nil {
				t.Fatal(err)
			}
			var dir string
			var lab int
			if _, err := fmt.Fscanln(out, &dir, &lab); err != nil {
				t.Fatal(err)
			}
			if n := len(processes(t, dir)); n != 5 {
				t.Errorf("%d processes are of %s, want 5", n, dir)
			}
			if err := syscall.Kill(tt.whom(child.Process.Pid, lab), syscall.SIGKILL); err != nil {
				t.Fatal(err)
			}
			c := &Cluster{}
			c.Until(t, "all is gone", func(context.Context) (bool, error) {
				if all := processes(t, dir); len(all) > 0 {
					return false, fmt.Errorf("there are %v", all)
				}
				if _, err := os.Stat(dir); err == nil != tt.files {
					return false, fmt.Errorf("%s: %v", dir, err)
				}
				return true, nil
			})
			if tt.files {
				_ = os.RemoveAll(dir)
			}
			_ = in.Close()
			_ = child.Wait() // it was killed
		})
	}
}

// processes are the command lines that name a folder.
func processes(t *testing.T, dir string) []string {
	t.Helper()
	all, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		t.Fatal(err)
	}
	var named []string
	for _, path := range all {
		text, _ := os.ReadFile(path) // it may have ended
		if pid := strings.Split(path, "/")[2]; bytes.Contains(text, []byte(dir)) && pid != strconv.Itoa(os.Getpid()) {
			named = append(named, strings.ReplaceAll(string(text), "\x00", " "))
		}
	}
	return named
}

// clusterChild is a process that has a cluster, says so, and is killed some day.
func clusterChild() {
	program, err := kubelab().make(context.Background())
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	c, err := startCluster(program)
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	fmt.Println(c.dir, c.cmd.Process.Pid)
	_, _ = os.Stdin.Read(make([]byte, 1))
}
