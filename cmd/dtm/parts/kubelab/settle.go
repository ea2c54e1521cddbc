package main

import (
	"context"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
)

// patience is how long a cluster may take to start on a machine that has other things to do.
const patience = 3 * time.Minute

func (c *cluster) client() (kubernetes.Interface, error) {
	config, err := clientcmd.BuildConfigFromFlags("", c.file("kubeconfig"))
	if err != nil {
		return nil, err
	}
	return kubernetes.NewForConfig(config)
}

// ready waits until the API server says that it is.
func (c *cluster) ready(ctx context.Context) error {
	client, err := c.client()
	if err != nil {
		return err
	}
	return c.until(ctx, "the API server is ready", func(ctx context.Context) error {
		return client.Discovery().RESTClient().Get().AbsPath("/readyz").Do(ctx).Error()
	})
}

// settled makes what a cluster comes with, a StorageClass for those who ask for none, and waits until pods can be
// scheduled.
func (c *cluster) settled(ctx context.Context) error {
	client, err := c.client()
	if err != nil {
		return err
	}
	class := &storagev1.StorageClass{
		ObjectMeta: metav1.ObjectMeta{
			Name:        "standard",
			Annotations: map[string]string{"storageclass.kubernetes.io/is-default-class": "true"},
		},
		Provisioner: provisioner,
	}
	if err := c.until(ctx, "there is a StorageClass", func(ctx context.Context) error {
		_, err := client.StorageV1().StorageClasses().Create(ctx, class, metav1.CreateOptions{})
		if apierrors.IsAlreadyExists(err) {
			return nil
		}
		return err
	}); err != nil {
		return err
	}
	return c.until(ctx, "nodes take pods", func(ctx context.Context) error {
		if _, err := client.CoreV1().ServiceAccounts("default").Get(ctx, "default", metav1.GetOptions{}); err != nil {
			return err
		}
		all, err := client.CoreV1().Nodes().List(ctx, metav1.ListOptions{})
		if err != nil {
			return err
		}
		if len(all.Items) < nodes {
			return fmt.Errorf("there are %d nodes of %d", len(all.Items), nodes)
		}
		for _, n := range all.Items {
			for _, taint := range n.Spec.Taints {
				if taint.Effect != corev1.TaintEffectPreferNoSchedule {
					return fmt.Errorf("%s has the taint %s", n.Name, taint.Key)
				}
			}
		}
		return nil
	})
}

// until asks again and again, until there is no error any more or a part of the cluster has ended.
func (c *cluster) until(ctx context.Context, what string, ask func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		once, cancel := context.WithTimeout(ctx, 5*time.Second)
		err := ask(once)
		cancel()
		if err == nil {
			return nil
		}
		for _, p := range append([]*process{c.api}, c.rest...) {
			if p != nil && !p.running() {
				return p.lost()
			}
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("waiting until %s: %w (%w)", what, err, context.Cause(ctx))
		case <-tick.C:
		}
	}
}
