package remote

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log"
	"net"
	"net/http"

	"github.com/rackstate/rackstate/backend"
)

// maxCall bounds the size of a message in bytes. A call for all devices of a large rack is far below.
const maxCall = 16 << 20

// Serve answers the calls of other processes on the listener with the capabilities of a driver, and tells them the pace of time, until ctx ends; then it returns nil. The
// capabilities that package remote passes on must all be there.
func Serve(ctx context.Context, listener net.Listener, driver backend.Driver, pace Pace) error {
	c := driver.Capabilities()
	for _, there := range []bool{
		c.Power != nil, c.Reset != nil, c.Shelf != nil, c.Inventory != nil, c.Firmware != nil, c.SwitchImage != nil, c.Certificates != nil, c.Fabric != nil,
		c.Platform != nil, c.Agent != nil, c.SKU != nil, c.Validation != nil,
	} {
		if !there {
			return errors.Join(errors.New("remote: the driver lacks a capability that is passed on"), listener.Close())
		}
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /pace", func(w http.ResponseWriter, _ *http.Request) { _ = json.NewEncoder(w).Encode(pace) })
	for name, f := range functions(c) {
		mux.HandleFunc("POST /"+name, func(w http.ResponseWriter, r *http.Request) { respond(w, r, f) })
	}
	server := &http.Server{
		Handler:     mux,
		ErrorLog:    log.New(io.Discard, "", 0), // a caller that was killed is no news
		BaseContext: func(net.Listener) context.Context { return ctx },
	}
	ended := context.AfterFunc(ctx, func() { _ = server.Close() })
	defer ended()
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// respond carries out one call.
func respond(w http.ResponseWriter, r *http.Request, f function) {
	var asked call
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxCall)).Decode(&asked); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	value, failed := f(r.Context(), &asked)
	raw, err := json.Marshal(value)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	_ = json.NewEncoder(w).Encode(answer{Value: raw, Err: pack(failed)}) // who does not listen any more looks again
}
