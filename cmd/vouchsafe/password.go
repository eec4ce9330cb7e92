package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"
)

// maxLine bounds a password that is read, in bytes.
const maxLine = 1 << 10

// password returns the password that was given, or asks for it twice.
func (a *app) password(cmd *cobra.Command, p passwordFlags) (string, error) {
	switch {
	case p.stdin && p.text != "":
		return "", usage(cmd, "--password and --password-stdin do not go together")
	case p.text != "":
		return p.text, nil
	case p.stdin:
		return readLine(a.stdin)
	case !a.asks:
		return "", usage(cmd, "nobody can be asked for the password; say --password-stdin and pipe it in, or --password")
	}
	first, err := a.askHidden(cmd.Context(), "New password: ")
	if err != nil {
		return "", err
	}
	again, err := a.askHidden(cmd.Context(), "The same again: ")
	if err != nil {
		return "", err
	}
	if first != again {
		return "", errors.New("the two passwords differ; nothing was changed")
	}
	return first, nil
}

// askHidden asks for a line that the terminal does not show.
func (a *app) askHidden(ctx context.Context, question string) (string, error) {
	restore := func() {}
	if f, ok := a.stdin.(*os.File); ok {
		var err error
		if restore, err = hideInput(f); err != nil {
			return "", fmt.Errorf("the terminal would show the password: %w; say --password-stdin and pipe it in", err)
		}
	}
	defer func() {
		restore()
		fmt.Fprintln(a.stderr)
	}()
	fmt.Fprint(a.stderr, question)
	type line struct {
		text string
		err  error
	}
	got := make(chan line, 1)
	go func() {
		text, err := readLine(a.stdin)
		got <- line{text, err}
	}()
	select {
	case l := <-got:
		return l.text, l.err
	case <-ctx.Done(): // the terminal must show again what is typed
		return "", ctx.Err()
	}
}

// readLine reads a line, byte by byte: what follows is for somebody else.
func readLine(r io.Reader) (string, error) {
	var b strings.Builder
	for one := make([]byte, 1); b.Len() < maxLine; {
		n, err := r.Read(one)
		if n == 1 && one[0] == '\n' {
			return endless(b.String(), nil)
		}
		b.Write(one[:n])
		if err != nil {
			return endless(b.String(), err)
		}
	}
	return "", errors.New("the password is too long")
}

// endless takes the end off a line.
func endless(text string, err error) (string, error) {
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return strings.TrimSuffix(strings.TrimSuffix(text, "\n"), "\r"), err
}
