// Makes signatures of both forms that cosign knows, good ones and wrong ones, and writes what cosign says of them:
// go run . trusted_root.json oci-attestation.sigstore.json > cosign.json
//
// The first file is the root of trust of the public instance, the second is of cosign's own tests (Apache-2.0).
package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"math/big"
	"net/url"
	"os"
	"strings"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/sigstore/cosign/v3/pkg/cosign"
	cbundle "github.com/sigstore/cosign/v3/pkg/cosign/bundle"
	"github.com/sigstore/cosign/v3/pkg/oci/static"
	"github.com/sigstore/rekor/pkg/util"
	sgbundle "github.com/sigstore/sigstore-go/pkg/bundle"
	"github.com/sigstore/sigstore-go/pkg/root"
	"github.com/sigstore/sigstore-go/pkg/verify"
	"github.com/sigstore/sigstore/pkg/signature"
)

type M = map[string]any

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

var b64 = base64.StdEncoding.EncodeToString

// ---- the instance

type authority struct {
	chain []*x509.Certificate // issuer first, root last
	key   crypto.Signer       // of the issuer
}

var start = time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)
var end = time.Date(2034, 1, 1, 0, 0, 0, 0, time.UTC)
var signed = time.Date(2026, 6, 1, 10, 0, 0, 0, time.UTC)

func p256() *ecdsa.PrivateKey { return must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader)) }
func p384() *ecdsa.PrivateKey { return must(ecdsa.GenerateKey(elliptic.P384(), rand.Reader)) }

func issue(t, parent *x509.Certificate, pub any, by crypto.Signer) *x509.Certificate {
	// What may not sign does here.
	may := *parent
	may.KeyUsage, may.IsCA, may.PublicKey = x509.KeyUsageCertSign, true, by.Public()
	if t != parent {
		parent = &may
	}
	return must(x509.ParseCertificate(must(x509.CreateCertificate(rand.Reader, t, parent, pub, by))))
}

func serial() *big.Int { return must(rand.Int(rand.Reader, big.NewInt(1<<62))) }

func rootCA() (*x509.Certificate, crypto.Signer) {
	key := p384()
	t := &x509.Certificate{SerialNumber: serial(), Subject: pkix.Name{CommonName: "root", Organization: []string{"example"}},
		NotBefore: start, NotAfter: end, KeyUsage: x509.KeyUsageCertSign, BasicConstraintsValid: true, IsCA: true, SignatureAlgorithm: x509.ECDSAWithSHA384}
	return issue(t, t, key.Public(), key), key
}

type interOpt func(*x509.Certificate)

func intermediate(parent *x509.Certificate, by crypto.Signer, name string, opts ...interOpt) (*x509.Certificate, crypto.Signer) {
	key := p384()
	t := &x509.Certificate{SerialNumber: serial(), Subject: pkix.Name{CommonName: name, Organization: []string{"example"}},
		NotBefore: start, NotAfter: end, KeyUsage: x509.KeyUsageCertSign, BasicConstraintsValid: true, IsCA: true,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageCodeSigning}, SignatureAlgorithm: x509.ECDSAWithSHA384}
	for _, o := range opts {
		o(t)
	}
	return issue(t, parent, key.Public(), by), key
}

func newAuthority(opts ...interOpt) authority {
	r, rk := rootCA()
	i, ik := intermediate(r, rk, "intermediate", opts...)
	return authority{[]*x509.Certificate{i, r}, ik}
}

func logID(key crypto.Signer) []byte {
	h := sha256.Sum256(must(x509.MarshalPKIXPublicKey(key.Public())))
	return h[:]
}

func logJSON(key crypto.Signer, url string, from, to time.Time) M {
	period := M{"start": from.Format(time.RFC3339)}
	if !to.IsZero() {
		period["end"] = to.Format(time.RFC3339)
	}
	return M{"baseUrl": url, "hashAlgorithm": "SHA2_256", "logId": M{"keyId": b64(logID(key))},
		"publicKey": M{"rawBytes": b64(must(x509.MarshalPKIXPublicKey(key.Public()))), "keyDetails": "PKIX_ECDSA_P256_SHA_256", "validFor": period}}
}

func caJSON(a authority, from, to time.Time) M {
	certs := []M{}
	for _, c := range a.chain {
		certs = append(certs, M{"rawBytes": b64(c.Raw)})
	}
	period := M{"start": from.Format(time.RFC3339)}
	if !to.IsZero() {
		period["end"] = to.Format(time.RFC3339)
	}
	return M{"subject": M{"commonName": "ca", "organization": "example"}, "uri": "https://fulcio.example", "certChain": M{"certificates": certs}, "validFor": period}
}

func rootJSON(cas, tlogs, ctlogs []M) string {
	return string(must(json.Marshal(M{"mediaType": "application/vnd.dev.sigstore.trustedroot+json;version=0.1",
		"tlogs": tlogs, "certificateAuthorities": cas, "ctlogs": ctlogs})))
}

// ---- certificates with promises in them

type leafOpts struct {
	uri, email, other string
	uris              []string
	issuer1, issuer8  string
	usage             []x509.ExtKeyUsage
	notBefore         time.Time
	by                authority
	ct                []crypto.Signer
	ctBroken, ctOther bool
	ctTime            time.Time
	critical          bool
	key               crypto.Signer
}

var githubIssuer = "https://token.actions.githubusercontent.com"
var workflow = "https://github.com/team/apps/.github/workflows/release.yml@refs/tags/v1.0.0"

