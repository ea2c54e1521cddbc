package main

import (
	"context"
	"errors"
	"flag"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	corelisters "k8s.io/client-go/listers/core/v1"
	storagelisters "k8s.io/client-go/listers/storage/v1"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/util/workqueue"
)

// nodes is how many nodes there are: charts with several replicas often want each on a node of its own.
const nodes = 3

// kubelet pretends to be the kubelet of every node and the provisioner of every volume until it is told to end.
func kubelet(args []string) error {
	flags := flag.NewFlagSet("kubelet", flag.ContinueOnError)
	path := flags.String("kubeconfig", "", "kubeconfig of an administrator")
	if err := flags.Parse(args); err != nil {
		return err
	}
	config, err := clientcmd.BuildConfigFromFlags("", *path)
	if err != nil {
		return err
	}
	config.QPS, config.Burst = 300, 600
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()

	var all sync.WaitGroup
	for i := range nodes {
		all.Go(func() { node(ctx, client, i) })
	}
	k := newPretender(client)
	k.informers.Start(ctx.Done())
	k.informers.WaitForCacheSync(ctx.Done())
	for range 8 {
		all.Go(func() {
			for k.next(ctx) {
			}
		})
	}
	<-ctx.Done()
	k.queue.ShutDown()
	all.Wait()
	return nil
}

// item is an object that may not be as it should.
type item struct{ kind, namespace, name string }

// A pretender looks at an object whenever it changes and makes its status what it should be by now. What an object's
// status was before does not matter: whoever changes a pod's annotations changes how it goes on.
type pretender struct {
	client    kubernetes.Interface
	informers informers.SharedInformerFactory
	queue     workqueue.TypedRateLimitingInterface[item]
	pods      corelisters.PodLister
	claims    corelisters.PersistentVolumeClaimLister
	volumes   corelisters.PersistentVolumeLister
	classes   storagelisters.StorageClassLister
	// seen has the time at which each pod, by its UID, was seen first on a node.
	seen sync.Map
}

func newPretender(client kubernetes.Interface) *pretender {
	factory := informers.NewSharedInformerFactory(client, 0)
	core, storage := factory.Core().V1(), factory.Storage().V1()
	k := &pretender{
		client:    client,
		informers: factory,
		queue: workqueue.NewTypedRateLimitingQueue(
			workqueue.NewTypedItemExponentialFailureRateLimiter[item](20*time.Millisecond, 2*time.Second)),
		pods:    core.Pods().Lister(),
		claims:  core.PersistentVolumeClaims().Lister(),
		volumes: core.PersistentVolumes().Lister(),
		classes: storage.StorageClasses().Lister(),
	}
	k.follow(core.Pods().Informer(), "pod")
	k.follow(core.PersistentVolumeClaims().Informer(), "claim")
	k.follow(core.PersistentVolumes().Informer(), "volume")
	// A claim may be older than its class.
	_, _ = storage.StorageClasses().Informer().AddEventHandler(cache.ResourceEventHandlerFuncs{AddFunc: func(any) {
		for _, o := range core.PersistentVolumeClaims().Informer().GetStore().List() {
			k.see("claim", o)
		}
	}})
	return k
}

func (k *pretender) follow(informer cache.SharedIndexInformer, kind string) {
	_, _ = informer.AddEventHandler(cache.ResourceEventHandlerFuncs{ // fails only when the informer has ended
		AddFunc:    func(o any) { k.see(kind, o) },
		UpdateFunc: func(_, o any) { k.see(kind, o) },
	})
}

func (k *pretender) see(kind string, object any) {
	if o, ok := object.(metav1.Object); ok {
		k.queue.Add(item{kind, o.GetNamespace(), o.GetName()})
	}
}

// next does what one object needs. It is false when the queue has ended.
func (k *pretender) next(ctx context.Context) bool {
	i, ended := k.queue.Get()
	if ended {
		return false
	}
	defer k.queue.Done(i)
	again, err := k.do(ctx, i)
	switch {
	case err != nil && !apierrors.IsNotFound(err):
		k.queue.AddRateLimited(i)
	case again > 0:
		k.queue.AddAfter(i, again)
	default:
		k.queue.Forget(i)
	}
	return true
}

func (k *pretender) do(ctx context.Context, i item) (again time.Duration, err error) {
	switch i.kind {
	case "pod":
		pod, err := k.pods.Pods(i.namespace).Get(i.name)
		if err != nil {
			return 0, err
		}
		return k.pod(ctx, pod)
	case "claim":
		claim, err := k.claims.PersistentVolumeClaims(i.namespace).Get(i.name)
		if err != nil {
			return 0, err
		}
		return 0, k.claim(ctx, claim)
	case "volume":
		volume, err := k.volumes.Get(i.name)
		if err != nil {
			return 0, err
		}
		return 0, k.volume(ctx, volume)
	}
	return 0, errors.New("no such kind: " + i.kind)
}
