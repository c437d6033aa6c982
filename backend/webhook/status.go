package webhook

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
)

// State is how it is with a subscriber.
type State string

// The states of a subscriber.
const (
	// Current: it has been told of everything.
	Current State = "current"
	// Behind: it is being told.
	Behind State = "behind"
	// Failing: the last delivery failed, and is tried again.
	Failing State = "failing"
	// Dead: nothing was delivered for Config.DeadAfter, or the receiver says that it is gone. It is tried again all the same.
	Dead State = "dead"
)

// Status is how far a subscriber has come.
type Status struct {
	// Name names the subscriber, Target is the scheme and host of its address.
	Name   string `json:"name"`
	Target string `json:"target"`
	State  State  `json:"state"`
	// Cursor is the position of the last transition that it is done with, Lag how many positions the history is ahead, those included that its filter leaves out.
	Cursor uint64 `json:"cursor"`
	Lag    uint64 `json:"lag"`
	// Failures counts the failed attempts since the last success, Since is when the first of them was, LastError why the last one failed. Zero: none has failed.
	Failures  int       `json:"failures,omitempty"`
	Since     time.Time `json:"since,omitzero"`
	LastError string    `json:"last_error,omitempty"`
	// NextTry is when the next attempt begins, Waiting when the oldest transition happened that waits for it.
	NextTry time.Time `json:"next_try,omitzero"`
	Waiting time.Time `json:"waiting,omitzero"`
}

// Status returns how far each subscriber has come, in the order of their names. The error is what the store said.
func (s *Sender) Status(ctx context.Context) ([]Status, error) {
	last, err := s.store.LastPosition(ctx)
	if err != nil {
		return nil, fmt.Errorf("webhook status: %w", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	out := make([]Status, 0, len(s.subs))
	for _, sub := range s.subs {
		out = append(out, s.statusOf(sub, last))
	}
	slices.SortFunc(out, func(a, b Status) int { return strings.Compare(a.Name, b.Name) })
	return out, nil
}

func (s *Sender) statusOf(sub *subscription, last uint64) Status {
	f := sub.feed.Status()
	st := Status{Name: sub.Name, Target: sub.target(), Cursor: f.Cursor, Failures: f.Failures, Since: f.Since, NextTry: f.Next, Waiting: f.Waiting, State: Current}
	if last > f.Cursor {
		st.Lag, st.State = last-f.Cursor, Behind
	}
	if f.Err == nil {
		return st
	}
	st.LastError, st.State = f.Err.Error(), Failing
	var failure *DeliveryError
	gone := errors.As(f.Err, &failure) && failure.Status == http.StatusGone
	if gone || s.clock.Now().Sub(f.Since) >= s.cfg.DeadAfter {
		st.State = Dead
	}
	return st
}