func leaf(o leafOpts) *x509.Certificate {
	t := &x509.Certificate{SerialNumber: serial(), NotBefore: o.notBefore, NotAfter: o.notBefore.Add(10 * time.Minute),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: o.usage}
	for _, u := range append([]string{o.uri}, o.uris...) {
		if u != "" {
			t.URIs = append(t.URIs, must(url.Parse(u)))
		}
	}
	if o.email != "" {
		t.EmailAddresses = []string{o.email}
	}
	if o.other != "" {
		type other struct {
			ID    asn1.ObjectIdentifier
			Value string `asn1:"utf8,explicit,tag:0"`
		}
		inner := must(asn1.MarshalWithParams(other{asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 57264, 1, 7}, o.other}, "tag:0"))
		seq := must(asn1.Marshal(asn1.RawValue{Class: 0, Tag: 16, IsCompound: true, Bytes: inner}))
		t.ExtraExtensions = append(t.ExtraExtensions, pkix.Extension{Id: asn1.ObjectIdentifier{2, 5, 29, 17}, Critical: true, Value: seq})
	}
	if o.issuer1 != "" {
		t.ExtraExtensions = append(t.ExtraExtensions, pkix.Extension{Id: asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 57264, 1, 1}, Value: []byte(o.issuer1)})
	}
	if o.issuer8 != "" {
		t.ExtraExtensions = append(t.ExtraExtensions, pkix.Extension{Id: asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 57264, 1, 8}, Value: must(asn1.MarshalWithParams(o.issuer8, "utf8"))})
	}
	if o.critical {
		t.ExtraExtensions = append(t.ExtraExtensions, pkix.Extension{Id: asn1.ObjectIdentifier{1, 2, 3, 4}, Critical: true, Value: []byte{5, 0}})
	}
	parent := o.by.chain[0]
	before := issue(t, parent, o.key.Public(), o.by.key)
	if len(o.ct) == 0 {
		return before
	}
	tbs := before.RawTBSCertificate
	if o.ctOther {
		t2 := *t
		t2.SerialNumber = serial()
		tbs = issue(&t2, parent, o.key.Public(), o.by.key).RawTBSCertificate
	}
	var list []byte
	for _, ct := range o.ct {
		at := o.ctTime
		if at.IsZero() {
			at = o.notBefore
		}
		ms := make([]byte, 8)
		binary.BigEndian.PutUint64(ms, uint64(at.UnixMilli()))
		keyHash := sha256.Sum256(parent.RawSubjectPublicKeyInfo)
		text := bytes.Join([][]byte{{0, 0}, ms, {0, 1}, keyHash[:], {byte(len(tbs) >> 16), byte(len(tbs) >> 8), byte(len(tbs))}, tbs, {0, 0}}, nil)
		h := sha256.Sum256(text)
		sig := must(ct.Sign(rand.Reader, h[:], crypto.SHA256))
		if o.ctBroken {
			sig[len(sig)-1] ^= 1
		}
		sct := bytes.Join([][]byte{{0}, logID(ct), ms, {0, 0}, {4, 3}, {byte(len(sig) >> 8), byte(len(sig))}, sig}, nil)
		list = append(list, byte(len(sct)>>8), byte(len(sct)))
		list = append(list, sct...)
	}
	list = append([]byte{byte(len(list) >> 8), byte(len(list))}, list...)
	t.ExtraExtensions = append(t.ExtraExtensions, pkix.Extension{Id: asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 11129, 2, 4, 2}, Value: must(asn1.Marshal(list))})
	return issue(t, parent, o.key.Public(), o.by.key)
}

func certPEM(der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
}

func keyPEM(key crypto.Signer) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: must(x509.MarshalPKIXPublicKey(key.Public()))})
}

func sign(key crypto.Signer, text []byte, hash crypto.Hash) []byte {
	if _, ok := key.(ed25519.PrivateKey); ok {
		return must(key.Sign(rand.Reader, text, crypto.Hash(0)))
	}
	var d []byte
	switch hash {
	case crypto.SHA384:
		h := sha512.Sum384(text)
		d = h[:]
	default:
		h := sha256.Sum256(text)
		d = h[:]
	}
	return must(key.Sign(rand.Reader, d, hash))
}

func canonical(v any) []byte { return must(json.Marshal(v)) } // maps are written in order

func sum(b []byte) string { h := sha256.Sum256(b); return hex.EncodeToString(h[:]) }

func set(key crypto.Signer, body []byte, at time.Time, index int64) []byte {
	text := fmt.Sprintf(`{"body":"%s","integratedTime":%d,"logID":"%s","logIndex":%d}`, b64(body), at.Unix(), hex.EncodeToString(logID(key)), index)
	return sign(key, []byte(text), crypto.SHA256)
}

func hashedBody(text, sig, verifier []byte) M {
	return M{"apiVersion": "0.0.1", "kind": "hashedrekord", "spec": M{"data": M{"hash": M{"algorithm": "sha256", "value": sum(text)}},
		"signature": M{"content": b64(sig), "publicKey": M{"content": b64(verifier)}}}}
}

// ---- an artifact

func artifact(message string) (layer, manifest []byte) {
	var tarred bytes.Buffer
	w := tar.NewWriter(&tarred)
	content := []byte("apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: signed\n  namespace: apps\ndata:\n  message: " + message + "\n")
	must(0, w.WriteHeader(&tar.Header{Name: "signed.yaml", Mode: 0o644, Size: int64(len(content)), ModTime: time.Unix(0, 0), Format: tar.FormatUSTAR}))
	must(w.Write(content))
	must(0, w.Close())
	var zipped bytes.Buffer
	z := gzip.NewWriter(&zipped)
	must(z.Write(tarred.Bytes()))
	must(0, z.Close())
	layer = zipped.Bytes()
	manifest = canonical(M{"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json",
		"config": M{"mediaType": "application/vnd.cncf.flux.config.v1+json", "digest": "sha256:" + sum([]byte("{}")), "size": 2},
		"layers": []M{{"mediaType": "application/vnd.cncf.flux.content.v1.tar+gzip", "digest": "sha256:" + sum(layer), "size": len(layer)}}})
	return layer, manifest
}

