package postgres

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/rackstate/rackstate/backend"
)

// The wait between two attempts begins with the shortest and doubles up to the longest.
const (
	shortestWait = 10 * time.Millisecond
	longestWait  = time.Second
)

// persist makes attempts until one succeeds, fails in a way that does not pass, or Config.RetryFor is over. An attempt that fails must have
// changed nothing. It gives up when ctx ends or the store is closed.
func (s *Store) persist(ctx context.Context, doing string, attempt func() error) error {
	err := attempt()
	if err == nil || !again(err) {
		return err
	}
	waiting, cancel := context.WithTimeout(s.life, s.config.RetryFor)
	defer cancel()
	defer context.AfterFunc(ctx, cancel)()
	for wait := shortestWait; pause(waiting, wait); wait = min(2*wait, longestWait) {
		s.log.LogAttrs(ctx, slog.LevelWarn, "the database asks to try again",
			slog.String("store", s.name), slog.String("doing", doing), slog.Any("error", err))
		if err = attempt(); err == nil || !again(err) {
			return err
		}
	}
	if s.life.Err() != nil {
		return fmt.Errorf("%w: %w", backend.ErrClosed, err)
	}
	return err
}
