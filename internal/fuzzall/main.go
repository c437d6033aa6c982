// Command fuzzall runs every fuzz target of the repository, one after the other, each for the same time:
//
//	go run ./internal/fuzzall -time 10m
//
// It prints a line for each target and exits with 1 when one of them fails. It copies nothing: what the fuzzer finds interesting stays in the build
// cache, and an input that fails is written by the go command to testdata/fuzz of its package, from where `go test` repeats it.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"
	"strings"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, os.Args[1:], os.Stdout)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "fuzzall:", err)
		os.Exit(1)
	}
}

// row is a line of the table.
const row = "%-48v %11s %11s  %s\n"

// errFailed says that a target failed; the table says which.
var errFailed = errors.New("a target failed")

func run(ctx context.Context, args []string, out io.Writer) error {
	set := flag.NewFlagSet("fuzzall", flag.ContinueOnError)
	set.SetOutput(out)
	root := set.String("root", ".", "the folder below which targets are looked for")
	length := set.String("time", "1m", "how long each runs: a duration, or a number of executions such as 1000x")
	workers := set.Int("parallel", 1, "how many inputs run side by side")
	only := set.String("only", "", "runs the targets whose folder and name match this regular expression")
	if err := set.Parse(args); err != nil {
		return err
	}
	match, err := regexp.Compile(*only)
	if err != nil {
		return err
	}
	all, err := targets(*root)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, row, "target", "executions", "new inputs", "result")
	failed := false
	for _, t := range all {
		if !match.MatchString(t.String()) {
			continue
		}
		text, err := t.fuzz(ctx, *length, *workers)
		execs, found := counts(text)
		result := "ok"
		if err != nil {
			failed, result = true, err.Error()
		}
		fmt.Fprintf(out, row, t, execs, found, result)
		if err != nil {
			fmt.Fprintln(out, tail(text, 40))
		}
		if err := ctx.Err(); err != nil {
			return err
		}
	}
	if failed {
		return errFailed
	}
	return nil
}

// target is a fuzz function and the folder of its package.
type target struct{ dir, name string }

func (t target) String() string { return filepath.ToSlash(t.dir) + " " + t.name }

// targets finds all fuzz functions below a folder, in the order of folder and file. Modules inside of others are searched too.
func targets(root string) ([]target, error) {
	var all []target
	err := filepath.WalkDir(root, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := e.Name()
		switch {
		case e.IsDir() && path != root && (name == "testdata" || name == "vendor" || strings.HasPrefix(name, ".") || strings.HasPrefix(name, "_")):
			return fs.SkipDir
		case e.IsDir() || !strings.HasSuffix(name, "_test.go"):
			return nil
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		for _, d := range file.Decls {
			if f, ok := d.(*ast.FuncDecl); ok && f.Recv == nil && strings.HasPrefix(f.Name.Name, "Fuzz") {
				all = append(all, target{dir: filepath.Dir(path), name: f.Name.Name})
			}
		}
		return nil
	})
	return all, err
}

// fuzz runs one target in its folder, and so in its module, and returns what the go command said.
func (t target) fuzz(ctx context.Context, length string, workers int) (string, error) {
	cmd := exec.CommandContext(ctx, "go", "test", "-run", "^$", "-fuzz", "^"+t.name+"$", "-fuzztime", length, "-fuzzminimizetime", "5s", "-parallel", fmt.Sprint(workers), ".")
	cmd.Dir = t.dir
	text, err := cmd.CombinedOutput()
	return string(text), err
}

var progress = regexp.MustCompile(`execs: (\d+) .*new interesting: (\d+)`)

// counts reads the last line of progress: executions, and inputs that reach something new.
func counts(text string) (execs, found string) {
	all := progress.FindAllStringSubmatch(text, -1)
	if len(all) == 0 {
		return "-", "-"
	}
	last := all[len(all)-1]
	return last[1], last[2]
}

// tail returns the last lines of a text.
func tail(text string, lines int) string {
	all := strings.Split(strings.TrimRight(text, "\n"), "\n")
	return strings.Join(all[max(0, len(all)-lines):], "\n")
}
