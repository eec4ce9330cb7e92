package main

import (
	"fmt"
	"strconv"
	"time"
)

// Progress is shown where it takes longer than this, and no more often.
const (
	progressAfter = time.Second
	progressEvery = 200 * time.Millisecond
)

// progress tells whoever waits at a terminal how far something is.
type progress struct {
	a     *app
	what  string
	total int // 0: not known
	next  time.Time
	shown bool
}

func (a *app) progress(what string, total int) *progress {
	return &progress{a: a, what: what, total: total, next: time.Now().Add(progressAfter)}
}

// at tells how much is done.
func (p *progress) at(n int) {
	now := time.Now()
	if !p.a.asks || now.Before(p.next) {
		return
	}
	p.next, p.shown = now.Add(progressEvery), true
	of := ""
	if p.total > 0 {
		of = " of " + strconv.Itoa(p.total)
	}
	fmt.Fprintf(p.a.stderr, "\r%d%s %s\x1b[K", n, of, p.what)
}

// end takes away what was shown.
func (p *progress) end() {
	if p.shown {
		fmt.Fprint(p.a.stderr, "\r\x1b[K")
	}
}
