package parts

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"testing"
	"time"

	storagev1 "k8s.io/api/storage/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

// KubeconfigFor returns the path of a kubeconfig of a user who may do nothing but what the test grants to the name or
// to the groups. It is gone when the test has ended; the grants are the test's to remove.
func (c *Cluster) KubeconfigFor(t testing.TB, user string, groups ...string) string {
	t.Helper()
	cert, key, err := c.sign(pkix.Name{CommonName: user, Organization: groups})
	if err != nil {
		t.Fatal(err)
	}
	return writeKubeconfig(t, clientcmdapi.Cluster{Server: c.config.Host, CertificateAuthority: filepath.Join(c.dir, "ca.crt")},
		clientcmdapi.AuthInfo{ClientCertificateData: cert, ClientKeyData: key})
}

// sign makes a certificate that the API server knows a user by.
func (c *Cluster) sign(subject pkix.Name) (cert, key []byte, err error) {
	caCert, err := readPEM(filepath.Join(c.dir, "ca.crt"))
	if err != nil {
		return nil, nil, err
	}
	issuer, err := x509.ParseCertificate(caCert)
	if err != nil {
		return nil, nil, err
	}
	caKey, err := readPEM(filepath.Join(c.dir, "ca.key"))
	if err != nil {
		return nil, nil, err
	}
	signer, err := x509.ParseECPrivateKey(caKey)
	if err != nil {
		return nil, nil, err
	}
	own, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	der, err := x509.CreateCertificate(rand.Reader, &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()),
		Subject:      subject,
		NotBefore:    issuer.NotBefore,
		NotAfter:     issuer.NotAfter,
		KeyUsage:     x509.KeyUsageDigitalSignature,
		ExtKeyUsage:  []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}, issuer, &own.PublicKey, signer)
	if err != nil {
		return nil, nil, err
	}
	ownDER, err := x509.MarshalECPrivateKey(own)
	if err != nil {
		return nil, nil, err
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}),
		pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: ownDER}), nil
}

func readPEM(path string) ([]byte, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode(text)
	if block == nil {
		return nil, fmt.Errorf("%s is not PEM", path)
	}
	return block.Bytes, nil
}

func writeKubeconfig(t testing.TB, cluster clientcmdapi.Cluster, user clientcmdapi.AuthInfo) string {
	t.Helper()
	config := clientcmdapi.NewConfig()
	config.Clusters["test"], config.AuthInfos["test"] = &cluster, &user
	config.Contexts["test"] = &clientcmdapi.Context{Cluster: "test", AuthInfo: "test"}
	config.CurrentContext = "test"
	path := filepath.Join(t.TempDir(), "kubeconfig")
	if err := clientcmd.WriteToFile(*config, path); err != nil {
		t.Fatal(err)
	}
	return path
}

func makeStorageClass(t testing.TB, client kubernetes.Interface, name string) {
	t.Helper()
	classes := client.StorageV1().StorageClasses()
	class := &storagev1.StorageClass{ObjectMeta: metav1.ObjectMeta{Name: name}, Provisioner: "volumes.dtm.test"}
	if _, err := classes.Create(t.Context(), class, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := classes.Delete(context.WithoutCancel(t.Context()), name, metav1.DeleteOptions{}); err != nil {
			t.Logf("StorageClass %s stays: %v", name, err)
		}
	})
}
