//go:build unix

package crash

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"

	lite "zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/backend/memory"
	"github.com/rackstate/rackstate/backend/sqlite"
	"github.com/rackstate/rackstate/fake/crash/internal/hall"
	"github.com/rackstate/rackstate/fake/crash/internal/witness"
)

// run is one run of the site, in as many processes as it takes.
type run struct {
	folder  string
	scratch string
	account *witness.Account
	hasty   bool
}

// life is what one process did.
type life struct {
	killed bool
	// step is the last that it has reached, journal how long the journal of the hardware was when it last told something.
	step    string
	journal int64
}

// live starts a process and kills it as the blow says. nil for the blow lets it live.
func (r *run) live(ctx context.Context, b *blow) (life, error) {
	var l life
	self, err := os.Executable()
	if err != nil {
		return l, err
	}
	read, write, err := os.Pipe()
	if err != nil {
		return l, err
	}
	defer func() { _ = read.Close() }()
	var out bytes.Buffer
	cmd := exec.CommandContext(ctx, self)
	cmd.Env = append(os.Environ(), childVar+"="+r.folder)
	if r.hasty {
		cmd.Env = append(cmd.Env, hastyVar+"=1")
	}
	cmd.Stdout, cmd.Stderr, cmd.ExtraFiles = &out, &out, []*os.File{write}
	if err := errors.Join(cmd.Start(), write.Close()); err != nil {
		return l, err
	}
	heard := r.hear(ctx, &l, read, cmd.Process, b)
	err = cmd.Wait()
	l.killed = killed(err)
	if err != nil && !l.killed {
		return l, fmt.Errorf("the process failed by itself: %w\n%s", err, &out)
	}
	return l, heard
}

// hear listens to a process until its end, and strikes.
func (r *run) hear(ctx context.Context, l *life, from io.Reader, p *os.Process, b *blow) error {
	var blows sync.WaitGroup
	defer blows.Wait()
	left := -1
	if b != nil {
		left = b.nth
	}
	seen := func(sign string) {
		if left > 0 && sign == b.sign {
			if left--; left == 0 {
				blows.Go(func() { strike(p, b.delay) })
			}
		}
	}
	seen("")
	for lines := json.NewDecoder(from); ; {
		var m message
		if err := lines.Decode(&m); err != nil {
			if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
				return nil // the end of the process, maybe in the middle of a sentence
			}
			return err
		}
		seen(m.sign())
		l.journal = m.Journal
		if m.Event == nil {
			l.step = m.Step
		} else if err := r.account.Told(ctx, *m.Event); err != nil {
			_ = p.Kill()
			return err
		}
	}
}

// killed says whether a process ended by SIGKILL.
func killed(err error) bool {
	var exit *exec.ExitError
	if !errors.As(err, &exit) {
		return false
	}
	status, ok := exit.Sys().(syscall.WaitStatus)
	return ok && status.Signaled() && status.Signal() == syscall.SIGKILL
}

// where says in words where a process was killed: in which call, which the file has or has not, or in none.
func (r *run) where(l life, call *witness.Event, landed bool) string {
	grown := false
	if info, err := os.Stat(filepath.Join(r.folder, hall.JournalFile)); err == nil {
		grown = info.Size() > l.journal
	}
	what := "a commit"
	if call != nil && call.Move != nil {
		what = "the move of a cursor"
	}
	switch {
	case call != nil && landed:
		return "inside " + what + ", which the file has"
	case call != nil:
		return "inside " + what + ", which the file has not"
	case grown:
		return "after an order to the hardware, before its commit"
	case l.step == "":
		return "before the first instruction of ours"
	case l.step == started:
		return "while the store was opened"
	case l.step == hall.Opened:
		return "while the controller loaded"
	case l.step == hall.Over:
		return "while everything was closed"
	default:
		return "between two calls to the store"
	}
}

// settle looks at copies of the files, so that the next process finds them as the kill has left them, and compares with the account.
func (r *run) settle(ctx context.Context) (landed bool, err error) {
	if err := errors.Join(os.RemoveAll(r.scratch), os.Mkdir(r.scratch, 0o700)); err != nil {
		return false, err
	}
	files, err := filepath.Glob(filepath.Join(r.folder, hall.StoreFile+"*"))
	if err != nil {
		return false, err
	}
	if len(files) == 0 {
		return r.account.Settle(ctx, memory.New())
	}
	for _, name := range files {
		if strings.HasSuffix(name, "-shm") { // it is made anew from the log
			continue
		}
		text, err := os.ReadFile(name)
		if err == nil {
			err = os.WriteFile(filepath.Join(r.scratch, filepath.Base(name)), text, 0o600)
		}
		if err != nil {
			return false, err
		}
	}
	path := filepath.Join(r.scratch, hall.StoreFile)
	store, err := sqlite.Open(ctx, path, sqlite.Config{Readers: 1})
	if err != nil {
		return false, err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	if landed, err = r.account.Settle(ctx, store); err != nil {
		return landed, err
	}
	return landed, integrity(path)
}

// integrity has SQLite check a file.
func integrity(path string) (err error) {
	conn, err := lite.OpenConn(path, lite.OpenReadOnly)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, conn.Close()) }()
	return sqlitex.ExecuteTransient(conn, "PRAGMA integrity_check", &sqlitex.ExecOptions{ResultFunc: func(row *lite.Stmt) error {
		if text := row.ColumnText(0); text != "ok" {
			return fmt.Errorf("%w: %s", backend.ErrCorrupt, text)
		}
		return nil
	}})
}
