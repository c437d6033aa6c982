package rest

import (
	"sync"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/lifecycle"
)

// Feed is the lifecycle.Observer that wakes streams of events when something has happened. It is given to the controller first and to the handler then:
//
//	feed := rest.NewFeed(metrics)
//	ctl, err := lifecycle.NewController(ctx, store, lifecycle.Config{Observer: feed}, kinds...)
//	handler, err := rest.New(ctl, rest.Config{Feed: feed, ...})
//
// It keeps nothing of what it is told: streams read the store's history. One Feed may wake many handlers.
type Feed struct {
	lifecycle.Observer // the next one, for all that the Feed does not want to know

	mu sync.Mutex
	ch chan struct{} // closed at the next transition; nil while nobody waits
}

var _ lifecycle.Observer = (*Feed)(nil)

// NewFeed returns a Feed that passes everything on to another observer, nil for none.
func NewFeed(next lifecycle.Observer) *Feed {
	if next == nil {
		next = lifecycle.NoObserver{}
	}
	return &Feed{Observer: next}
}

// changed returns a channel that is closed at the next transition. A reader takes it before it looks, so that nothing falls between.
func (f *Feed) changed() <-chan struct{} {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.ch == nil {
		f.ch = make(chan struct{})
	}
	return f.ch
}

// Transitioned wakes everybody who waits. It holds the controller up for no longer than it takes to close a channel.
func (f *Feed) Transitioned(t backend.Transition) {
	f.mu.Lock()
	if f.ch != nil {
		close(f.ch)
		f.ch = nil
	}
	f.mu.Unlock()
	f.Observer.Transitioned(t)
}
