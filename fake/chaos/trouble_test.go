//go:build unix

package chaos

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/rackstate/rackstate/backend/postgres/pgtest"
)

// trouble is what happens to the controllers and their database. It comes from a seed.
type trouble struct {
	*testing.T
	random *rand.Rand
	all    []*controller
	schema string
	dsn    string
	// lease is how long a lease lasts in real time.
	lease time.Duration
	began time.Time
	going sync.WaitGroup
	seen  map[string]int
}

// kinds are the sorts of trouble. Every one comes before any comes again.
var kinds = []string{"kill -9", "stop for longer than a lease", "cut connections", "restart PostgreSQL"}

// make makes trouble until ctx ends, and has everything stand again when it returns.
func (tr *trouble) make(ctx context.Context) {
	tr.seen = map[string]int{}
	var next []string
	for {
		if len(next) == 0 {
			for _, i := range tr.random.Perm(len(kinds)) {
				next = append(next, kinds[i])
			}
		}
		if !tr.pause(ctx, tr.between(tr.lease/4, tr.lease)) {
			tr.going.Wait()
			return
		}
		tr.begin(next[0])
		next = next[1:]
	}
}

// between draws a time.
func (tr *trouble) between(from, to time.Duration) time.Duration {
	return from + time.Duration(tr.random.Int64N(int64(to-from)))
}

// pause waits, and returns false when ctx has ended.
func (tr *trouble) pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}

// begin makes one trouble. What is done to a controller is undone later, while others go on.
func (tr *trouble) begin(kind string) {
	c := tr.all[tr.random.IntN(len(tr.all))]
	down, frozen := tr.between(tr.lease/4, 2*tr.lease), tr.between(tr.lease*5/4, 2*tr.lease)
	tr.seen[kind]++
	switch kind {
	case "restart PostgreSQL":
		tr.say(kind, "")
		assert.NoError(tr, cluster.Restart(pgtest.Immediate))
	case "cut connections":
		tr.say(kind, c.Name)
		tr.cut(c.Name)
	case "kill -9":
		tr.later(kind, c, down, c.kill, c.start)
	default:
		tr.later(kind, c, frozen, func() error { return c.cmd.Process.Signal(syscall.SIGSTOP) }, func() error { return c.cmd.Process.Signal(syscall.SIGCONT) })
	}
}

// later does something to a controller, and undoes it after a time. A controller to which something is done already is left alone until then.
func (tr *trouble) later(kind string, c *controller, after time.Duration, do, undo func() error) {
	tr.going.Go(func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		tr.say(kind, fmt.Sprintf("%s, for %s", c.Name, after.Round(time.Millisecond)))
		if !assert.NoError(tr, do()) {
			return
		}
		tr.pause(context.WithoutCancel(tr.Context()), after)
		assert.NoError(tr, undo())
	})
}

// cut ends the connections of a controller. That the server is away is as good.
func (tr *trouble) cut(name string) {
	conn, err := raw(tr.Context(), tr.dsn, tr.schema)
	if err != nil {
		return
	}
	defer func() { _ = conn.Close(tr.Context()) }()
	_, _ = conn.Exec(tr.Context(), "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE $1 || '#%'", name)
}

func (tr *trouble) say(kind, whom string) {
	tr.Logf("%6s  %s %s", time.Since(tr.began).Round(10*time.Millisecond), kind, whom)
}
