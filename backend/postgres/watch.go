package postgres

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/rackstate/rackstate/backend"
)

// pingEvery is after which silence a watch asks whether the server is still there.
const pingEvery = 30 * time.Second

// Watch tells of what any process commits, see [backend.Watcher]. It has a connection of its own, and reads it however long changed takes: what
// comes meanwhile is told together. It returns an error that wraps [backend.ErrClosed] when the store is closed.
func (s *Store) Watch(ctx context.Context, changed func([]backend.Change)) error {
	if err := s.enter(ctx); err != nil {
		if ctx.Err() != nil && !errors.Is(err, backend.ErrClosed) {
			return nil
		}
		return err
	}
	s.watches.Add(1)
	s.gate.RUnlock()
	defer s.watches.Done()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(s.life, cancel)()

	w := &watch{store: s, wake: make(chan struct{}, 1)}
	var err error
	var hearing sync.WaitGroup
	hearing.Go(func() {
		defer cancel()
		err = w.listen(ctx)
	})
	w.tell(ctx, changed)
	hearing.Wait()
	if s.life.Err() != nil {
		return fmt.Errorf("postgres: %s: %w", s.name, backend.ErrClosed)
	}
	return s.advise("watch", err)
}

// watch is one call of Watch.
type watch struct {
	store *Store
	mu    sync.Mutex
	news  news
	wake  chan struct{}
}

// note adds to what is to be told.
func (w *watch) note(add func(n *news)) {
	w.mu.Lock()
	add(&w.news)
	w.mu.Unlock()
	select {
	case w.wake <- struct{}{}:
	default:
	}
}

// tell tells what was heard, until ctx ends.
func (w *watch) tell(ctx context.Context, changed func([]backend.Change)) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-w.wake:
		}
		w.mu.Lock()
		told := w.news
		w.news = news{}
		w.mu.Unlock()
		if told.everything || len(told.versions) > 0 { // the last time may have told it already
			changed(told.changes())
		}
	}
}

// listen listens on one connection after the other. It returns nil when ctx ends, and the error of a server that will never answer.
func (w *watch) listen(ctx context.Context) error {
	wait := shortestWait
	for {
		heard, err := w.hear(ctx)
		switch {
		case ctx.Err() != nil:
			return nil
		case !again(err):
			return err
		case heard:
			wait = shortestWait
		}
		w.store.log.LogAttrs(ctx, slog.LevelWarn, "a watch lost its connection and connects again",
			slog.String("store", w.store.name), slog.Any("error", err))
		if !pause(ctx, wait) {
			return nil
		}
		wait = min(2*wait, longestWait)
	}
}

// hear listens on one connection until it is lost, and reports whether there was one.
func (w *watch) hear(ctx context.Context) (heard bool, err error) {
	conn, err := pgx.ConnectConfig(ctx, w.store.listen)
	if err != nil {
		return false, err
	}
	defer func() {
		// ctx may have ended; the server would take the session for alive.
		closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), idleTimeout)
		defer cancel()
		_ = conn.Close(closing)
	}()
	if _, err := conn.Exec(ctx, "LISTEN "+quote(w.store.channel())); err != nil {
		return false, err
	}
	w.note(func(n *news) { n.everything = true }) // what was committed before was not heard
	for {
		payload, err := next(ctx, conn)
		if err != nil {
			return true, err
		}
		if payload != nil {
			w.note(func(n *news) { n.hear(*payload) })
		}
	}
}

// next waits for a notification, and after a silence for a sign that the server is there; then it returns nil.
func next(ctx context.Context, conn *pgx.Conn) (*string, error) {
	waiting, cancel := context.WithTimeout(ctx, pingEvery)
	defer cancel()
	n, err := conn.WaitForNotification(waiting)
	switch {
	case err == nil:
		return &n.Payload, nil
	case ctx.Err() != nil || !errors.Is(err, context.DeadlineExceeded):
		return nil, err
	}
	limited, stop := context.WithTimeout(ctx, idleTimeout)
	defer stop()
	return nil, conn.Ping(limited)
}
