package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/rackstate/rackstate/lifecycle/rest"
)

// graceful is how long requests may take to end when the server stops.
const graceful = 10 * time.Second

// serve runs the server until ctx ends.
func serve(ctx context.Context, o options, out io.Writer) (err error) {
	shared := &lockedWriter{out: out}
	logger := slog.New(slog.NewTextHandler(shared, &slog.HandlerOptions{Level: slog.LevelWarn}))
	inv, err := open(ctx, o, shared, logger)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, inv.close()) }()
	var lc net.ListenConfig
	listener, err := lc.Listen(ctx, "tcp", o.addr)
	if err != nil {
		return err
	}
	inv.welcome(shared, listener.Addr().String(), o.db)
	return inv.work(ctx, listener)
}

// work serves requests, delivers webhooks and lets time pass until ctx ends, or one of them fails. Requests end first: what they have written is then delivered at the next start.
func (inv *inventory) work(ctx context.Context, listener net.Listener) error {
	server := rest.NewServer("", inv.handler)
	inner, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	var parts sync.WaitGroup
	part := func(run func(context.Context) error) {
		parts.Go(func() {
			if err := run(inner); err != nil {
				stop(err)
			}
		})
	}
	part(inv.sender.Run)
	part(inv.drive)
	part(func(context.Context) error {
		if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			return err
		}
		return nil
	})
	<-inner.Done()
	why := context.Cause(inner)
	late, cancel := context.WithTimeout(context.WithoutCancel(ctx), graceful)
	defer cancel()
	err := server.Shutdown(late)
	parts.Wait()
	if errors.Is(why, context.Canceled) {
		why = nil
	}
	return errors.Join(why, err)
}

// welcome says where everything is, and what to try.
func (inv *inventory) welcome(out io.Writer, addr, db string) {
	fmt.Fprintf(out, `The inventory listens on http://%s, its records are in %s.
The page at / asks for the token for reading. The API is described at /openapi.json. In another terminal:

  export SITE=http://%s
  export READ="Authorization: Bearer %s"
  export WRITE="Authorization: Bearer %s"
  curl -s -H "$READ" $SITE/v1/nodes
  curl -s -H "$READ" $SITE/v1/nodes/r1-node-1/moves
  curl -s -H "$WRITE" --json '{"to":"maintenance","note":"fan 3 is loud"}' $SITE/v1/nodes/r1-node-1/transitions

`, addr, db, addr, inv.tokens.read, inv.tokens.write)
}

// lockedWriter lets several goroutines print lines.
type lockedWriter struct {
	mu  sync.Mutex
	out io.Writer
}

// Write writes.
func (w *lockedWriter) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.out.Write(p)
}