// ---- cases

type kase struct {
	Name        string            `json:"name"`
	Root        string            `json:"root,omitempty"`
	Key         string            `json:"key,omitempty"`
	Identities  [][2]string       `json:"identities,omitempty"`
	Digest      string            `json:"digest"`
	Text        string            `json:"text,omitempty"`
	Annotations map[string]string `json:"annotations,omitempty"`
	Bundle      json.RawMessage   `json:"bundle,omitempty"`
	Cosign      string            `json:"cosign"` // what cosign says; "" is verified
}

var roots = M{}
var keys = M{}
var cases []kase

const sigAnn = "dev.cosignproject.cosign/signature"
const certAnn = "dev.sigstore.cosign/certificate"
const chainAnn = "dev.sigstore.cosign/chain"
const bundleAnn = "dev.sigstore.cosign/bundle"

func options(k *kase) *cosign.CheckOpts {
	co := &cosign.CheckOpts{Offline: true}
	if k.Key != "" {
		co.IgnoreTlog = true
		block, _ := pem.Decode([]byte(keys[k.Key].(string)))
		co.SigVerifier = must(signature.LoadVerifier(must(x509.ParsePKIXPublicKey(block.Bytes)), crypto.SHA256))
		return co
	}
	co.TrustedMaterial = must(root.NewTrustedRootFromJSON(roots[k.Root].(json.RawMessage)))
	for _, i := range k.Identities {
		co.Identities = append(co.Identities, cosign.Identity{IssuerRegExp: i[0], SubjectRegExp: i[1]})
	}
	return co
}

func said(err error) string {
	if err == nil {
		return ""
	}
	return strings.Join(strings.Fields(err.Error()), " ")
}

func guarded(f func() error) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("panic: %v", r)
		}
	}()
	return f()
}

func addLayer(k kase, text []byte, ann map[string]string) {
	k.Text, k.Annotations = b64(text), ann
	k.Cosign = said(guarded(func() error {
		co := options(&k)
		co.ClaimVerifier = cosign.SimpleClaimVerifier
		var opts []static.Option
		if c, ok := ann[certAnn]; ok {
			opts = append(opts, static.WithCertChain([]byte(c), []byte(ann[chainAnn])))
		}
		if b, ok := ann[bundleAnn]; ok {
			var rb cbundle.RekorBundle
			if err := json.Unmarshal([]byte(b), &rb); err != nil {
				return err
			}
			opts = append(opts, static.WithBundle(&rb))
		}
		sig, err := static.NewSignature(text, ann[sigAnn], opts...)
		if err != nil {
			return err
		}
		_, err = cosign.VerifyImageSignature(context.Background(), sig, v1.Hash{Algorithm: "sha256", Hex: k.Digest}, co)
		return err
	}))
	cases = append(cases, k)
}

func addBundle(k kase, bundle any) {
	switch b := bundle.(type) {
	case json.RawMessage:
		k.Bundle = b
	default:
		k.Bundle = must(json.Marshal(b))
	}
	k.Cosign = said(guarded(func() error {
		co := options(&k)
		co.NewBundleFormat = true
		var b sgbundle.Bundle
		if err := b.UnmarshalJSON(k.Bundle); err != nil {
			return err
		}
		if _, err := cosign.VerifyNewBundle(context.Background(), co, verify.WithArtifactDigest("sha256", must(hex.DecodeString(k.Digest))), &b); err != nil {
			return err
		}
		if b.GetDsseEnvelope() == nil {
			return fmt.Errorf("bundle does not contain a DSSE envelope")
		}
		return nil
	}))
	cases = append(cases, k)
}

type world struct {
	ca, strange      authority
	ct, ct2, rekor   crypto.Signer
	otherCT, otherRK crypto.Signer
}

// a layer, which `change` may make another one of
type parts struct {
	leaf      leafOpts
	text      []byte
	hash      crypto.Hash
	at        time.Time
	rekor     crypto.Signer
	body      func(M) M
	sig       func([]byte) []byte
	ann       func(map[string]string)
	set       func([]byte) []byte
	setTime   time.Time
	entryFor  []byte // another text
	entrySig  []byte
	entryCert []byte
}

func (w *world) parts(digest string) parts {
	return parts{leaf: leafOpts{uri: workflow, issuer1: githubIssuer, issuer8: githubIssuer, usage: []x509.ExtKeyUsage{x509.ExtKeyUsageCodeSigning},
		notBefore: signed, by: w.ca, ct: []crypto.Signer{w.ct}, key: p256()},
		text: simple(digest), hash: crypto.SHA256, at: signed.Add(time.Minute), rekor: w.rekor}
}

func simple(digest string) []byte {
	return []byte(`{"critical":{"identity":{"docker-reference":"registry.example/team/apps"},"image":{"docker-manifest-digest":"sha256:` + digest + `"},"type":"cosign container image signature"},"optional":null}`)
}

