package operators

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/vouchsafe/vouchsafe/api"
)

// TestRFC6238 has the vectors of the RFC's appendix, cut to six digits.
func TestRFC6238(t *testing.T) {
	secret := []byte("12345678901234567890")
	for at, want := range map[int64]string{
		59: "287082", 1111111109: "081804", 1111111111: "050471", 1234567890: "005924", 2000000000: "279037", 20000000000: "353130",
	} {
		if got := totpCode(secret, at/totpStep); got != want {
			t.Errorf("%d: %s, want %s", at, got, want)
		}
		if step, ok := checkTOTP(secret, want, time.Unix(at, 0), 0); !ok || step != at/totpStep {
			t.Errorf("%d: %d %v", at, step, ok)
		}
	}
}

func TestChooseWork(t *testing.T) {
	// Machines by how many KiB they do in a millisecond.
	for speed, want := range map[uint64]work{
		1: {minMemory, 1}, 8: {minMemory, 1}, 10: {4 << 10, 1}, 20: {9 << 10, 1}, 38: {18 << 10, 1}, 80: {19 << 10, 2}, 2000: {19 << 10, 8}, 1 << 40: {19 << 10, 8},
	} {
		var calls int
		got := chooseWork(MaxMemory, func(w work) time.Duration {
			calls++
			return time.Duration(w.cost() * uint64(time.Millisecond) / speed)
		})
		if got != want || calls > 6 {
			t.Errorf("%d KiB/ms: %+v after %d samples, want %+v", speed, got, calls, want)
		}
	}
	if got := chooseWork(1, func(work) time.Duration { return 0 }); got.memory != minMemory {
		t.Errorf("%+v", got)
	}
	if got := chooseWork(8<<10, func(work) time.Duration { return 0 }); got != (work{8 << 10, 8}) {
		t.Errorf("%+v", got)
	}
}

func TestHash(t *testing.T) {
	h := newHasher(minMemory)
	s := h.hash("pässword", work{8, 1})
	if !h.matches("pässword", s) || h.matches("passwörd", s) || s == h.hash("pässword", work{8, 1}) {
		t.Errorf("%s", s)
	}
	// As the reference implementation writes it.
	const known = "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQxMjM0NTY3OA$"
	if _, _, err := parseHash(known + strings.Repeat("A", 43)); err != nil {
		t.Errorf("%v", err)
	}
	for _, bad := range []string{"", "$", s + "=", s + "\n", strings.Replace(s, "argon2id", "argon2i", 1), strings.Replace(s, "v=19", "v=16", 1), strings.Replace(s, "m=8", "m=4294967295", 1),
		strings.Replace(s, "m=8", "m=08", 1), strings.Replace(s, "m=8", "m=-8", 1), strings.Replace(s, "t=1", "t=0", 1), strings.Replace(s, "t=1", "t=99", 1), strings.Replace(s, "p=1", "p=2", 1),
		strings.Replace(s, ",p=1", "", 1), s[:len(s)-4], "x" + s} {
		if _, _, err := parseHash(bad); err == nil || h.matches("pässword", bad) {
			t.Errorf("%q was taken", bad)
		}
	}
}

func FuzzHash(f *testing.F) {
	f.Add("$argon2id$v=19$m=8,t=1,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")
	f.Add("$argon2id$v=19$m=19456,t=2,p=1$$")
	f.Fuzz(func(t *testing.T, s string) {
		w, p, err := parseHash(s)
		if err != nil {
			return
		}
		if w.memory > 64<<10 || w.passes > 64 || w.memory < 8 || w.passes == 0 {
			t.Errorf("%+v", w)
		}
		if again := formatHash(w, p.salt, p.key); again != s {
			t.Errorf("%q became %q", s, again)
		}
	})
}

func FuzzCookie(f *testing.F) {
	c, _ := newCookie()
	for _, s := range []string{c, "", c + "=", c[:42] + "\n", strings.Repeat("A", 43), strings.Repeat("_", 43)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		hash, ok := readCookie(s)
		if ok && len(s) != 43 || !ok && hash != [32]byte{} {
			t.Errorf("%q: %x %v", s, hash, ok)
		}
	})
}

func FuzzCode(f *testing.F) {
	codes, hashes := newRecovery()
	for _, s := range []string{codes[0], strings.ToLower(codes[1]), "", "287082", "287 082", "------", "AAAA-AAAA-AAAA-AAA\n", "\xff"} {
		f.Add(s)
	}
	secret := []byte("12345678901234567890")
	f.Fuzz(func(t *testing.T, s string) {
		i := findRecovery(hashes, s)
		if i >= 0 && !slices.Contains(codes, codes[i]) {
			t.Error(i)
		}
		hash, ok := recoveryHash(s)
		if ok && len(hash) != 32 {
			t.Errorf("%x", hash)
		}
		if _, ok := checkTOTP(secret, s, time.Unix(59, 0), 0); ok && strings.Trim(s, " 0123456789") != "" {
			t.Errorf("%q is taken for a code", s)
		}
	})
}

func FuzzRecords(f *testing.F) {
	id := api.NewID().String()
	f.Add([]byte(`{"email":"a@b","role":"owner","password":"$argon2id$v=19$m=8,t=1,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA","totp":"AQ==","recovery":["AA=="]}`))
	f.Add([]byte(`{"operator":"` + id + `","hash":"` + strings.Repeat("A", 43) + `=","created":-9223372036854775808,"seen":9223372036854775807}`))
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	f.Fuzz(func(t *testing.T, b []byte) {
		if p, err := readPerson(personSecret+id, b); err == nil {
			_ = findRecovery(p.Recovery, "AAAA-AAAA-AAAA-AAAA")
			_ = p.operator(0)
		}
		if s, err := readSession(sessionSecret+id, b, now, time.Hour); err == nil && (s.seen > time.Hour || s.began > time.Hour) {
			t.Errorf("%+v is from the future", s)
		}
	})
}

// TestSeal: one operator's secret is not another's.
func TestSeal(t *testing.T) {
	h := newHouse(t)
	id := api.NewID()
	b := h.seal(id, []byte("secret"))
	if got, err := h.unseal(id, b); string(got) != "secret" || err != nil {
		t.Errorf("%q %v", got, err)
	}
	for _, bad := range [][]byte{nil, {7}, b[:5], {1, 2, 3}} {
		if _, err := h.unseal(id, bad); err == nil {
			t.Errorf("%x opens", bad)
		}
	}
	if _, err := h.unseal(api.NewID(), b); err == nil {
		t.Error("another operator's opens")
	}
}
