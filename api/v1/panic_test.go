package v1_test

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/vouchsafe/vouchsafe/api"
	v1 "github.com/vouchsafe/vouchsafe/api/v1"
	"github.com/vouchsafe/vouchsafe/api/v1/v1test"
	"github.com/vouchsafe/vouchsafe/hotspot"
)

// deaf is a client that has gone away.
type deaf struct{ http.ResponseWriter }

func (deaf) Write([]byte) (int, error) {
	return 0, &net.OpError{Op: "write", Err: errors.New("broken pipe")}
}

func TestClientGone(t *testing.T) {
	var log strings.Builder
	defer func() {
		if v := recover(); v != http.ErrAbortHandler {
			t.Errorf("panic: %v", v)
		}
		if log.Len() > 0 {
			t.Errorf("logged: %s", log.String())
		}
	}()
	handler(v1test.NewService(), &log).ServeHTTP(deaf{httptest.NewRecorder()}, httptest.NewRequest(http.MethodGet, v1.Prefix+"/settings", nil))
}

// broken is a service with a mistake in it.
type broken struct{ *v1test.Service }

func (broken) Guests(context.Context) ([]hotspot.Guest, error) {
	panic("index out of range in /secret")
}

func TestMistakeInside(t *testing.T) {
	var log strings.Builder
	s := v1test.NewService()
	c := v1.NewClient(v1.InProcess(api.As(api.Local(), v1.New(v1.Config{Service: broken{s}, Keys: s, Log: logger(&log),
		Info: func(context.Context) v1.Status { return v1.Status{} }}))))
	_, err := c.Guests(t.Context())
	if hotspot.CodeOf(err) != hotspot.CodeInternal || strings.Contains(err.Error(), "secret") {
		t.Errorf("told: %v", err)
	}
	if !strings.Contains(log.String(), "/secret") {
		t.Errorf("logged: %s", log.String())
	}
}
