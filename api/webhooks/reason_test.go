package webhooks

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/vouchsafe/vouchsafe/api"
)

// TestReasonIsStored: why a receiver could not be reached is told whole, and what
// is stored of it can be told in other languages later.
func TestReasonIsStored(t *testing.T) {
	refused := &net.OpError{Op: "dial", Net: "tcp", Err: os.NewSyscallError("connect", syscall.ECONNREFUSED)}
	for _, tc := range []struct {
		err          error
		told, stored string
	}{
		{&url.Error{Op: "Post", URL: "https://a.example", Err: refused}, "it could not be reached (dial tcp: connect: connection refused)", "it could not be reached (connection refused)"},
		{fmt.Errorf("strange: %w", errors.New("a\x00b\n"+strings.Repeat("x", 1000))), "it could not be reached (strange: a b xxx", "it could not be reached (a b xxx"},
	} {
		text := reason(tc.err)
		if got := text.String(); !strings.HasPrefix(got, tc.told) || len(got) > 3*maxShown {
			t.Errorf("%q is told of %v", got, tc.err)
		}
		again := resultOf(api.WebhookDelivery{Error: text}).delivery(api.ID{}).Error
		if got := again.String(); !strings.HasPrefix(got, tc.stored) || len(got) > 3*maxShown {
			t.Errorf("%q is stored of %v", got, tc.err)
		}
		format, args := again.Message()
		said, ok := args[0].(interface{ Message() (string, []any) })
		if format != "it could not be reached (%s)" || !ok {
			t.Fatalf("%q %v", format, args)
		}
		if inner, _ := said.Message(); errors.Is(tc.err, syscall.ECONNREFUSED) && inner != syscall.ECONNREFUSED.Error() {
			t.Errorf("%q cannot be told", inner)
		}
	}
}
