package bench

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/vouchsafe/vouchsafe/netctl/netlab"
)

// ServeBare answers every request with an answer that was recorded, through
// nothing but net/http, until ctx ends. It is what a server can be compared
// with that has something to think about. If commits names a file, a commit of
// bare bbolt to that file comes before each answer; requests for /batch share
// commits.
func ServeBare(ctx context.Context, listen, answer, commits string) (err error) {
	var bolt *boltLoop
	if commits != "" {
		if bolt, err = openBolt(commits); err != nil {
			return err
		}
		bolt.db.MaxBatchSize = atOnce
		defer func() { err = errors.Join(err, bolt.close()) }()
	}
	raw, err := os.ReadFile(answer)
	if err != nil {
		return err
	}
	resp, err := http.ReadResponse(bufio.NewReader(bytes.NewReader(raw)), nil)
	if err != nil {
		return fmt.Errorf("%s: %w", answer, err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return fmt.Errorf("%s: %w", answer, err)
	}
	srv := &http.Server{ReadHeaderTimeout: 10 * time.Second, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		if err := bolt.commit(r.URL.Path == "/batch"); err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		h := w.Header()
		for k, v := range resp.Header {
			h[k] = v
		}
		w.WriteHeader(resp.StatusCode)
		_, _ = w.Write(body)
	})}
	ln, err := (&net.ListenConfig{}).Listen(ctx, "tcp", listen)
	if err != nil {
		return err
	}
	defer context.AfterFunc(ctx, func() { _ = srv.Close() })()
	if err := srv.Serve(ln); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// bare is a bare server in a process of its own.
type bare struct {
	cmd  *exec.Cmd
	file string
}

// startBare starts a bare server on a host, and waits until it listens. from is
// where it is asked from meanwhile. more are further arguments.
func (r *run) startBare(ctx context.Context, on, from *netlab.Host, listen, ask string, answer []byte, more ...string) (*bare, error) {
	dir, err := r.tempDir()
	if err != nil {
		return nil, err
	}
	b := &bare{file: filepath.Join(dir, "answer")}
	if err := os.WriteFile(b.file, answer, 0o600); err != nil {
		return nil, errors.Join(err, b.stop())
	}
	args := append(r.cfg.Bare[1:len(r.cfg.Bare):len(r.cfg.Bare)], "--listen", listen, "--answer", b.file)
	args = append(args, more...)
	b.cmd = on.Command(ctx, r.cfg.Bare[0], args...)
	b.cmd.Stderr = os.Stderr
	if err := b.cmd.Start(); err != nil {
		b.cmd = nil
		return nil, errors.Join(err, b.stop())
	}
	for begun := time.Now(); time.Since(begun) < time.Minute; {
		c, err := from.DialContext(ctx, "tcp4", ask)
		if err == nil {
			return b, c.Close()
		}
		if err := wait(ctx, 10*time.Millisecond); err != nil {
			break
		}
	}
	return nil, errors.Join(fmt.Errorf("the bare server at %s does not answer", ask), b.stop())
}

func (b *bare) stop() error {
	if b.cmd != nil {
		_ = b.cmd.Process.Kill()
		_ = b.cmd.Wait() // how it ended is known
	}
	return os.RemoveAll(filepath.Dir(b.file))
}

// record makes one request over a connection of its own and returns the answer
// as it came over the wire.
func record(ctx context.Context, from *netlab.Host, addr, request string) ([]byte, error) {
	c, err := from.DialContext(ctx, "tcp4", addr)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(time.Minute))
	if _, err := io.WriteString(c, request); err != nil {
		return nil, err
	}
	return io.ReadAll(c)
}
