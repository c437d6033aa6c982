package rest

import (
	"net/http"
	"time"
)

// NewServer returns a server with limits for a handler. A client gets 5 s for its headers and 16 KiB of them, 30 s for a whole request and 60 s for the answer;
// a stream of events has a limit for each write instead. Shutdown ends the streams.
//
// It speaks plain HTTP unless it is given TLS: bearer tokens must not travel in the clear beyond one machine.
func NewServer(addr string, h *Handler) *http.Server {
	s := &http.Server{
		Addr:              addr,
		Handler:           h,
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       30 * time.Second,
		WriteTimeout:      60 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    16 << 10,
	}
	s.RegisterOnShutdown(func() { _ = h.Close() })
	return s
}
