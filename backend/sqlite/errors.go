package sqlite

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"syscall"

	lite "zombiezen.com/go/sqlite"

	"github.com/rackstate/rackstate/backend"
)

// ErrForeignFile says that the file belongs to another program, or is no SQLite file at all. Open another path; nothing was changed.
var ErrForeignFile = errors.New("not a rackstate store")

// advise wraps an error with the path, what was tried, and what a person can do about it.
func advise(path, doing string, err error) error {
	text, kind := remedy(path, err)
	switch {
	case kind != nil:
		return fmt.Errorf("sqlite: %s %s: %w: %w (%s)", doing, path, kind, err, text)
	case text != "":
		return fmt.Errorf("sqlite: %s %s: %w (%s)", doing, path, err, text)
	}
	return fmt.Errorf("sqlite: %s %s: %w", doing, path, err)
}

// remedy returns advice for a person, and the sentinel that tells a program the same, where there is one.
func remedy(path string, err error) (string, error) {
	folder := filepath.Dir(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Sprintf("create the folder %s first", folder), nil
	case errors.Is(err, fs.ErrPermission):
		return fmt.Sprintf("this user must be allowed to write the file and the folder %s", folder), nil
	case errors.Is(err, syscall.EROFS):
		return fmt.Sprintf("the folder %s cannot be written, choose another one", folder), nil
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return fmt.Sprintf("free some space for %s", folder), nil
	case systemError(err):
		return "", nil
	}
	code := lite.ErrCode(err)
	switch code.ToPrimary() {
	case lite.ResultCorrupt, lite.ResultNotADB, lite.ResultError, lite.ResultConstraint:
		// The statements are always the same. When one makes no sense to SQLite, or breaks a rule of a table, the tables in the file are not those
		// that it was made for.
		return "restore a copy of the file", backend.ErrCorrupt
	case lite.ResultFull:
		return fmt.Sprintf("free some space for %s", folder), nil
	case lite.ResultReadOnly, lite.ResultPerm, lite.ResultCantOpen:
		return fmt.Sprintf("this user must be allowed to write the file, its -wal and -shm, and the folder %s", folder), nil
	case lite.ResultBusy, lite.ResultLocked:
		return "another program writes to the file, end its transaction", nil
	case lite.ResultIOErr:
		if code == lite.ResultIOErrShortRead {
			return "the file was cut off, restore a copy of it", backend.ErrCorrupt
		}
		return "look at the disk and the system log", nil
	default:
		return "", nil
	}
}

// systemError reports an error that is not SQLite's.
func systemError(err error) bool {
	var number syscall.Errno
	var path *fs.PathError
	return errors.As(err, &number) || errors.As(err, &path)
}
