// Package devserver runs Temporal's own server in the same process, on one SQLite file: for examples, tests and development, without anything to install. What it was told survives
// it, so it can be stopped and started again. It is not for production.
package devserver

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"strconv"
	"time"

	"go.temporal.io/sdk/client"
	"go.temporal.io/server/common/authorization"
	"go.temporal.io/server/common/cluster"
	"go.temporal.io/server/common/config"
	"go.temporal.io/server/common/dynamicconfig"
	"go.temporal.io/server/common/log"
	"go.temporal.io/server/common/membership/static"
	"go.temporal.io/server/common/metrics"
	sqliteplugin "go.temporal.io/server/common/persistence/sql/sqlplugin/sqlite"
	"go.temporal.io/server/common/primitives"
	"go.temporal.io/server/schema/sqlite"
	"go.temporal.io/server/temporal"
)

const (
	host        = "127.0.0.1"
	clusterName = "active"
)

// Config says what is served. File is required.
type Config struct {
	// File is the SQLite file; it is created when it is missing. One server may have it open at a time.
	File string
	// Port is where clients connect, on the loopback interface. Zero: a free one. Who starts a server again and has clients that outlive it names the same port.
	Port int
	// Namespace is created when it is missing. Default: "default".
	Namespace string
	// Logger receives what the server says. Default: nothing does.
	Logger log.Logger
}

// Server is a server that runs.
type Server struct {
	server    temporal.Server
	port      int
	namespace string
}

// Start starts a server and returns when it serves, or when ctx ends.
func Start(ctx context.Context, cfg Config) (*Server, error) {
	if cfg.File == "" {
		return nil, errors.New("devserver config: File is missing")
	}
	cfg.Namespace = cmp.Or(cfg.Namespace, client.DefaultNamespace)
	if cfg.Logger == nil {
		cfg.Logger = log.NewNoopLogger()
	}
	ports, err := freePorts(cfg.Port)
	if err != nil {
		return nil, err
	}
	conf := configure(cfg, ports)
	if err := prepare(cfg, conf.Persistence.DataStores[sqliteplugin.PluginName].SQL); err != nil {
		return nil, fmt.Errorf("devserver file %s: %w", cfg.File, err)
	}
	srv, err := temporal.NewServer(options(cfg, conf, ports)...)
	if err != nil {
		return nil, fmt.Errorf("devserver: %w", err)
	}
	if err := srv.Start(); err != nil {
		return nil, fmt.Errorf("start devserver: %w", err)
	}
	s := &Server{server: srv, port: ports["frontend"], namespace: cfg.Namespace}
	if err := s.await(ctx); err != nil {
		return nil, errors.Join(err, srv.Stop())
	}
	return s, nil
}

// Address is where clients connect.
func (s *Server) Address() string { return address(s.port) }

// Port is the port of Address.
func (s *Server) Port() int { return s.port }

// Dial returns a client of the server's namespace, which belongs to the caller. HostPort and Namespace of the options are taken from the server.
func (s *Server) Dial(ctx context.Context, opts client.Options) (client.Client, error) {
	opts.HostPort, opts.Namespace = s.Address(), s.namespace
	c, err := client.DialContext(ctx, opts)
	if err != nil {
		return nil, fmt.Errorf("connect to devserver: %w", err)
	}
	return c, nil
}

// Stop stops the server. Its file can be served again then.
func (s *Server) Stop() error {
	if err := s.server.Stop(); err != nil {
		return fmt.Errorf("stop devserver: %w", err)
	}
	return nil
}

// await waits until the namespace is served.
func (s *Server) await(ctx context.Context) error {
	c, err := client.NewNamespaceClient(client.Options{HostPort: s.Address()})
	if err != nil {
		return fmt.Errorf("connect to devserver: %w", err)
	}
	defer c.Close()
	again := time.NewTicker(20 * time.Millisecond) //nolint:forbidigo // a server that starts takes real time
	defer again.Stop()
	for {
		_, err := c.Describe(ctx, s.namespace)
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("devserver does not serve: %w", errors.Join(ctx.Err(), err))
		case <-again.C:
		}
	}
}

func address(port int) string { return net.JoinHostPort(host, strconv.Itoa(port)) }

