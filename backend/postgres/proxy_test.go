package postgres_test

import (
	"bytes"
	"fmt"
	"net"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
)

// proxy stands between a store and the cluster, and can cut connections at a given place of the conversation.
type proxy struct {
	listener net.Listener
	server   string
	// cutBefore is what a client must not get through: the connection is cut when it says that. cutAfter is what a server must not get
	// through: the connection is cut when it answers that, to a client that has said cutBefore's place.
	cutBefore atomic.Pointer[string]
	cutAfter  atomic.Pointer[string]
	cuts      atomic.Int64
	conns     sync.WaitGroup
}

// newProxy starts a proxy and returns it with the connection string that leads through it.
func newProxy(t *testing.T) (*proxy, string) {
	t.Helper()
	dsn := cluster.Start(t)
	folder := strings.TrimPrefix(strings.Fields(dsn)[0], "host=")
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	p := &proxy{listener: listener, server: filepath.Join(folder, ".s.PGSQL.5432")}
	p.conns.Go(p.accept)
	t.Cleanup(func() {
		require.NoError(t, listener.Close())
		p.conns.Wait()
	})
	return p, fmt.Sprintf("host=127.0.0.1 port=%d user=postgres dbname=rackstate sslmode=disable", listener.Addr().(*net.TCPAddr).Port)
}

func (p *proxy) accept() {
	for {
		client, err := p.listener.Accept()
		if err != nil {
			return
		}
		server, err := net.Dial("unix", p.server)
		if err != nil {
			_ = client.Close()
			continue
		}
		p.conns.Go(func() { p.copy(server, client, &p.cutBefore) })
		p.conns.Go(func() { p.copy(client, server, &p.cutAfter) })
	}
}

// copy hands on what one side says until it says what must not get through.
func (p *proxy) copy(to, from net.Conn, cut *atomic.Pointer[string]) {
	defer func() { _, _ = to.Close(), from.Close() }()
	chunk := make([]byte, 64<<10)
	for {
		n, err := from.Read(chunk)
		if err != nil {
			return
		}
		if word := cut.Load(); word != nil && bytes.Contains(chunk[:n], []byte(*word)) {
			cut.Store(nil)
			p.cuts.Add(1)
			return
		}
		if _, err := to.Write(chunk[:n]); err != nil {
			return
		}
	}
}
