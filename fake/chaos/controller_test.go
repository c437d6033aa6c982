//go:build unix

package chaos

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rackstate/rackstate/backend/postgres"
	"github.com/rackstate/rackstate/fake/remote"
	"github.com/rackstate/rackstate/lifecycle"
	"github.com/rackstate/rackstate/rack"
)

// quiet is the log of those who have nothing to say.
var quiet = slog.New(slog.DiscardHandler)

// order is what a controller must know.
type order struct {
	Name, DSN, Schema, Socket string
	Racks                     int
	Lease                     time.Duration
}

// control is a controller in a process of its own, until it is asked to stop or whoever started it is gone.
func control(ctx context.Context, text string) (err error) {
	var o order
	if err := json.Unmarshal([]byte(text), &o); err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(ctx, syscall.SIGTERM)
	defer stop()
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin) // ends with whoever started it
		stop()
	}()
	site, err := remote.Dial(ctx, o.Socket)
	if err != nil {
		return err
	}
	defer site.Close()
	log := slog.New(slog.NewTextHandler(os.Stderr, nil)).With("controller", o.Name)
	store, err := postgres.Open(ctx, o.DSN, postgres.Config{Schema: o.Schema, Connections: 2, Logger: log})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	last, end := context.WithCancel(context.WithoutCancel(ctx))
	defer end()
	m, err := rack.NewManager(ctx, site.Pace().Leases(store), managed(o.Racks, site, lifecycle.Config{
		Clock: site.Clock(last), Logger: log, Owner: o.Name, LeaseTTL: o.Lease, Workers: 4, BackoffMax: 15 * time.Second,
	}))
	if err != nil {
		return err
	}
	return m.Run(ctx)
}

// controller is one of the three, whichever process it is at the moment.
type controller struct {
	order
	log  *logFile
	life int // how many processes it was

	mu    sync.Mutex // held by whoever does something to it
	cmd   *exec.Cmd
	stdin io.Closer
}

// logFile collects what all processes of all controllers write.
type logFile struct {
	mu   sync.Mutex
	text strings.Builder
}

// Write adds to the log.
func (l *logFile) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *logFile) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// start makes a new process of the controller. Its connections carry its name and how many there were before it.
func (c *controller) start() error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	c.life++
	o := c.order
	o.DSN = named(o.DSN, o.Name, c.life)
	text, err := json.Marshal(o)
	if err != nil {
		return err
	}
	cmd := exec.Command(self) // it ends when its standard input does
	cmd.Env = append(os.Environ(), childVar+"="+string(text))
	cmd.Stdout, cmd.Stderr = c.log, c.log
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return err
	}
	c.cmd, c.stdin = cmd, stdin
	return cmd.Start()
}

// kill is kill -9.
func (c *controller) kill() error {
	if err := c.cmd.Process.Kill(); err != nil {
		return err
	}
	_ = c.cmd.Wait() // it says that it was killed
	return nil
}

// stop ends the controller in good order.
func (c *controller) stop(t *testing.T) {
	t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	require.NoError(t, c.cmd.Process.Signal(syscall.SIGTERM))
	assert.NoError(t, c.cmd.Wait(), "%s did not stop in good order", c.Name)
	c.cmd = nil
}