// freePorts finds a port for each service. The server would panic at one that is taken.
func freePorts(frontend int) (map[string]int, error) {
	ports := map[string]int{"frontend": frontend}
	for _, name := range temporal.DefaultServices {
		l, err := net.Listen("tcp", address(ports[name]))
		if err != nil {
			return nil, fmt.Errorf("port of devserver: %w", err)
		}
		defer func() { _ = l.Close() }() // all are kept until the last is found, so that none is found twice
		ports[name] = l.Addr().(*net.TCPAddr).Port
	}
	return ports, nil
}

// prepare makes the schema in a new file, and the namespace.
func prepare(cfg Config, sql *config.SQL) error {
	if _, err := os.Stat(cfg.File); errors.Is(err, fs.ErrNotExist) {
		if err := sqlite.SetupSchema(sql); err != nil {
			return err
		}
	}
	ns, err := sqlite.NewNamespaceConfig(clusterName, cfg.Namespace, false, nil)
	if err != nil {
		return err
	}
	return sqlite.CreateNamespaces(sql, ns)
}

func options(cfg Config, conf *config.Config, ports map[string]int) []temporal.ServerOption {
	hosts := map[primitives.ServiceName]static.Hosts{}
	for name, port := range ports {
		hosts[primitives.ServiceName(name)] = static.Hosts{All: []string{address(port)}, Self: address(port)}
	}
	return []temporal.ServerOption{
		temporal.WithConfig(conf),
		temporal.ForServices(temporal.DefaultServices),
		temporal.WithStaticHosts(hosts),
		temporal.WithLogger(cfg.Logger),
		temporal.WithCustomMetricsHandler(metrics.NoopMetricsHandler),
		temporal.WithAuthorizer(authorization.NewNoopAuthorizer()),
		temporal.WithClaimMapper(func(*config.Config) authorization.ClaimMapper { return authorization.NewNoopClaimMapper() }),
		temporal.WithDynamicConfigClient(Settings()),
	}
}

// Settings are what a server of one process is told beside its configuration: search attributes can be used as soon as they are registered, and its only shard hands out tasks as fast as it can, and
// not at a twentieth of a second each, as it would do as one of hundreds.
func Settings() dynamicconfig.StaticClient {
	const polls = 10_000 // a second
	value := func(v any) []dynamicconfig.ConstrainedValue { return []dynamicconfig.ConstrainedValue{{Value: v}} }
	return dynamicconfig.StaticClient{
		dynamicconfig.ForceSearchAttributesCacheRefreshOnRead.Key(): value(true),
		dynamicconfig.TransferProcessorMaxPollRPS.Key():             value(polls),
		dynamicconfig.TimerProcessorMaxPollRPS.Key():                value(polls),
		dynamicconfig.VisibilityProcessorMaxPollRPS.Key():           value(polls),
	}
}

// configure is the smallest configuration of a cluster of one.
func configure(cfg Config, ports map[string]int) *config.Config {
	services := map[string]config.Service{}
	for name, port := range ports {
		services[name] = config.Service{RPC: config.RPC{GRPCPort: port, BindOnIP: host}}
	}
	return &config.Config{
		Services: services,
		Persistence: config.Persistence{
			DefaultStore: sqliteplugin.PluginName, VisibilityStore: sqliteplugin.PluginName, NumHistoryShards: 1,
			DataStores: map[string]config.DataStore{sqliteplugin.PluginName: {SQL: &config.SQL{
				PluginName: sqliteplugin.PluginName, DatabaseName: cfg.File,
				ConnectAttributes: map[string]string{"mode": "rwc", "_journal_mode": "wal", "_synchronous": "normal"},
			}}},
		},
		ClusterMetadata: &cluster.Config{
			FailoverVersionIncrement: 10, MasterClusterName: clusterName, CurrentClusterName: clusterName,
			ClusterInformation: map[string]cluster.ClusterInformation{
				clusterName: {Enabled: true, InitialFailoverVersion: 1, RPCAddress: address(ports["frontend"])},
			},
		},
		DCRedirectionPolicy: config.DCRedirectionPolicy{Policy: "noop"},
		PublicClient:        config.PublicClient{HostPort: address(ports["frontend"])},
		Archival: config.Archival{
			History: config.HistoryArchival{State: config.ArchivalDisabled}, Visibility: config.VisibilityArchival{State: config.ArchivalDisabled},
		},
		NamespaceDefaults: config.NamespaceDefaults{Archival: config.ArchivalNamespaceDefaults{
			History:    config.HistoryArchivalNamespaceDefaults{State: config.ArchivalDisabled},
			Visibility: config.VisibilityArchivalNamespaceDefaults{State: config.ArchivalDisabled},
		}},
	}
}
