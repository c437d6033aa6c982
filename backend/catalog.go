package backend

import (
	"context"
	"strings"
)

// FirmwareEntry is one firmware bundle of a catalogue.
type FirmwareEntry struct {
	// ID names the bundle.
	ID string
	// HardwareType is the hardware that it is for; "any" is for all.
	HardwareType string
	// Available says whether the files are there. A known bundle that is not available is skipped.
	Available bool
	// PowerShelves says that the bundle has components for power shelves too.
	PowerShelves bool
}

// FirmwareCatalog knows firmware bundles by name. It must be safe for concurrent use.
type FirmwareCatalog interface {
	// Firmware returns the bundle of that id, or an error that wraps ErrNotFound.
	Firmware(ctx context.Context, id string) (FirmwareEntry, error)
}

// Catalog is a FirmwareCatalog of fixed content.
type Catalog []FirmwareEntry

// Firmware returns the bundle of that id, or an error that wraps ErrNotFound and lists the known ones.
func (c Catalog) Firmware(_ context.Context, id string) (FirmwareEntry, error) {
	known := make([]string, len(c))
	for i, e := range c {
		if e.ID == id {
			return e, nil
		}
		known[i] = e.ID
	}
	return FirmwareEntry{}, &UnknownFirmwareError{ID: id, Known: known}
}

// UnknownFirmwareError names a bundle that a catalogue does not know. It wraps ErrNotFound.
type UnknownFirmwareError struct {
	ID    string
	Known []string
}

// Error names the bundle and those that are known.
func (e *UnknownFirmwareError) Error() string {
	if len(e.Known) == 0 {
		return "firmware " + e.ID + " is not in the catalogue, which is empty"
	}
	return "firmware " + e.ID + " is not in the catalogue; it has " + strings.Join(e.Known, ", ")
}

// Unwrap returns ErrNotFound.
func (e *UnknownFirmwareError) Unwrap() error { return ErrNotFound }
