package rest_test

import (
	"context"
	"fmt"
	"iter"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"github.com/stretchr/testify/require"
)

// browser is a headless Chromium with one tab.
type browser struct {
	*testing.T
	ctx context.Context

	mu     sync.Mutex
	errors []string
}

// chromium finds the browser. Where there is none the test is skipped, except where RACKSTATE_CI says that there must be one.
func chromium(t *testing.T) string {
	t.Helper()
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome", "chrome", "headless-shell"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	if os.Getenv("RACKSTATE_CI") == "1" {
		t.Fatal("RACKSTATE_CI is set, and no Chromium is installed: the web page is NOT tested")
	}
	t.Skip("no Chromium is installed: the web page is NOT tested")
	return ""
}

func newBrowser(t *testing.T) *browser {
	t.Helper()
	path := chromium(t)
	options := []chromedp.ExecAllocatorOption{chromedp.ExecPath(path), chromedp.UserDataDir(t.TempDir()), chromedp.WindowSize(1280, 900), chromedp.NoSandbox, chromedp.Headless}
	for _, flag := range []string{"disable-gpu", "disable-quic", "no-first-run", "disable-background-networking", "disable-component-update", "disable-sync", "disable-dev-shm-usage"} {
		options = append(options, chromedp.Flag(flag, true))
	}
	allocator, stopAllocator := chromedp.NewExecAllocator(t.Context(), options...)
	ctx, stop := chromedp.NewContext(allocator)
	b := &browser{T: t, ctx: ctx}
	require.NoError(t, chromedp.Do(ctx)) // starts it
	messages, done := chromedp.Console(ctx), make(chan struct{})
	go func() {
		defer close(done)
		b.listen(messages)
	}()
	t.Cleanup(func() {
		_ = chromedp.Cancel(ctx)
		stop()
		stopAllocator()
		<-done
	})
	return b
}

// listen keeps what the page complains about.
func (b *browser) listen(messages iter.Seq2[chromedp.ConsoleMessage, error]) {
	for m, err := range messages {
		if err != nil {
			return
		}
		if m.Type == chromedp.ConsoleError || m.Type == chromedp.ConsoleWarning || m.IsException() {
			b.mu.Lock()
			b.errors = append(b.errors, m.String()+" "+m.URL)
			b.mu.Unlock()
		}
	}
}

// complaints returns what the page has complained about since the last call.
func (b *browser) complaints() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	list := b.errors
	b.errors = nil
	return list
}

func (b *browser) do(steps ...chromedp.Action[chromedp.Void]) {
	b.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, time.Minute)
	defer cancel()
	require.NoError(b, chromedp.Do(ctx, steps...))
}

// eval evaluates an expression in the page.
func eval[V any](b *browser, expression string) V {
	b.Helper()
	v, err := chromedp.Run(b.ctx, chromedp.Evaluate[V]("("+expression+")"))
	require.NoError(b, err, "%s", expression)
	return v
}

// until waits for an expression to hold.
func (b *browser) until(expression string) {
	b.Helper()
	if _, err := chromedp.Run(b.ctx, chromedp.Poll[bool]("Boolean("+expression+")", chromedp.WithPollingTimeout(15*time.Second), chromedp.WithPollingInterval(50*time.Millisecond))); err != nil {
		b.Fatalf("%v: %s\npage: %s", err, expression, eval[string](b, "document.body.innerText.slice(0, 3000)"))
	}
}

// press presses a key some times.
func (b *browser) press(key string, times int) {
	b.Helper()
	for range times {
		b.do(chromedp.KeyEvent(key))
	}
}

// tabTo presses the tabulator until an element has the focus.
func (b *browser) tabTo(selector string) {
	b.Helper()
	for range 60 {
		if eval[bool](b, fmt.Sprintf("Boolean(document.activeElement?.matches(%q))", selector)) {
			return
		}
		b.press(kb.Tab, 1)
	}
	b.Fatalf("the tabulator does not reach %s", selector)
}

// resize makes the window as wide as that of a device.
func (b *browser) resize(width, height int64, mobile bool) {
	b.Helper()
	options := []chromedp.EmulateViewportOption{}
	if mobile {
		options = append(options, chromedp.EmulateMobile)
	}
	b.do(chromedp.EmulateViewport(width, height, options...))
}

// screenshot keeps a picture of the page outside of the repository.
func (b *browser) screenshot(name string) {
	b.Helper()
	dir := os.Getenv("RACKSTATE_ARTIFACTS")
	if dir == "" {
		dir = filepath.Join(os.TempDir(), "rackstate-artifacts")
	}
	require.NoError(b, os.MkdirAll(dir, 0o750))
	picture, err := chromedp.Run(b.ctx, chromedp.FullScreenshot(100))
	require.NoError(b, err)
	path := filepath.Join(dir, name)
	require.NoError(b, os.WriteFile(path, picture, 0o600))
	b.Logf("screenshot: %s", path)
}

// colours makes the page believe that the user prefers a scheme of colours.
func (b *browser) colours(scheme string) {
	b.Helper()
	_, err := chromedp.Call(b.ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{
		{Name: "prefers-color-scheme", Value: scheme}, {Name: "prefers-reduced-motion", Value: "reduce"},
	}})
	require.NoError(b, err)
}

// script runs a script in the page.
func (b *browser) script(text string) {
	b.Helper()
	b.do(chromedp.Steps(func(ctx context.Context, t *chromedp.Target) (chromedp.Void, error) {
		_, err := chromedp.Evaluate[any]("(() => {"+text+"})()")(ctx, t)
		return chromedp.Void{}, err
	}))
}
