package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"time"
)

// parts are what this program is when it starts itself again.
func parts() map[string]func(ctx context.Context, in io.Reader, out io.Writer) error {
	return map[string]func(ctx context.Context, in io.Reader, out io.Writer) error{
		"routers": runRouters,
		"yamux":   func(ctx context.Context, in io.Reader, _ io.Writer) error { return runYamux(ctx, in) },
	}
}

// child is another process of this program.
type child struct {
	cmd *exec.Cmd
	in  io.WriteCloser
	out *json.Decoder
	log lastLines
}

// spawn starts a part of this program in a namespace and tells it its task.
func (b *bench) spawn(ctx context.Context, in *space, part string, task any) (*child, error) {
	c := &child{cmd: exec.CommandContext(ctx, b.self, part)}
	c.cmd.Stderr = &c.log
	if part == "yamux" {
		c.cmd.Env = append(os.Environ(), "GOGC=50") // as the relay has
	}
	var err error
	if c.in, err = c.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := c.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	c.out = json.NewDecoder(out)
	if err := in.do(c.cmd.Start); err != nil {
		return nil, fmt.Errorf("start %s: %w", part, err)
	}
	if err := json.NewEncoder(c.in).Encode(task); err != nil {
		c.stop()
		return nil, fmt.Errorf("%s: %w: %s", part, err, c.log.String())
	}
	return c, nil
}

// stop kills the process: as far as this program is concerned, its work is done.
func (c *child) stop() {
	c.in.Close()
	_ = c.cmd.Process.Kill() // it may have gone by itself
	_ = c.cmd.Wait()         // it was killed
}

// standing asks a process of routers how they are.
func (c *child) standing() (standing, error) {
	var s standing
	err := json.NewEncoder(c.in).Encode("standing")
	if err == nil {
		err = c.out.Decode(&s)
	}
	if err != nil {
		return s, fmt.Errorf("the routers' process: %w: %s", err, c.log.String())
	}
	return s, nil
}

// up counts the routers whose tunnels are up.
func (s standing) up() (n int) {
	for _, up := range s.Up {
		if up {
			n++
		}
	}
	return n
}

// allUp waits until so many routers are up.
func (c *child) allUp(ctx context.Context, n int, limit time.Duration) error {
	var last standing
	err := until(ctx, limit, func() (bool, error) {
		var err error
		if last, err = c.standing(); err == nil && last.up() < n {
			err = wait(ctx, 200*time.Millisecond)
		}
		return last.up() >= n, err
	})
	if err != nil {
		return fmt.Errorf("%d of %d routers are up (%s): %w", last.up(), n, last.Trouble, err)
	}
	return nil
}
