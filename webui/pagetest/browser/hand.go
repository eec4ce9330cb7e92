package browser

import (
	"context"
	_ "embed"
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

//go:embed point.js
var pointScript string

// point is where an element can be reached, or why it cannot.
type point struct {
	X, Y float64
	Not  string // empty: it can be
}

// Click clicks the first element that a CSS selector finds, as a hand would: once
// the page is loaded, with its scripts, and the element can be seen, with nothing
// upon it.
func Click(selector string) chromedp.Action[chromedp.Void] {
	return func(ctx context.Context, target *chromedp.Target) (chromedp.Void, error) {
		at, err := reach(ctx, target, selector, false)
		if err != nil {
			return chromedp.Void{}, err
		}
		return chromedp.MouseClickXY(at.X, at.Y)(ctx, target)
	}
}

// ClickUntil clicks until an expression is true on the page, for what a browser lets a
// page do only within a few seconds of a click, such as to copy: on a busy machine
// they may be over.
func ClickUntil(t testing.TB, c *Browser, selector, expression string) {
	t.Helper()
	for range 5 {
		c.Do(t, Click(selector))
		if is, _ := c.wait(t, expression, patience/5); is {
			return
		}
	}
	t.Fatalf("never true, however often %s is clicked: %s; console: %q", selector, expression, c.Heard())
}

// Type gives the focus to the first element that a CSS selector finds, once it can be
// clicked, and types a text; "\r" is the key to enter.
func Type(selector, text string) chromedp.Action[chromedp.Void] {
	return func(ctx context.Context, target *chromedp.Target) (chromedp.Void, error) {
		if _, err := reach(ctx, target, selector, true); err != nil {
			return chromedp.Void{}, err
		}
		return chromedp.KeyEvent(text)(ctx, target)
	}
}

// reach waits until an element can be reached, and then gives it the focus if that is
// asked for.
func reach(ctx context.Context, target *chromedp.Target, selector string, focus bool) (point, error) {
	quoted, err := json.Marshal(selector)
	if err != nil {
		return point{}, err
	}
	look := time.NewTicker(20 * time.Millisecond)
	defer look.Stop()
	for {
		at, err := chromedp.Evaluate[point](fmt.Sprintf("(%s)(%s, %t)", pointScript, quoted, focus))(ctx, target)
		if err == nil && at.Not == "" {
			return at, nil
		}
		if err != nil && !betweenPages(err) && ctx.Err() == nil {
			return point{}, err
		}
		select {
		case <-look.C:
		case <-ctx.Done():
			return point{}, fmt.Errorf("%s cannot be reached: %s (%v): %w", selector, at.Not, err, ctx.Err())
		}
	}
}
