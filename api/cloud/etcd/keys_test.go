package etcd

import (
	"crypto/tls"
	"encoding/json"
	"errors"
	"log/slog"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/vouchsafe/vouchsafe/api/cloud"
)

func TestNode(t *testing.T) {
	good := cloud.Node{ID: "relay-1.a_B", Peer: "[2001:db8::1]:9000"}
	b, err := json.Marshal(good)
	if err != nil {
		t.Fatal(err)
	}
	if n, ok := readNode(good.ID, b); !ok || n != good {
		t.Errorf("%+v %v", n, ok)
	}
	for _, n := range []cloud.Node{{}, {ID: "a"}, {ID: "a", Peer: "x"}, {ID: "a", Peer: "x:"}, {ID: "a/b", Peer: "x:1"}, {ID: strings.Repeat("a", 65), Peer: "x:1"},
		{ID: "a", Peer: strings.Repeat("x", 300) + ":1"}} {
		if checkNode(n) == nil {
			t.Errorf("%+v may join", n)
		}
		b, err := json.Marshal(n)
		if err != nil {
			t.Fatal(err)
		}
		if _, ok := readNode(n.ID, b); ok {
			t.Errorf("%+v was read", n)
		}
	}
	for _, s := range []string{"", "null", "{", "[]", `{"id":"b","peer":"x:1"}`, `{"id":"a","peer":1}`, `{"id":"a","peer":"x:1"}` + strings.Repeat(" ", maxNode)} {
		if n, ok := readNode("a", []byte(s)); ok {
			t.Errorf("%.40q is %+v", s, n)
		}
	}
}

func FuzzNode(f *testing.F) {
	f.Add("a", []byte(`{"id":"a","peer":"relay.test:9000"}`))
	f.Add("a", []byte(`{"id":"a","peer":""}`))
	f.Add("", []byte(`{}`))
	f.Fuzz(func(t *testing.T, id string, value []byte) {
		n, ok := readNode(id, value)
		if !ok {
			if n != (cloud.Node{}) {
				t.Errorf("%+v of what is none", n)
			}
			return
		}
		if n.ID != id || checkNode(n) != nil {
			t.Errorf("%+v", n)
		}
	})
}

func TestConfig(t *testing.T) {
	for _, c := range []struct {
		in   []string
		tls  bool
		want []string
	}{
		{nil, false, nil}, {make([]string, maxEndpoints+1), false, nil}, {[]string{""}, false, nil}, {[]string{"http://"}, false, nil},
		{[]string{"ftp://a:1"}, false, nil}, {[]string{"http://a:1/path"}, false, nil}, {[]string{"a b:1"}, false, nil}, {[]string{"http://a:1"}, true, nil},
		{[]string{"a:1", "http://b:2/"}, false, []string{"http://a:1", "http://b:2"}},
		{[]string{"a:1", "https://b:2"}, true, []string{"https://a:1", "https://b:2"}},
		{[]string{"https://[::1]:2379"}, false, []string{"https://[::1]:2379"}},
	} {
		cfg := Config{Endpoints: c.in}
		if c.tls {
			cfg.TLS = &tls.Config{}
		}
		got, err := cfg.endpoints()
		if diff := cmp.Diff(c.want, got); diff != "" || (err == nil) != (c.want != nil) {
			t.Errorf("%q: %v %s", c.in, err, diff)
		}
	}
	for _, prefix := range []string{"a", strings.Repeat("a", maxPrefix) + "/"} {
		if _, err := Open(t.Context(), Config{Endpoints: []string{"127.0.0.1:1"}, Prefix: prefix, Log: slog.New(slog.DiscardHandler)}); err == nil || errors.Is(err, cloud.ErrUnreachable) {
			t.Errorf("%q: %v", prefix, err)
		}
	}
}

// TestRefused: what leaves open what has happened must not be taken for a refusal.
func TestRefused(t *testing.T) {
	for _, err := range []error{rpctypes.ErrNoSpace, rpctypes.ErrTooManyRequests, rpctypes.ErrRequestTooLarge, rpctypes.ErrPermissionDenied, rpctypes.ErrCompacted,
		rpctypes.ErrTooManyOps, rpctypes.ErrGRPCNoSpace, rpctypes.ErrLeaseNotFound, status.Error(codes.Unauthenticated, "x")} {
		if !refused(err) {
			t.Errorf("%v is a refusal", err)
		}
	}
	for _, err := range []error{errors.New("x"), rpctypes.ErrTimeout, rpctypes.ErrTimeoutDueToLeaderFail, rpctypes.ErrLeaderChanged, rpctypes.ErrNoLeader, rpctypes.ErrStopped,
		rpctypes.ErrGRPCTimeout, status.Error(codes.DeadlineExceeded, "x"), status.Error(codes.Unavailable, "x"), status.Error(codes.Unknown, "x"),
		status.Error(codes.Internal, "x"), status.Error(codes.Canceled, "x"), status.Error(codes.Aborted, "x")} {
		if refused(err) {
			t.Errorf("%v leaves open what has happened", err)
		}
	}
}
