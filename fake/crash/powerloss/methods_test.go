//go:build linux

package powerloss

import (
	"errors"
	"slices"
	"unsafe"

	"modernc.org/libc"
	lib "modernc.org/sqlite/lib"
)

// at is what lies at an address of SQLite's memory.
func at[T any](address uintptr) *T { return (*T)(*(*unsafe.Pointer)(unsafe.Pointer(&address))) }

// address is where something lies in SQLite's memory.
func address[T any](p *T) uintptr { return uintptr(unsafe.Pointer(p)) }

// function is the function at an address.
func function[F any](address uintptr) F {
	held := &struct{ uintptr }{address}
	return *(*F)(unsafe.Pointer(held))
}

// allocate takes memory for a T from SQLite, for ever.
func allocate[T any](tls *libc.TLS) (uintptr, error) {
	var one T
	p := lib.Xsqlite3_malloc(tls, int32(unsafe.Sizeof(one)))
	if p == 0 {
		return 0, errors.New("out of memory")
	}
	return p, nil
}

// methods are those of a file: the system's own, some of which are others.
func (s *shim) methods(tls *libc.TLS, real uintptr, recorded bool) (uintptr, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	tables := s.plain
	if recorded {
		tables = s.tables
	}
	if made, there := tables[real]; there {
		return made, nil
	}
	p, err := allocate[lib.Tsqlite3_io_methods](tls)
	if err != nil {
		return 0, err
	}
	m := at[lib.Tsqlite3_io_methods](p)
	*m = *at[lib.Tsqlite3_io_methods](real)
	if recorded {
		m.FxClose, m.FxWrite, m.FxTruncate = s.hold(s.close), s.hold(s.write), s.hold(s.truncate)
		m.FxSync, m.FxFileControl = s.hold(s.sync), s.hold(s.control)
	} else {
		m.FxSync = s.hold(func(*libc.TLS, uintptr, int32) int32 { return lib.SQLITE_OK })
	}
	tables[real] = p
	return p, nil
}

// find is the file with the address.
func (s *shim) find(p uintptr) *file {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.files[p]
}

func (s *shim) close(tls *libc.TLS, p uintptr) int32 {
	f := s.find(p)
	s.mu.Lock()
	delete(s.files, p)
	s.mu.Unlock()
	return function[func(*libc.TLS, uintptr) int32](f.real.FxClose)(tls, p)
}

func (s *shim) write(tls *libc.TLS, p, data uintptr, n int32, offset int64) int32 {
	f := s.find(p)
	code := function[func(*libc.TLS, uintptr, uintptr, int32, int64) int32](f.real.FxWrite)(tls, p, data, n, offset)
	if code == lib.SQLITE_OK {
		f.tape.add(entry{deed: written, file: f.name, at: offset, data: slices.Clone(unsafe.Slice(at[byte](data), n))})
	}
	return code
}

func (s *shim) truncate(tls *libc.TLS, p uintptr, size int64) int32 {
	f := s.find(p)
	code := function[func(*libc.TLS, uintptr, int64) int32](f.real.FxTruncate)(tls, p, size)
	if code == lib.SQLITE_OK {
		f.tape.add(entry{deed: truncated, file: f.name, at: size})
	}
	return code
}

func (s *shim) sync(tls *libc.TLS, p uintptr, flags int32) int32 {
	f := s.find(p)
	from := f.tape.end()
	s.syncedFolder(tls)
	code := int32(lib.SQLITE_OK)
	if !f.synced {
		code, f.synced = function[func(*libc.TLS, uintptr, int32) int32](f.real.FxSync)(tls, p, flags), true
	}
	if code == lib.SQLITE_OK {
		f.tape.add(entry{deed: synced, file: f.name, from: from})
	}
	if s.syncedFolder(tls) {
		f.tape.add(entry{deed: folderSynced})
	}
	return code
}

// control changes what the store asks SQLite for in a PRAGMA, and passes it on.
func (s *shim) control(tls *libc.TLS, p uintptr, op int32, arg uintptr) int32 {
	f := s.find(p)
	if op == lib.SQLITE_FCNTL_PRAGMA {
		words := at[[3]uintptr](arg)
		value, change := f.tape.pragmas[libc.GoString(words[1])]
		if change && words[2] != 0 && len(value) <= len(libc.GoString(words[2])) {
			copy(unsafe.Slice(at[byte](words[2]), len(value)+1), value+"\x00")
		}
	}
	return function[func(*libc.TLS, uintptr, int32, uintptr) int32](f.real.FxFileControl)(tls, p, op, arg)
}
