package pgtest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"
)

// Config says what kind of cluster it is. The zero value is right for most tests.
type Config struct {
	// Fsync makes the server wait for the disk as in production. Benchmarks need it; killing the server loses nothing without it.
	Fsync bool
	// Bin is the folder of the server's programs. Default: the environment variable RACKSTATE_POSTGRES_BIN, the path, Debian's folders.
	Bin string
	// Settings are settings of the server in the form of postgresql.conf, for example "max_connections = 20".
	Settings []string
}

// Mode says how a server stops.
type Mode string

// The ways to stop a server.
const (
	// Fast ends the sessions and writes all out.
	Fast Mode = "fast"
	// Immediate is like a crash: the next start recovers from the log.
	Immediate Mode = "immediate"
)

// controlTime bounds every call of the server's programs.
const controlTime = 2 * time.Minute

// Cluster is a PostgreSQL server with its data. New makes one; it is safe for concurrent use.
type Cluster struct {
	config Config

	mu      sync.Mutex
	started bool
	paused  bool
	err     error // why it does not run
	bin     string
	folder  string // what Stop removes
	user    *account
	guard   io.Closer // keeps the cluster alive
	guarded *exec.Cmd
}

// New describes a cluster; Start starts it.
func New(config Config) *Cluster { return &Cluster{config: config} }

// Main runs the tests of a package, stops the cluster, and returns the code for os.Exit.
func (c *Cluster) Main(m interface{ Run() int }) int {
	code := m.Run()
	if err := c.Stop(); err != nil {
		fmt.Fprintln(os.Stderr, "pgtest:", err)
		return max(code, 1)
	}
	return code
}

// Start returns the connection string of the cluster, which it starts at the first call. The database holds nothing; its default collation
// differs from the order of bytes where the server can do that, so that a forgotten COLLATE shows. Without binaries the test is skipped, or
// fails with RACKSTATE_CI=1.
func (c *Cluster) Start(tb testing.TB) string {
	tb.Helper()
	dsn, err := c.DSN()
	switch {
	case errors.Is(err, ErrNoBinaries) && os.Getenv(ciVariable) != "1":
		fmt.Fprintf(os.Stderr, "pgtest: %s DID NOT RUN: %v\n", tb.Name(), err)
		tb.Skipf("DID NOT RUN: %v; install PostgreSQL (Debian: apt-get install postgresql) or set %s", err, binVariable)
	case err != nil:
		tb.Fatalf("pgtest: %v", err)
	}
	return dsn
}

// DSN returns the connection string of the cluster, which it starts at the first call, for a program that is no test. The error wraps ErrNoBinaries when there is no server to start.
func (c *Cluster) DSN() (string, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.started {
		c.started = true
		if c.err = c.create(); c.err != nil {
			c.err = errors.Join(c.err, c.remove())
		}
	}
	return fmt.Sprintf("host=%s port=5432 user=postgres dbname=rackstate", c.folder), c.err
}

// Stop ends the server and removes its data. Stopping a cluster that does not run returns nil.
func (c *Cluster) Stop() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.started || c.err != nil {
		return nil
	}
	c.err = errors.New("the cluster was stopped")
	var err error
	if !c.paused {
		err = c.control("-m", string(Immediate), "stop")
	}
	return errors.Join(err, c.remove())
}

// Pause stops the server in the given mode and keeps its data. Resume starts it again.
func (c *Cluster) Pause(mode Mode) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	err := c.control("-m", string(mode), "stop")
	c.paused = err == nil
	return err
}

// Resume starts the server after Pause and returns when it takes connections.
func (c *Cluster) Resume() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.launch()
}

// launch starts the server.
func (c *Cluster) launch() error {
	err := c.control("-l", filepath.Join(c.folder, "log"), "start")
	c.paused = err != nil
	return err
}

// Restart stops the server in the given mode and starts it again at once.
func (c *Cluster) Restart(mode Mode) error {
	return errors.Join(c.Pause(mode), c.Resume())
}

// Log returns what the server has written, for the message of a failure.
func (c *Cluster) Log() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	text, err := os.ReadFile(filepath.Join(c.folder, "log"))
	if err != nil {
		return err.Error()
	}
	return string(text)
}

// control calls pg_ctl and waits for the end of what it does.
func (c *Cluster) control(args ...string) error {
	return c.run("pg_ctl", append([]string{"-D", c.data(), "-w", "-t", "60", "-s"}, args...)...)
}

// data is the folder of the server's files.
func (c *Cluster) data() string { return filepath.Join(c.folder, "data") }

// run calls one of the server's programs.
func (c *Cluster) run(name string, args ...string) error {
	ctx, cancel := context.WithTimeout(context.Background(), controlTime)
	defer cancel()
	cmd := exec.CommandContext(ctx, filepath.Join(c.bin, name), args...)
	cmd.Dir = c.folder
	c.user.apply(cmd)
	// A file and no pipe: the server inherits it, and a pipe would stay open as long as the server runs.
	out, err := os.CreateTemp(c.folder, "out-*")
	if err != nil {
		return err
	}
	defer func() { _ = out.Close() }() // it was read before
	cmd.Stdout, cmd.Stderr = out, out
	if err := cmd.Run(); err != nil {
		text, _ := os.ReadFile(out.Name()) // without it the error says enough
		return fmt.Errorf("%s %v: %w: %s", name, args, err, text)
	}
	return os.Remove(out.Name())
}
