package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"syscall"
)

// replica is a controller in a process of its own.
type replica struct {
	name string
	cmd  *exec.Cmd
	// ended is closed when the process has ended, with err.
	ended chan struct{}
	err   error
}

// start runs this program once more, as a controller.
func start(ctx context.Context, o options, name, socket string) (*replica, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, self, "-controller", name, "-hardware", socket, "-dsn", o.dsn, "-schema", o.schema,
		"-racks", fmt.Sprint(o.racks), "-lease", o.lease.String())
	cmd.Stderr = os.Stderr
	if _, err := cmd.StdinPipe(); err != nil { // it closes when this process ends, however it ends
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	r := &replica{name: name, cmd: cmd, ended: make(chan struct{})}
	go func() {
		r.err = cmd.Wait()
		close(r.ended)
	}()
	return r, nil
}

// kill ends the process without a chance to do anything about it.
func (r *replica) kill() error {
	if err := r.cmd.Process.Kill(); err != nil {
		return err
	}
	<-r.ended
	return nil
}

// stop asks the process to end, and waits for that.
func (r *replica) stop() error {
	err := r.cmd.Process.Signal(syscall.SIGTERM)
	if errors.Is(err, os.ErrProcessDone) {
		err = nil
	}
	<-r.ended
	if r.err != nil {
		return fmt.Errorf("controller %s: %w", r.name, r.err)
	}
	return err
}
