package rackstate_test

import (
	"fmt"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"
)

// module is the import path of the module and of its root package.
const module = "github.com/rackstate/rackstate"

// goFile is one Go file and what it imports of this module.
type goFile struct {
	path    string   // slash-separated, from the module's root
	imports []string // folders of this module, from its root
}

func (f goFile) folder() string { return path.Dir(f.path) }

func (f goFile) isTest() bool { return strings.HasSuffix(f.path, "_test.go") }

// goFiles reads the imports of every Go file of the module whose root folder is root. It reads the
// files themselves, so that a build constraint hides no arrow.
func goFiles(root fs.FS) ([]goFile, error) {
	var files []goFile
	err := fs.WalkDir(root, ".", func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && !belongs(root, name):
			return fs.SkipDir
		case entry.IsDir() || path.Ext(name) != ".go":
			return nil
		}
		imports, err := importsOf(root, name)
		if err != nil {
			return err
		}
		files = append(files, goFile{path: name, imports: imports})
		return nil
	})
	return files, err
}

// belongs reports whether the go command counts the folder to this module: it passes over hidden
// folders, test data and the modules nested in this one.
func belongs(root fs.FS, folder string) bool {
	if folder == "." {
		return true
	}
	base := path.Base(folder)
	if base == "testdata" || base == "vendor" || strings.HasPrefix(base, ".") || strings.HasPrefix(base, "_") {
		return false
	}
	_, err := fs.Stat(root, path.Join(folder, "go.mod"))
	return err != nil
}

// importsOf returns the folders of this module that the file imports.
func importsOf(root fs.FS, name string) ([]string, error) {
	source, err := fs.ReadFile(root, name)
	if err != nil {
		return nil, err
	}
	file, err := parser.ParseFile(token.NewFileSet(), name, source, parser.ImportsOnly)
	if err != nil {
		return nil, err
	}
	var folders []string
	for _, spec := range file.Imports {
		imported, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			return nil, fmt.Errorf("%s: import %s: %w", name, spec.Path.Value, err)
		}
		if imported == module {
			folders = append(folders, ".")
		} else if folder, ours := strings.CutPrefix(imported, module+"/"); ours {
			folders = append(folders, folder)
		}
	}
	return folders, nil
}

// wrongArrows returns one sentence for each import that the table forbids, in the order of files.
func wrongArrows(files []goFile) []string {
	var problems []string
	for _, file := range files {
		from := file.folder()
		row, known := rowOf(from)
		if !known {
			problems = append(problems, noRow(file, from))
			continue
		}
		for _, to := range file.imports {
			target, known := rowOf(to)
			switch {
			case !known:
				problems = append(problems, noRow(file, to))
			case !row.allows(file, target.room, to):
				problems = append(problems, fmt.Sprintf("%s: package %s imports %s: %s", file.path, from, to, row.fix))
			}
		}
	}
	return problems
}

func noRow(file goFile, folder string) string {
	return fmt.Sprintf("%s: folder %s has no row: move it into a room, or add the new room to arrows in arrows_test.go "+
		"and to the picture in docs/architecture.md", file.path, folder)
}

// allows reports whether the file of this row may import the folder, which belongs to room.
func (a arrow) allows(file goFile, room, folder string) bool {
	own := folder == file.folder() || strings.HasPrefix(folder, file.folder()+"/")
	if own && room == a.room { // an external test imports its package, a package the folders below it
		return true
	}
	if file.isTest() {
		return !slices.Contains(a.testsNot, room)
	}
	return slices.Contains(a.may, room)
}

// rowOf returns the row of arrows that a folder belongs to: its own, or else that of the nearest
// folder above it which has a row for everything below.
func rowOf(folder string) (arrow, bool) {
	for _, room := range append([]string{folder}, wildcards(folder)...) {
		if i := slices.IndexFunc(arrows, func(a arrow) bool { return a.room == room }); i >= 0 {
			return arrows[i], true
		}
	}
	return arrow{}, false
}

// wildcards lists the rows that may cover the folder, the nearest first: a/b/c gives a/b/* and a/*.
func wildcards(folder string) []string {
	var rooms []string
	for above := path.Dir(folder); above != "."; above = path.Dir(above) {
		rooms = append(rooms, above+"/*")
	}
	return rooms
}