func (p parts) layer() ([]byte, map[string]string) {
	cert := leaf(p.leaf)
	sig := sign(p.leaf.key, p.text, p.hash)
	if p.sig != nil {
		sig = p.sig(sig)
	}
	text, of, by := p.text, sig, cert.Raw
	if p.entryFor != nil {
		text = p.entryFor
	}
	if p.entrySig != nil {
		of = p.entrySig
	}
	if p.entryCert != nil {
		by = p.entryCert
	}
	body := hashedBody(text, of, certPEM(by))
	if p.body != nil {
		body = p.body(body)
	}
	raw := canonical(body)
	promise := set(p.rekor, raw, p.at, 7)
	if p.set != nil {
		promise = p.set(promise)
	}
	at := p.at
	if !p.setTime.IsZero() {
		at = p.setTime
	}
	entry := canonical(M{"SignedEntryTimestamp": b64(promise), "Payload": M{"body": b64(raw), "integratedTime": at.Unix(), "logIndex": 7, "logID": hex.EncodeToString(logID(p.rekor))}})
	chain := []byte{}
	for _, c := range p.leaf.by.chain {
		chain = append(chain, certPEM(c.Raw)...)
	}
	ann := map[string]string{sigAnn: b64(sig), certAnn: string(certPEM(cert.Raw)), chainAnn: string(chain), bundleAnn: string(entry)}
	if p.ann != nil {
		p.ann(ann)
	}
	return p.text, ann
}

// ---- bundles

type bparts struct {
	leaf                leafOpts
	payload             []byte
	payloadType         string
	hash                crypto.Hash
	at                  time.Time
	rekor, checkpointBy crypto.Signer
	media, kind         string
	leaves, index       int
	proof, promise      bool
	change              func(M)
	body                func(M) M
	key                 crypto.Signer
	sig                 func([]byte) []byte
	proofChange         func(M)
}

func statement(subjects []M, predicate string) []byte {
	return canonical(M{"_type": "https://in-toto.io/Statement/v1", "subject": subjects, "predicateType": predicate, "predicate": M{}})
}

func (w *world) bparts(digest string) bparts {
	p := w.parts(digest)
	return bparts{leaf: p.leaf, payload: statement([]M{{"name": "", "digest": M{"sha256": digest}}}, "https://sigstore.dev/cosign/sign/v1"),
		payloadType: "application/vnd.in-toto+json", hash: crypto.SHA256, at: p.at, rekor: w.rekor, checkpointBy: w.rekor,
		media: "application/vnd.dev.sigstore.bundle.v0.3+json", kind: "dsse", leaves: 5, index: 2, proof: true, promise: true}
}

func tree(leaves [][]byte, index int) (root []byte, proof [][]byte) {
	if len(leaves) == 1 {
		h := sha256.Sum256(append([]byte{0}, leaves[0]...))
		return h[:], nil
	}
	k := 1
	for k*2 < len(leaves) {
		k *= 2
	}
	var l, r []byte
	if index < k {
		l, proof = tree(leaves[:k], index)
		r, _ = tree(leaves[k:], 0)
		proof = append(proof, r)
	} else {
		l, _ = tree(leaves[:k], 0)
		r, proof = tree(leaves[k:], index-k)
		proof = append(proof, l)
	}
	h := sha256.Sum256(append(append([]byte{1}, l...), r...))
	return h[:], proof
}

func (p bparts) bundle() M {
	pae := []byte(fmt.Sprintf("DSSEv1 %d %s %d %s", len(p.payloadType), p.payloadType, len(p.payload), p.payload))
	by := p.leaf.key
	if p.key != nil {
		by = p.key
	}
	sig := sign(by, pae, p.hash)
	if p.sig != nil {
		sig = p.sig(sig)
	}
	envelope := M{"payload": b64(p.payload), "payloadType": p.payloadType, "signatures": []M{{"sig": b64(sig)}}}
	material := M{}
	var verifier []byte
	if p.key != nil {
		material["publicKey"] = M{"hint": "x"}
		verifier = keyPEM(p.key)
	} else {
		cert := leaf(p.leaf)
		verifier = certPEM(cert.Raw)
		if strings.Contains(p.media, "0.3") {
			material["certificate"] = M{"rawBytes": b64(cert.Raw)}
		} else {
			material["x509CertificateChain"] = M{"certificates": []M{{"rawBytes": b64(cert.Raw)}}}
		}
	}
	var body M
	version := "0.0.1"
	switch p.kind {
	case "dsse":
		body = M{"apiVersion": "0.0.1", "kind": "dsse", "spec": M{"envelopeHash": M{"algorithm": "sha256", "value": sum(canonical(envelope))},
			"payloadHash": M{"algorithm": "sha256", "value": sum(p.payload)}, "signatures": []M{{"signature": b64(sig), "verifier": b64(verifier)}}}}
	case "intoto":
		version = "0.0.2"
		body = M{"apiVersion": "0.0.2", "kind": "intoto", "spec": M{"content": M{
			"envelope":    M{"payloadType": p.payloadType, "signatures": []M{{"publicKey": b64(verifier), "sig": b64([]byte(b64(sig)))}}},
			"hash":        M{"algorithm": "sha256", "value": sum(canonical(envelope))},
			"payloadHash": M{"algorithm": "sha256", "value": sum(p.payload)}}}}
	case "hashedrekord":
		body = hashedBody(p.payload, sig, verifier)
	}
	if p.body != nil {
		body = p.body(body)
	}
	raw := canonical(body)
	entry := M{"logIndex": "7", "logId": M{"keyId": b64(logID(p.rekor))}, "kindVersion": M{"kind": p.kind, "version": version},
		"integratedTime": fmt.Sprint(p.at.Unix()), "canonicalizedBody": b64(raw)}
	if p.promise {
		entry["inclusionPromise"] = M{"signedEntryTimestamp": b64(set(p.rekor, raw, p.at, 7))}
	}
	if p.proof {
		var leaves [][]byte
		for i := 0; i < p.leaves; i++ {
			leaves = append(leaves, []byte{byte(i)})
		}
		leaves[p.index] = raw
		top, path := tree(leaves, p.index)
		signer := must(signature.LoadECDSASignerVerifier(p.checkpointBy.(*ecdsa.PrivateKey), crypto.SHA256))
		note := must(util.CreateAndSignCheckpoint(context.Background(), "rekor.example", 123, uint64(p.leaves), top, signer))
		hashes := []string{}
		for _, h := range path {
			hashes = append(hashes, b64(h))
		}
		proof := M{"logIndex": fmt.Sprint(p.index), "treeSize": fmt.Sprint(p.leaves), "rootHash": b64(top), "hashes": hashes, "checkpoint": M{"envelope": string(note)}}
		if p.proofChange != nil {
			p.proofChange(proof)
		}
		entry["inclusionProof"] = proof
	}
	material["tlogEntries"] = []M{entry}
	b := M{"mediaType": p.media, "verificationMaterial": material, "dsseEnvelope": envelope}
	if p.change != nil {
		p.change(b)
	}
	return b
}

