package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"time"
)

// authority signs the certificates of one cluster. Its own, and its key, are in the folder as ca.crt and ca.key, so
// that a test can make users of its own.
type authority struct {
	dir  string
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func newAuthority(dir string) (*authority, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	self := certificate(pkix.Name{CommonName: "kubelab"})
	self.IsCA, self.BasicConstraintsValid = true, true
	self.KeyUsage |= x509.KeyUsageCertSign
	a := &authority{dir: dir, cert: self, key: key}
	return a, a.sign("ca", self, key)
}

// server makes apiserver.crt and apiserver.key, for whoever reaches the API server over the loopback or from inside.
func (a *authority) server() error {
	c := certificate(pkix.Name{CommonName: "kube-apiserver"})
	c.DNSNames = []string{"localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc", "kubernetes.default.svc.cluster.local"}
	c.IPAddresses = []net.IP{net.IPv4(127, 0, 0, 1), firstService}
	return a.issue("apiserver", c)
}

// administrator makes admin.crt and admin.key, for a user who may do everything.
func (a *authority) administrator() error {
	return a.issue("admin", certificate(pkix.Name{CommonName: "admin", Organization: []string{"system:masters"}}))
}

// tokens makes accounts.key, which tokens of service accounts are signed with.
func (a *authority) tokens() error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	return writeKey(filepath.Join(a.dir, "accounts.key"), key)
}

func (a *authority) issue(name string, c *x509.Certificate) error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	return a.sign(name, c, key)
}

func (a *authority) sign(name string, c *x509.Certificate, key *ecdsa.PrivateKey) error {
	der, err := x509.CreateCertificate(rand.Reader, c, a.cert, &key.PublicKey, a.key)
	if err != nil {
		return err
	}
	if err := writePEM(filepath.Join(a.dir, name+".crt"), "CERTIFICATE", der); err != nil {
		return err
	}
	return writeKey(filepath.Join(a.dir, name+".key"), key)
}

func certificate(subject pkix.Name) *x509.Certificate {
	now := time.Now()
	return &x509.Certificate{
		SerialNumber: big.NewInt(now.UnixNano()),
		Subject:      subject,
		NotBefore:    now.Add(-time.Hour),
		NotAfter:     now.Add(7 * 24 * time.Hour),
		KeyUsage:     x509.KeyUsageDigitalSignature,
		ExtKeyUsage:  []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
}

func writeKey(path string, key *ecdsa.PrivateKey) error {
	der, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		return err
	}
	return writePEM(path, "EC PRIVATE KEY", der)
}

func writePEM(path, kind string, der []byte) error {
	return os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600)
}
