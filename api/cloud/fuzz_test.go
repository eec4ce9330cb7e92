package cloud

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// FuzzLicense: what is not signed is not a licence.
func FuzzLicense(f *testing.F) {
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		f.Fatal(err)
	}
	good, err := IssueLicense(private, 10, time.Time{})
	if err != nil {
		f.Fatal(err)
	}
	if _, err := ReadLicense(public, good, time.Now()); err != nil {
		f.Fatal(err)
	}
	head, tail, _ := strings.Cut(good, ".")
	for _, s := range []string{"", ".", head, "." + tail, head + ".", tail + "." + head, good + ".", good + "A", "e30." + tail, strings.Repeat("A", 2000)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if l, err := ReadLicense(public, s, time.Now()); err == nil && strings.TrimSpace(s) != good {
			t.Errorf("%q is a licence: %+v", s, l)
		}
	})
}

// FuzzClaimCode: a code as people type it becomes one of the form that there is,
// or nothing.
func FuzzClaimCode(f *testing.F) {
	for _, s := range []string{"", "ABCD-EFGH-IJKL-MNOP", "abcd efgh ijkl mnop", "0O1I 2345 67AB CDEF", "ÄBCD-EFGH-IJKL-MNOP", strings.Repeat("A", 65), "\xff\x00ABCDEFGHIJKLMNOP"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		code := tidyCode(s)
		if code == "" {
			return
		}
		raw, err := letters.DecodeString(strings.ReplaceAll(code, "-", ""))
		if err != nil || len(raw) != 10 || len(code) != 19 || tidyCode(code) != code {
			t.Errorf("%q became %q", s, code)
		}
	})
}

// FuzzSigningRequest: a request that is taken has a key that can be signed, and
// is signed by it.
func FuzzSigningRequest(f *testing.F) {
	add := func(key any) {
		der, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{}, key)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE REQUEST", Bytes: der})))
		f.Add(string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE REQUEST", Bytes: der[:len(der)-1]})))
	}
	for _, curve := range []elliptic.Curve{elliptic.P256(), elliptic.P384()} {
		key, err := ecdsa.GenerateKey(curve, rand.Reader)
		if err != nil {
			f.Fatal(err)
		}
		add(key)
	}
	_, ed, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		f.Fatal(err)
	}
	add(ed)
	f.Add("")
	rec, err := newAuthority("test", time.Now())
	if err != nil {
		f.Fatal(err)
	}
	a, err := readAuthority(rec)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, s string) {
		csr, err := readRequest(s)
		if err != nil {
			return
		}
		text, fingerprint, err := a.sign(csr, "abcdefgh")
		if err != nil {
			t.Fatal(err)
		}
		block, _ := pem.Decode([]byte(text))
		cert, err := x509.ParseCertificate(block.Bytes)
		if err != nil || fingerprintOf(cert.Raw) != fingerprint || cert.IsCA || len(cert.DNSNames) > 0 {
			t.Errorf("%+v %v", cert, err)
		}
		if id, err := a.identify(cert); id != "abcdefgh" || err != nil {
			t.Errorf("%q %v", id, err)
		}
	})
}

// FuzzProducts: a catalogue that is taken can be shown.
func FuzzProducts(f *testing.F) {
	sum := strings.Repeat("0f", 32)
	for _, s := range []string{"{}", "null", "[]", `{"themes":[{"slug":"a","name":"A","version":"1","sha256":"` + sum + `","url":"https://x.test/a"}]}`,
		`{"themes":[{"slug":"A"}]}`, `{"plugins":[{"slug":"a","name":"","version":"1","sha256":"` + sum + `","url":"javascript:1"}]}`, `{}{}`, `{"other":1}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := readProducts(b)
		if err != nil {
			return
		}
		if p.Themes == nil || p.Plugins == nil {
			t.Error("an answer would say null")
		}
		for _, x := range append(p.Themes, p.Plugins...) {
			if x.check() != nil || !strings.HasPrefix(x.URL, "https://") {
				t.Errorf("%+v", x)
			}
		}
	})
}

// FuzzFields: whatever a body is, it is fields or a refusal.
func FuzzFields(f *testing.F) {
	for _, s := range []string{"", "{}", "null", "[]", `{"name":"a","expires":1}`, `{"expires":1e309}`, `{"name":1}`, strings.Repeat(`{"a":`, 2000), "\xff"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		fields, err := readFields(httptest.NewRecorder(), httptest.NewRequest("POST", "/", strings.NewReader(s)))
		if no := (*Error)(nil); err != nil && !asRefusal(err, &no) {
			t.Fatal(err)
		}
		c := &call{fields: fields}
		text, err := c.text("name")
		if err == nil && text == "" {
			t.Error("an empty text")
		}
		if _, err := c.number("expires", 0); err != nil && !asRefusal(err, new(*Error)) {
			t.Error(err)
		}
	})
}
