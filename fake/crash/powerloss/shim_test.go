//go:build linux

package powerloss

import (
	"errors"
	"path/filepath"
	"sync"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/require"
	"modernc.org/libc"
	lib "modernc.org/sqlite/lib"
)

// shim stands between SQLite and the disk. It is the default VFS of the process: the one of the system, but files of a folder with a tape are recorded, and other files are
// never synced, which makes the tests fast.
type shim struct {
	base, own *lib.Tsqlite3_vfs
	// held keeps functions alive whose addresses SQLite has.
	held []any

	mu    sync.Mutex
	tapes map[string]*tape
	files map[uintptr]*file
	// tables are the methods of files that are recorded, and plain those of files that are not, by those of the system.
	tables, plain map[uintptr]uintptr
	// folders are the threads of SQLite that have synced a folder in the call that they make.
	folders map[*libc.TLS]bool
}

// file is an open file that is recorded.
type file struct {
	tape *tape
	name string
	real *lib.Tsqlite3_io_methods
	// synced says that the file was synced once. Only the first sync can be one of the folder too, so only the first is passed on.
	synced bool
}

// disk is the one shim of the process, made when it is first needed.
var disk = sync.OnceValues(register)

// record has all that happens in a folder recorded until the test ends.
func record(t *testing.T, tp *tape) *tape {
	t.Helper()
	s, err := disk()
	require.NoError(t, err)
	tp.names = map[string]bool{}
	for name := range tp.before {
		tp.names[name] = true
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tapes[tp.folder] = tp
	t.Cleanup(func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.tapes, tp.folder)
	})
	return tp
}

// register puts the shim in the place of the system's VFS.
func register() (*shim, error) {
	tls := libc.NewTLS()
	defer tls.Close()
	system := lib.Xsqlite3_vfs_find(tls, 0)
	if system == 0 {
		return nil, errors.New("SQLite has no VFS")
	}
	s := &shim{
		base: at[lib.Tsqlite3_vfs](system), tapes: map[string]*tape{}, files: map[uintptr]*file{},
		tables: map[uintptr]uintptr{}, plain: map[uintptr]uintptr{}, folders: map[*libc.TLS]bool{},
	}
	address, err := allocate[lib.Tsqlite3_vfs](tls)
	if err != nil {
		return nil, err
	}
	s.own = at[lib.Tsqlite3_vfs](address)
	*s.own = *s.base
	if s.own.FzName, err = libc.CString("powerloss"); err != nil {
		return nil, err
	}
	s.own.FxOpen = s.hold(s.open)
	s.own.FxDelete = s.hold(s.delete)
	if err := s.watchFolders(tls, system); err != nil {
		return nil, err
	}
	if code := lib.Xsqlite3_vfs_register(tls, address, 1); code != lib.SQLITE_OK {
		return nil, errors.New("the VFS cannot be registered")
	}
	return s, nil
}

// watchFolders notices when SQLite syncs a folder: it opens folders for nothing else.
func (s *shim) watchFolders(tls *libc.TLS, system uintptr) error {
	name, err := libc.CString("openDirectory")
	if err != nil {
		return err
	}
	defer libc.Xfree(tls, name)
	real := function[func(*libc.TLS, uintptr, uintptr) uintptr](s.base.FxGetSystemCall)(tls, system, name)
	open := function[func(*libc.TLS, uintptr, uintptr) int32](real)
	watched := s.hold(func(tls *libc.TLS, path, fd uintptr) int32 {
		code := open(tls, path, fd)
		if code == lib.SQLITE_OK {
			s.mu.Lock()
			s.folders[tls] = true
			s.mu.Unlock()
		}
		return code
	})
	if code := function[func(*libc.TLS, uintptr, uintptr, uintptr) int32](s.base.FxSetSystemCall)(tls, system, name, watched); code != lib.SQLITE_OK {
		return errors.New("folders cannot be watched")
	}
	return nil
}

// syncedFolder says whether the thread has synced a folder since it was asked last.
func (s *shim) syncedFolder(tls *libc.TLS) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	was := s.folders[tls]
	delete(s.folders, tls)
	return was
}

// tapeOf finds the tape on which a file is recorded.
func (s *shim) tapeOf(path string) *tape {
	if volatile(path) {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.tapes[filepath.Dir(path)]
}

// open opens a file of the system and puts other methods into it.
func (s *shim) open(tls *libc.TLS, _, zName, pFile uintptr, flags int32, pOutFlags uintptr) int32 {
	code := function[func(*libc.TLS, uintptr, uintptr, uintptr, int32, uintptr) int32](s.base.FxOpen)(tls, address(s.base), zName, pFile, flags, pOutFlags)
	head := at[lib.Tsqlite3_file](pFile)
	if code != lib.SQLITE_OK || head.FpMethods == 0 {
		return code
	}
	var on *tape
	path := ""
	if zName != 0 {
		path = libc.GoString(zName)
		on = s.tapeOf(path)
	}
	real := head.FpMethods
	methods, err := s.methods(tls, real, on != nil)
	if err != nil {
		return lib.SQLITE_NOMEM
	}
	if head.FpMethods = methods; on == nil {
		return code
	}
	name := filepath.Base(path)
	s.mu.Lock()
	s.files[pFile] = &file{tape: on, name: name, real: at[lib.Tsqlite3_io_methods](real)}
	s.mu.Unlock()
	on.add(entry{deed: created, file: name})
	return code
}

// delete removes a file.
func (s *shim) delete(tls *libc.TLS, _, zName uintptr, syncFolder int32) int32 {
	s.syncedFolder(tls)
	code := function[func(*libc.TLS, uintptr, uintptr, int32) int32](s.base.FxDelete)(tls, address(s.base), zName, syncFolder)
	path := libc.GoString(zName)
	if on := s.tapeOf(path); on != nil && code == lib.SQLITE_OK {
		on.add(entry{deed: deleted, file: filepath.Base(path)})
		if s.syncedFolder(tls) {
			on.add(entry{deed: folderSynced})
		}
	}
	return code
}

// hold keeps a function for ever and returns the address by which SQLite calls it.
func (s *shim) hold(f any) uintptr {
	s.held = append(s.held, f)
	return (*[2]uintptr)(unsafe.Pointer(&f))[1] // the second word of an interface that holds a function is the function
}
