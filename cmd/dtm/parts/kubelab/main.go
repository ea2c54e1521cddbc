// Command kubelab is a Kubernetes control plane for tests, in one program: etcd, the API server, the controller manager
// and the scheduler are the real ones, and a pretended kubelet makes pods ready that nobody runs.
//
//	kubelab up          starts all of them, in processes of their own, and ends them when its input ends
//	kubelab PART ...    is one of them, with that part's own flags
//	kubelab version     says what it is made of
//
// It is a module of its own because k8s.io/kubernetes can only be had with a replacement for each of its thirty parts,
// which nobody who imports dtm should have to repeat.
package main

import (
	"fmt"
	"os"

	"github.com/spf13/cobra"
	etcdversion "go.etcd.io/etcd/api/v3/version"
	"go.etcd.io/etcd/server/v3/etcdmain"
	"k8s.io/component-base/cli"
	_ "k8s.io/component-base/logs/json/register"
	_ "k8s.io/component-base/metrics/prometheus/clientgo"
	_ "k8s.io/component-base/metrics/prometheus/version"
	"k8s.io/component-base/version"
	apiserver "k8s.io/kubernetes/cmd/kube-apiserver/app"
	controllers "k8s.io/kubernetes/cmd/kube-controller-manager/app"
	scheduler "k8s.io/kubernetes/cmd/kube-scheduler/app"
)

const usage = "usage: kubelab up | etcd | apiserver | controller-manager | scheduler | kubelet | version"

func main() {
	if len(os.Args) < 2 {
		fail(usage)
	}
	// The parts read the command line themselves, and expect their own name in front.
	os.Args = os.Args[1:]
	switch part := os.Args[0]; part {
	case "up":
		if err := up(); err != nil {
			fail(err)
		}
	case "etcd":
		etcdmain.Main(os.Args)
	case "apiserver":
		run(apiserver.NewAPIServerCommand())
	case "controller-manager":
		run(controllers.NewControllerManagerCommand())
	case "scheduler":
		run(scheduler.NewSchedulerCommand())
	case "kubelet":
		if err := kubelet(os.Args[1:]); err != nil {
			fail(err)
		}
	case "version":
		fmt.Printf("kubelab: Kubernetes %s, etcd %s\n", version.Get().GitVersion, etcdversion.Version)
	default:
		fail(usage)
	}
}

func run(part *cobra.Command) { os.Exit(cli.Run(part)) }

func fail(why any) {
	fmt.Fprintln(os.Stderr, why)
	os.Exit(2)
}