func main() {
	w := &world{ca: newAuthority(), strange: newAuthority(), ct: p256(), ct2: p256(), rekor: p256(), otherCT: p256(), otherRK: p256()}
	never := time.Time{}
	ended := newAuthority()
	expiredInter := newAuthority(func(t *x509.Certificate) { t.NotAfter = signed.Add(-time.Hour) })
	noCA := newAuthority(func(t *x509.Certificate) { t.IsCA = false; t.KeyUsage = x509.KeyUsageDigitalSignature })
	noSign := newAuthority(func(t *x509.Certificate) { t.KeyUsage = x509.KeyUsageDigitalSignature })
	forServers := newAuthority(func(t *x509.Certificate) { t.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth} })
	forAll := newAuthority(func(t *x509.Certificate) { t.ExtKeyUsage = nil })
	r, rk := rootCA()
	direct := authority{[]*x509.Certificate{r}, rk}
	r2, rk2 := rootCA()
	i1, ik1 := intermediate(r2, rk2, "first", func(t *x509.Certificate) { t.MaxPathLen = 1 })
	i2, ik2 := intermediate(i1, ik1, "second")
	deep := authority{[]*x509.Certificate{i2, i1, r2}, ik2}
	r3, rk3 := rootCA()
	j1, jk1 := intermediate(r3, rk3, "first", func(t *x509.Certificate) { t.MaxPathLenZero = true })
	j2, jk2 := intermediate(j1, jk1, "second")
	tooDeep := authority{[]*x509.Certificate{j2, j1, r3}, jk2}
	all := []M{caJSON(w.ca, start, never), caJSON(ended, start, signed.Add(-time.Hour)), caJSON(expiredInter, start, never), caJSON(noCA, start, never), caJSON(noSign, start, never),
		caJSON(forServers, start, never), caJSON(forAll, start, never), caJSON(direct, start, never), caJSON(deep, start, never), caJSON(tooDeep, start, never)}
	endedCT, endedRK := p256(), p256()
	roots["example"] = json.RawMessage(rootJSON(all,
		[]M{logJSON(w.rekor, "https://rekor.example", start, never), logJSON(endedRK, "https://old.rekor.example", start, signed.Add(-time.Hour))},
		[]M{logJSON(w.ct, "https://ct.example", start, never), logJSON(w.ct2, "https://ct2.example", start, never), logJSON(endedCT, "https://old.ct.example", start, signed.Add(-time.Hour))}))
	roots["public"] = json.RawMessage(must(os.ReadFile(os.Args[1])))

	layer, manifest := artifact("good")
	layer2, manifest2 := artifact("another")
	digest, digest2 := sum(manifest), sum(manifest2)
	id := [][2]string{{`^https://token\.actions\.githubusercontent\.com$`, `^https://github\.com/team/apps/.*$`}}
	base := kase{Root: "example", Identities: id, Digest: digest}
	named := func(name string) kase { k := base; k.Name = name; return k }
	lay := func(name string, change func(*parts)) {
		p := w.parts(digest)
		change(&p)
		t, a := p.layer()
		addLayer(named("layer: "+name), t, a)
	}
	layAs := func(name string, ids [][2]string, change func(*parts)) {
		p := w.parts(digest)
		change(&p)
		t, a := p.layer()
		k := named("layer: " + name)
		k.Identities = ids
		addLayer(k, t, a)
	}
	flip := func(b []byte) []byte { c := append([]byte{}, b...); c[len(c)-1] ^= 1; return c }

	lay("good", func(p *parts) {})
	layAs("another of the signed artifacts", id, func(p *parts) { p.text = simple(digest2) })
	k := named("layer: good, of the other artifact")
	k.Digest = digest2
	p2 := w.parts(digest2)
	t2, a2 := p2.layer()
	addLayer(k, t2, a2)
	layAs("nobody in particular", nil, func(p *parts) {})
	layAs("an address", [][2]string{{"^https://accounts.example$", "^me@example.com$"}}, func(p *parts) {
		p.leaf.uri, p.leaf.email, p.leaf.issuer1, p.leaf.issuer8 = "", "me@example.com", "https://accounts.example", "https://accounts.example"
	})
	layAs("another name", [][2]string{{"^https://token", "^me!example.com$"}}, func(p *parts) { p.leaf.uri, p.leaf.other = "", "me!example.com" })
	layAs("the second of two names", [][2]string{{"", "^https://second.example$"}}, func(p *parts) { p.leaf.uris = []string{"https://second.example"} })
	layAs("expressions that fit in the middle", [][2]string{{"actions", "team/apps"}}, func(p *parts) {})
	layAs("the second of two identities", [][2]string{{"^https://other$", ".*"}, id[0]}, func(p *parts) {})
	layAs("issuer of one identity and subject of the other", [][2]string{{"^https://token", "^other$"}, {"^other$", "^https://github.com/team"}}, func(p *parts) {})
	layAs("another subject", [][2]string{{"^https://token", "^https://github.com/other/.*$"}}, func(p *parts) {})
	layAs("another issuer", [][2]string{{"^https://accounts.example$", "^https://github.com/team/apps/.*$"}}, func(p *parts) {})
	layAs("an expression that is none", [][2]string{{"(", ".*"}}, func(p *parts) {})
	lay("issuer in the older extension alone", func(p *parts) { p.leaf.issuer8 = "" })
	lay("issuer in the newer extension alone", func(p *parts) { p.leaf.issuer1 = "" })
	lay("two issuers", func(p *parts) { p.leaf.issuer8 = "https://other.example" })
	lay("no issuer", func(p *parts) { p.leaf.issuer1, p.leaf.issuer8 = "", "" })
	lay("key of P-384", func(p *parts) { p.leaf.key = p384() })
	lay("key of P-384, by SHA-384", func(p *parts) { p.leaf.key = p384(); p.hash = crypto.SHA384 })
	lay("key of RSA", func(p *parts) { p.leaf.key = must(rsa.GenerateKey(rand.Reader, 2048)) })
	lay("key of Ed25519", func(p *parts) { _, key, _ := ed25519.GenerateKey(rand.Reader); p.leaf.key = key })
	lay("logged after the certificate", func(p *parts) { p.at = signed.Add(11 * time.Minute) })
	lay("logged at the end of the certificate", func(p *parts) { p.at = signed.Add(10 * time.Minute) })
	lay("logged before the certificate", func(p *parts) { p.at = signed.Add(-time.Second) })
	lay("a strange authority", func(p *parts) { p.leaf.by = w.strange })
	lay("an authority that has ended", func(p *parts) { p.leaf.by = ended })
	lay("an intermediate that has expired", func(p *parts) { p.leaf.by = expiredInter })
	lay("an intermediate that is no authority", func(p *parts) { p.leaf.by = noCA })
	lay("an intermediate that signs no certificates", func(p *parts) { p.leaf.by = noSign })
	lay("an intermediate for servers", func(p *parts) { p.leaf.by = forServers })
	lay("an intermediate for everything", func(p *parts) { p.leaf.by = forAll })
	lay("by the root itself", func(p *parts) { p.leaf.by = direct })
	lay("two intermediates", func(p *parts) { p.leaf.by = deep })
	lay("two intermediates where one may be", func(p *parts) { p.leaf.by = tooDeep })
	lay("an authority with the name of the right one", func(p *parts) { a := w.strange; a.chain = w.ca.chain; p.leaf.by = a })
	lay("for servers", func(p *parts) { p.leaf.usage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth} })
	lay("for everything", func(p *parts) { p.leaf.usage = []x509.ExtKeyUsage{x509.ExtKeyUsageAny} })
	lay("for nothing in particular", func(p *parts) { p.leaf.usage = nil })
	lay("a critical extension", func(p *parts) { p.leaf.critical = true })
	lay("no name", func(p *parts) { p.leaf.uri = "" })
	lay("no promise in the certificate", func(p *parts) { p.leaf.ct = nil })
	lay("a promise of an unknown log", func(p *parts) { p.leaf.ct = []crypto.Signer{w.otherCT} })
	lay("a promise of an unknown log and a good one", func(p *parts) { p.leaf.ct = []crypto.Signer{w.otherCT, w.ct2} })
	lay("a broken promise", func(p *parts) { p.leaf.ctBroken = true })
	lay("a promise about another certificate", func(p *parts) { p.leaf.ctOther = true })
	lay("a promise of a log that has ended", func(p *parts) { p.leaf.ct = []crypto.Signer{endedCT} })
	lay("a promise of a log that has ended, from before", func(p *parts) { p.leaf.ct = []crypto.Signer{endedCT}; p.leaf.ctTime = signed.Add(-2 * time.Hour) })
	lay("an unknown log", func(p *parts) { p.rekor = w.otherRK })
	lay("a log that has ended", func(p *parts) { p.rekor = endedRK })
	lay("a broken word of the log", func(p *parts) { p.set = flip })
	lay("no word of the log", func(p *parts) { p.set = func([]byte) []byte { return nil } })
	lay("another time than the log's", func(p *parts) { p.setTime = signed.Add(2 * time.Minute) })
	lay("an entry about another text", func(p *parts) { p.entryFor = simple(digest2) })
	lay("an entry about another signature", func(p *parts) { p.entrySig = sign(p.leaf.key, []byte("x"), crypto.SHA256) })
	lay("an entry about another certificate", func(p *parts) { p.entryCert = leaf(w.parts(digest).leaf).Raw })
	lay("an entry by another hash", func(p *parts) {
		p.body = func(b M) M { b["spec"].(M)["data"].(M)["hash"].(M)["algorithm"] = "sha512"; return b }
	})
	lay("an entry of another kind", func(p *parts) { p.body = func(b M) M { b["kind"] = "helm"; return b } })
	lay("an entry of Rekor v2", func(p *parts) { p.body = func(b M) M { b["apiVersion"] = "0.0.2"; return b } })
	lay("an entry that is none", func(p *parts) { p.body = func(b M) M { return M{"a": 1} } })
	lay("no entry", func(p *parts) { p.ann = func(a map[string]string) { delete(a, bundleAnn) } })
	lay("an entry in no JSON", func(p *parts) { p.ann = func(a map[string]string) { a[bundleAnn] = "{" } })
	lay("no certificate", func(p *parts) { p.ann = func(a map[string]string) { delete(a, certAnn); delete(a, chainAnn) } })
	lay("a certificate that is none", func(p *parts) { p.ann = func(a map[string]string) { a[certAnn] = string(certPEM([]byte("x"))) } })
	lay("a broken signature", func(p *parts) { p.sig = flip })
	lay("a signature of another text", func(p *parts) {
		p.sig = func([]byte) []byte { return sign(p.leaf.key, []byte("another"), crypto.SHA256) }
	})
	lay("a signature by another key", func(p *parts) {
		p.sig = func([]byte) []byte { return sign(p256(), p.text, crypto.SHA256) }
	})
	lay("a text that is no claim", func(p *parts) { p.text = []byte("hello") })
	lay("a chain of a strange authority beside it", func(p *parts) {
		p.leaf.by = w.strange
		p.ann = func(a map[string]string) {}
	})

	// bundles
	bun := func(name string, change func(*bparts)) {
		p := w.bparts(digest)
		change(&p)
		addBundle(named("bundle: "+name), p.bundle())
	}
	bunAs := func(name string, ids [][2]string, change func(*bparts)) {
		p := w.bparts(digest)
		change(&p)
		k := named("bundle: " + name)
		k.Identities = ids
		addBundle(k, p.bundle())
	}
	entry := func(b M) M { return b["verificationMaterial"].(M)["tlogEntries"].([]M)[0] }
	bun("good", func(p *bparts) {})
	kb := named("bundle: good, of the other artifact")
	kb.Digest = digest2
	addBundle(kb, w.bparts(digest2).bundle())
	bun("another artifact", func(p *bparts) { p.payload = w.bparts(digest2).payload })
	bun("of version 0.1", func(p *bparts) {
		p.media = "application/vnd.dev.sigstore.bundle+json;version=0.1"
		p.kind = "intoto"
		p.proof = false
	})
	bun("of version 0.2", func(p *bparts) { p.media = "application/vnd.dev.sigstore.bundle+json;version=0.2"; p.kind = "intoto" })
	bun("of version 0.2, no proof", func(p *bparts) { p.media = "application/vnd.dev.sigstore.bundle+json;version=0.2"; p.proof = false })
	bun("of version 0.3 as it was written first", func(p *bparts) { p.media = "application/vnd.dev.sigstore.bundle+json;version=0.3" })
	bun("of version 0.4", func(p *bparts) {
		p.change = func(b M) { b["mediaType"] = "application/vnd.dev.sigstore.bundle.v0.4+json" }
	})
	bun("of another type", func(p *bparts) { p.change = func(b M) { b["mediaType"] = "application/json" } })
	bun("of version 0.3 with a chain", func(p *bparts) {
		p.change = func(b M) {
			m := b["verificationMaterial"].(M)
			m["x509CertificateChain"] = M{"certificates": []M{m["certificate"].(M)}}
			delete(m, "certificate")
		}
	})
	bun("an older statement", func(p *bparts) {
		p.payload = []byte(strings.Replace(string(p.payload), "Statement/v1", "Statement/v0.1", 1))
	})
	bun("another predicate", func(p *bparts) {
		p.payload = statement([]M{{"name": "x", "digest": M{"sha256": digest}}}, "https://slsa.dev/provenance/v1")
	})
	bun("the second of two subjects", func(p *bparts) {
		p.payload = statement([]M{{"name": "x", "digest": M{"sha256": digest2}}, {"name": "y", "digest": M{"sha256": digest}}}, "https://sigstore.dev/cosign/sign/v1")
	})
	bun("no subject", func(p *bparts) { p.payload = statement([]M{}, "https://sigstore.dev/cosign/sign/v1") })
	bun("a subject by another hash", func(p *bparts) {
		p.payload = statement([]M{{"name": "x", "digest": M{"sha512": strings.Repeat(digest, 2)}}}, "https://sigstore.dev/cosign/sign/v1")
	})
	bun("no statement", func(p *bparts) { p.payload = []byte("hello") })
	bun("a payload of another type", func(p *bparts) { p.payloadType = "text/plain" })
	bun("two signatures", func(p *bparts) {
		p.change = func(b M) {
			e := b["dsseEnvelope"].(M)
			e["signatures"] = append(e["signatures"].([]M), e["signatures"].([]M)[0])
		}
	})
	bun("a broken signature", func(p *bparts) { p.sig = flip })
	bun("another payload than the signed one", func(p *bparts) {
		p.change = func(b M) { b["dsseEnvelope"].(M)["payload"] = b64(w.bparts(digest2).payload) }
	})
	bun("no entry", func(p *bparts) { p.change = func(b M) { delete(b["verificationMaterial"].(M), "tlogEntries") } })
	bun("no word of the log", func(p *bparts) { p.promise = false })
	bun("no proof", func(p *bparts) { p.proof = false })
	bun("a tree of one", func(p *bparts) { p.leaves, p.index = 1, 0 })
	bun("the last of a tree", func(p *bparts) { p.leaves, p.index = 7, 6 })
	bun("a checkpoint by another key", func(p *bparts) { p.checkpointBy = w.otherRK })
	bun("a proof with another hash", func(p *bparts) {
		p.proofChange = func(m M) { m["hashes"].([]string)[0] = b64(make([]byte, 32)) }
	})
	bun("a proof of another leaf", func(p *bparts) { p.proofChange = func(m M) { m["logIndex"] = "1" } })
	bun("a proof without checkpoint", func(p *bparts) { p.proofChange = func(m M) { delete(m, "checkpoint") } })
	bun("an unknown log", func(p *bparts) { p.rekor, p.checkpointBy = w.otherRK, w.otherRK })
	bun("logged after the certificate", func(p *bparts) { p.at = signed.Add(time.Hour) })
	bun("a strange authority", func(p *bparts) { p.leaf.by = w.strange })
	bun("for servers", func(p *bparts) { p.leaf.usage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth} })
	bun("no promise in the certificate", func(p *bparts) { p.leaf.ct = nil })
	bun("a promise of an unknown log", func(p *bparts) { p.leaf.ct = []crypto.Signer{w.otherCT} })
	bun("issuer in the newer extension alone", func(p *bparts) { p.leaf.issuer1 = "" })
	bun("key of P-384, by SHA-384", func(p *bparts) { p.leaf.key = p384(); p.hash = crypto.SHA384 })
	bun("key of P-384, by SHA-256", func(p *bparts) { p.leaf.key = p384() })
	bun("an entry about a text", func(p *bparts) { p.kind = "hashedrekord" })
	bun("an entry about another payload", func(p *bparts) {
		p.body = func(b M) M { b["spec"].(M)["payloadHash"].(M)["value"] = digest2; return b }
	})
	bun("an entry about another signature", func(p *bparts) {
		p.body = func(b M) M {
			b["spec"].(M)["signatures"].([]M)[0]["signature"] = b64(sign(p.leaf.key, []byte("x"), crypto.SHA256))
			return b
		}
	})
	bun("an entry about another certificate", func(p *bparts) {
		p.body = func(b M) M {
			b["spec"].(M)["signatures"].([]M)[0]["verifier"] = b64(certPEM(leaf(w.parts(digest).leaf).Raw))
			return b
		}
	})
	bun("an entry with another time", func(p *bparts) {
		p.change = func(b M) { entry(b)["integratedTime"] = fmt.Sprint(p.at.Add(time.Minute).Unix()) }
	})
	bun("an entry of another kind than it says", func(p *bparts) {
		p.change = func(b M) { entry(b)["kindVersion"] = M{"kind": "intoto", "version": "0.0.2"} }
	})
	bunAs("nobody in particular", nil, func(p *bparts) {})
	bunAs("another subject", [][2]string{{"^https://token", "^https://github.com/other/.*$"}}, func(p *bparts) {})
	bunAs("another issuer", [][2]string{{"^https://accounts.example$", "^https://github.com/team/apps/.*$"}}, func(p *bparts) {})
	bunAs("the second of two identities", [][2]string{{"^https://other$", ".*"}, id[0]}, func(p *bparts) {})
	bun("a signed blob", func(p *bparts) {
		p.change = func(b M) {
			h := must(hex.DecodeString(digest))
			sig := must(p.leaf.key.Sign(rand.Reader, h, crypto.SHA256))
			b["messageSignature"] = M{"messageDigest": M{"algorithm": "SHA2_256", "digest": b64(h)}, "signature": b64(sig)}
			delete(b, "dsseEnvelope")
		}
	})
	bun("no certificate", func(p *bparts) { p.change = func(b M) { delete(b["verificationMaterial"].(M), "certificate") } })

	// by keys
	mine, other := p256(), p256()
	keys["mine"], keys["other"] = string(keyPEM(mine)), string(keyPEM(other))
	big := p384()
	keys["p384"] = string(keyPEM(big))
	by := func(name, key string, change func(*bparts)) {
		p := w.bparts(digest)
		p.key = mine
		change(&p)
		addBundle(kase{Name: "bundle by key: " + name, Key: key, Digest: digest}, p.bundle())
	}
	noEntries := func(b M) { delete(b["verificationMaterial"].(M), "tlogEntries") }
	by("good", "mine", func(p *bparts) { p.change = noEntries })
	by("good, in the log", "mine", func(p *bparts) {})
	by("another key", "other", func(p *bparts) { p.change = noEntries })
	by("another artifact", "mine", func(p *bparts) { p.payload = w.bparts(digest2).payload; p.change = noEntries })
	by("a certificate", "mine", func(p *bparts) { p.key = nil })
	by("of P-384 by SHA-256", "p384", func(p *bparts) { p.key = big; p.change = noEntries })
	by("of P-384 by SHA-384", "p384", func(p *bparts) { p.key = big; p.hash = crypto.SHA384; p.change = noEntries })
	pk := w.bparts(digest)
	pk.key = mine
	addBundle(named("bundle: a key"), pk.bundle())

	// real ones
	public := func(name, file, digest string, ids [][2]string) {
		addBundle(kase{Name: "public: " + name, Root: "public", Digest: digest, Identities: ids}, json.RawMessage(must(os.ReadFile(file))))
	}
	att := os.Args[2]
	attDigest := "732112270d7e59418a8c080b134b24cabd67d250d0d0147a97ed95ba5c280aa4"
	public("an attestation of cosign's tests", att, attDigest, [][2]string{{".*", ".*"}})
	public("an attestation of cosign's tests, about another", att, digest, [][2]string{{".*", ".*"}})
	public("an attestation of cosign's tests, by another", att, attDigest, [][2]string{{"^https://token.actions.githubusercontent.com$", ".*"}})

	delete(roots, "public")
	line := func(v any) []byte {
		var b bytes.Buffer
		e := json.NewEncoder(&b)
		e.SetEscapeHTML(false)
		must(0, e.Encode(v))
		return bytes.TrimSpace(b.Bytes())
	}
	artifacts := []M{{"digest": digest, "manifest": b64(manifest), "layer": b64(layer)}, {"digest": digest2, "manifest": b64(manifest2), "layer": b64(layer2)}}
	fmt.Printf("{\n \"artifacts\": %s,\n \"keys\": %s,\n \"roots\": %s,\n \"cases\": [\n", line(artifacts), line(keys), line(roots))
	for i, k := range cases {
		if i > 0 {
			fmt.Print(",\n")
		}
		fmt.Printf("  %s", line(k))
	}
	fmt.Print("\n ]\n}\n")
}
