package pgtest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/jackc/pgx/v5"
)

// guardScript ends the server and removes its folder when its standard input ends, which happens when the test binary is gone.
const guardScript = `cat >/dev/null; if [ -f data/postmaster.pid ]; then kill -QUIT "$(head -n 1 data/postmaster.pid)"; fi; cd /; rm -rf "$1"`

// create makes a cluster, starts the server and creates the database.
func (c *Cluster) create() (err error) {
	if c.bin, err = findBinaries(c.config.Bin); err != nil {
		return err
	}
	if c.user, err = findAccount(); err != nil {
		return err
	}
	if c.folder, err = os.MkdirTemp("", "rackstate-pg-"); err != nil {
		return err
	}
	if err := c.user.own(c.folder); err != nil {
		return err
	}
	if err := c.watch(); err != nil {
		return err
	}
	if err := c.run("initdb", "-D", c.data(), "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync", "--no-instructions"); err != nil {
		return err
	}
	if err := c.configure(); err != nil {
		return err
	}
	if err := c.launch(); err != nil {
		return err
	}
	return c.createDatabase()
}

// watch starts the process that ends the server when the tests are killed.
func (c *Cluster) watch() error {
	cmd := exec.Command("/bin/sh", "-c", guardScript, "sh", c.folder)
	cmd.Dir = c.folder
	c.user.apply(cmd)
	guard, err := cmd.StdinPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start the guard of the cluster: %w", err)
	}
	c.guard, c.guarded = guard, cmd
	return nil
}

// configure appends to the server's settings.
func (c *Cluster) configure() error {
	lines := []string{
		"listen_addresses = ''",
		fmt.Sprintf("unix_socket_directories = '%s'", c.folder),
		"log_line_prefix = '%m [%p] %a: '",
	}
	if !c.config.Fsync {
		lines = append(lines, "fsync = off", "full_page_writes = off")
	}
	file, err := os.OpenFile(filepath.Join(c.data(), "postgresql.conf"), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = file.WriteString("\n" + strings.Join(append(lines, c.config.Settings...), "\n") + "\n")
	return errors.Join(err, file.Close())
}

// createDatabase creates the database of the tests, with a collation for people where the server has one.
func (c *Cluster) createDatabase() (err error) {
	ctx, cancel := context.WithTimeout(context.Background(), controlTime)
	defer cancel()
	conn, err := pgx.Connect(ctx, fmt.Sprintf("host=%s port=5432 user=postgres dbname=postgres", c.folder))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, conn.Close(ctx)) }()
	if _, err := conn.Exec(ctx, "CREATE DATABASE rackstate TEMPLATE template0 LOCALE_PROVIDER icu ICU_LOCALE 'en'"); err == nil {
		return nil
	}
	// Servers before 15, and those built without ICU, have no such collation.
	_, err = conn.Exec(ctx, "CREATE DATABASE rackstate TEMPLATE template0")
	return err
}

// remove ends the guard, which removes the folder.
func (c *Cluster) remove() error {
	if c.guard == nil {
		return os.RemoveAll(c.folder)
	}
	return errors.Join(c.guard.Close(), c.guarded.Wait())
}
