package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/term"
)

// source is where commands come from.
type source interface {
	// next returns the next line, io.EOF after the last.
	next(prompt string) (string, error)
	// person reports whether somebody sits there, who sees an error and types something else.
	person() bool
}

// newSource reads from a person if in is a terminal, and from a script otherwise.
func newSource(in io.Reader, out io.Writer, complete func(string) string) source {
	if f, ok := in.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		return newConsole(f, out, complete)
	}
	return &script{lines: bufio.NewScanner(in), out: out}
}

// script echoes every command before its output, so that the whole is a transcript.
type script struct {
	lines *bufio.Scanner
	out   io.Writer
}

func (s *script) next(prompt string) (string, error) {
	for s.lines.Scan() {
		line := strings.TrimSpace(s.lines.Text())
		switch {
		case line == "":
		case strings.HasPrefix(line, "#"):
			say(s.out, "\n%s\n", line)
		default:
			say(s.out, "%s%s\n", prompt, line)
			return line, nil
		}
	}
	if err := s.lines.Err(); err != nil {
		return "", fmt.Errorf("read commands: %w", err)
	}
	return "", io.EOF
}

func (s *script) person() bool { return false }

// console is a terminal with line editing, a history of commands and completion. It is raw only while a line is read, so that output and Ctrl-C are as usual while
// a command runs.
type console struct {
	fd   int
	out  io.Writer
	edit *term.Terminal
}

func (c *console) person() bool { return true }

func newConsole(in *os.File, out io.Writer, complete func(string) string) *console {
	c := &console{fd: int(in.Fd()), out: out}
	c.edit = term.NewTerminal(struct {
		io.Reader
		io.Writer
	}{in, out}, "")
	c.edit.AutoCompleteCallback = func(line string, pos int, key rune) (string, int, bool) {
		if key != '\t' || pos != len(line) {
			return "", 0, false
		}
		line = complete(line)
		return line, len(line), true
	}
	return c
}

func (c *console) next(prompt string) (line string, err error) {
	was, err := term.MakeRaw(c.fd)
	if err != nil {
		return "", fmt.Errorf("terminal: %w", err)
	}
	defer func() {
		if e := term.Restore(c.fd, was); err == nil {
			err = e
		}
		if errors.Is(err, io.EOF) {
			say(c.out, "\n")
		}
	}()
	if width, height, err := term.GetSize(c.fd); err == nil && width > 0 {
		if err := c.edit.SetSize(width, height); err != nil {
			return "", fmt.Errorf("terminal: %w", err)
		}
	}
	c.edit.SetPrompt(prompt)
	return c.edit.ReadLine()
}
