package outbox

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/rackstate/rackstate/backend"
)

// Deliver hands on one batch and moves the cursor behind what was taken over. It returns how many rows that were, 0 when there are none. It uses no timer. After an error the
// next batch begins with the row that was not taken over; Status says when Run would try again.
func (f *Feed) Deliver(ctx context.Context) (n int, err error) {
	f.work.Lock()
	defer f.work.Unlock()
	n, waiting, err := f.deliver(ctx)
	if err != nil && ctx.Err() != nil { // the caller stops: that is nobody's failure
		f.note(func(s *Status) { s.Busy = false })
		return n, err
	}
	f.settle(ctx, n, waiting, err)
	return n, err
}

func (f *Feed) deliver(ctx context.Context) (n int, waiting time.Time, err error) {
	at, seeks, err := f.position(ctx)
	if err != nil {
		return 0, time.Time{}, err
	}
	rows, err := f.store.History(ctx, backend.HistoryQuery{After: at, Limit: f.cfg.Batch})
	if err != nil {
		return 0, time.Time{}, fmt.Errorf("read the history behind %d: %w", at, err)
	}
	if len(rows) == 0 {
		return 0, time.Time{}, nil
	}
	f.note(func(s *Status) { s.Busy = true })
	done, err := f.hand(ctx, rows)
	if err != nil && done < len(rows) {
		waiting = rows[done].At
	}
	if done == 0 {
		return 0, waiting, err
	}
	to := rows[done-1].Position
	// What was taken over is noted even when the caller stops: it would only be handed on again.
	set := f.store.SetCursor(context.WithoutCancel(ctx), f.cfg.Name, at, to)
	switch {
	case set == nil:
		f.moved(to, seeks)
	case errors.Is(set, backend.ErrConflict): // somebody has moved the cursor
		f.forget()
	default:
		f.forget()
		err = errors.Join(err, fmt.Errorf("cursor %s: %w", f.cfg.Name, set))
	}
	return done, waiting, err
}

// hand calls take. It makes a panic an error, and insists on one when nothing was taken over.
func (f *Feed) hand(ctx context.Context, rows []backend.Transition) (done int, err error) {
	defer func() {
		if r := recover(); r != nil {
			done, err = 0, fmt.Errorf("panic: %v", r)
		}
	}()
	done, err = f.take(ctx, rows)
	done = min(max(done, 0), len(rows))
	if err == nil && done == 0 {
		err = fmt.Errorf("none of %d transitions was taken over", len(rows))
	}
	return done, err
}

// settle notes how an attempt ended.
func (f *Feed) settle(ctx context.Context, n int, waiting time.Time, err error) {
	var before Status
	f.note(func(s *Status) {
		before = *s
		s.Busy = false
		if err == nil {
			*s = Status{Cursor: s.Cursor}
			return
		}
		now := f.cfg.Clock.Now()
		if n > 0 || s.Failures == 0 { // what was taken over in part is progress: the backoff begins anew
			s.Failures, s.Since = 0, now
		}
		s.Failures++
		s.Err, s.Waiting = err, waiting
		s.Next = now.Add(f.backoff(s.Failures, err))
	})
	after := f.Status()
	switch {
	case err != nil:
		f.cfg.Logger.LogAttrs(ctx, slog.LevelWarn, "transitions were not taken over", slog.String("reader", f.cfg.Name), slog.Uint64("cursor", after.Cursor),
			slog.Int("failures", after.Failures), slog.Time("retry_at", after.Next), slog.Any("error", err))
	case before.Err != nil:
		f.cfg.Logger.LogAttrs(ctx, slog.LevelInfo, "transitions are taken over again", slog.String("reader", f.cfg.Name), slog.Uint64("cursor", after.Cursor),
			slog.Int("failures", before.Failures))
	}
}

func (f *Feed) note(change func(*Status)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	change(&f.status)
}

// Run hands on what there is and then what comes, until ctx ends; it returns nil. After a failure it waits and tries again, for ever. What another process commits is
// noticed when the store tells of it, see backend.Watcher.
func (f *Feed) Run(ctx context.Context) error {
	watched := f.watch(ctx)
	defer func() { <-watched }()
	for {
		select { // a request to retry at once is for a backoff that ran when it was made
		case <-f.retry:
		default:
		}
		n, err := f.Deliver(ctx)
		switch {
		case ctx.Err() != nil:
			return nil
		case err != nil:
			f.pause(ctx)
		case n == 0:
			select {
			case <-f.wake:
			case <-ctx.Done():
			}
		}
		if ctx.Err() != nil {
			return nil
		}
	}
}

// watch wakes the feed for what other processes commit. The channel is closed when it has ended.
func (f *Feed) watch(ctx context.Context) <-chan struct{} {
	ended := make(chan struct{})
	w, ok := f.store.(backend.Watcher)
	if !ok {
		close(ended)
		return ended
	}
	go func() {
		defer close(ended)
		if err := w.Watch(ctx, func([]backend.Change) { f.Wake() }); err != nil && ctx.Err() == nil {
			f.cfg.Logger.LogAttrs(ctx, slog.LevelError, "the store does not tell any more what others commit", slog.String("reader", f.cfg.Name), slog.Any("error", err))
		}
	}()
	return ended
}

// pause waits until the next attempt.
func (f *Feed) pause(ctx context.Context) {
	wait := f.Status().Next.Sub(f.cfg.Clock.Now())
	if wait <= 0 {
		return
	}
	timer := f.cfg.Clock.Timer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-f.retry:
	case <-ctx.Done():
	}
}

// backoff is the time until the next attempt: doubled at every failure, give or take a tenth, and longer if the receiver asks for that.
func (f *Feed) backoff(failures int, err error) time.Duration {
	d := f.cfg.BackoffMin << min(failures-1, 20)
	if d > f.cfg.BackoffMax || d <= 0 {
		d = f.cfg.BackoffMax
	}
	var asked interface{ RetryAfter() time.Duration }
	if errors.As(err, &asked) {
		d = min(max(d, asked.RetryAfter()), f.cfg.BackoffMax)
	}
	span := uint64(d) / 5
	if span == 0 {
		return d
	}
	return d - time.Duration(span/2) + time.Duration(mix(f.cfg.Seed, f.cfg.Name, uint64(failures))%span)
}

// mix hashes with FNV-1a: jitter must be the same in every process.
func mix(seed uint64, name string, n uint64) uint64 {
	const prime = 1099511628211
	h := uint64(14695981039346656037) ^ seed
	for i := range len(name) {
		h = (h ^ uint64(name[i])) * prime
	}
	for range 8 {
		h = (h ^ n&0xff) * prime
		n >>= 8
	}
	return h ^ h>>29
}
