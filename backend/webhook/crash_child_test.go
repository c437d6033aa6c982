package webhook_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"time"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/backend/sqlite"
	"github.com/rackstate/rackstate/backend/webhook"
)

// childVariable holds what this program, started again by a test, has to do.
const childVariable = "RACKSTATE_TEST_WEBHOOK"

// job is what the child does: it commits transitions up to a total, and delivers all of them to everybody.
type job struct {
	Folder  string            // of the store
	URLs    map[string]string // of the subscribers, by name
	Racks   int               // the objects lie in these, in turn
	Total   int
	Objects int
	Batch   int
}

// filterOf is what a subscriber is told of: two of them of everything, the others of one rack.
func filterOf(name string) webhook.Filter {
	if name == "works" || name == "fails" {
		return webhook.Filter{}
	}
	return webhook.Filter{Racks: []string{"r1"}}
}

// secretOf is the secret of a subscriber. It is made of the name so that no secret stands in the environment.
func secretOf(name string) backend.Secret { return newSecret(name[0]) }

// child commits and delivers until everybody has been told of everything, unless it is killed before.
func child(text string) error {
	var j job
	if err := json.Unmarshal([]byte(text), &j); err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	store, err := sqlite.Open(ctx, filepath.Join(j.Folder, "store.db"), sqlite.Config{Synchronous: sqlite.Normal}) // survives a kill as well, and saves minutes of waiting for the disk
	if err != nil {
		return err
	}
	sender, err := webhook.New(store, webhook.Config{
		Source: "/rackstate/crash", HTTP: true, Networks: loopback, Timeout: 300 * time.Millisecond, Batch: j.Batch,
		BackoffMin: 2 * time.Millisecond, BackoffMax: 20 * time.Millisecond, Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		return err
	}
	for name, url := range j.URLs {
		if err := sender.Subscribe(ctx, webhook.Subscriber{Name: name, URL: url, Secrets: []backend.Secret{secretOf(name)}, Filter: filterOf(name)}); err != nil {
			return err
		}
	}
	ended := make(chan error, 1)
	go func() { ended <- sender.Run(ctx) }()
	if err := j.commit(ctx, store, sender); err != nil {
		return err
	}
	for {
		all, err := sender.Status(ctx)
		if err != nil {
			return err
		}
		behind := false
		for _, s := range all {
			behind = behind || s.State != webhook.Current
		}
		if !behind {
			break
		}
		<-time.After(5 * time.Millisecond)
	}
	cancel()
	return errors.Join(<-ended, store.Close())
}

// commit commits transitions, in turn of every object, from where an earlier process was killed up to the total.
func (j job) commit(ctx context.Context, store backend.Store, sender *webhook.Sender) error {
	versions := make([]uint64, j.Objects)
	done := 0
	for i := range versions {
		switch r, err := store.Get(ctx, j.ref(i)); {
		case err == nil:
			versions[i] = r.Version
			done += int(r.Version)
		case !errors.Is(err, backend.ErrNotFound):
			return err
		}
	}
	for done < j.Total {
		var batch []backend.Commit
		for i := 0; i < j.Objects && done+len(batch) < j.Total; i++ {
			batch = append(batch, step(j.ref(i), fmt.Sprintf("r%d", i%j.Racks), versions[i], fmt.Sprint(versions[i]), fmt.Sprint(versions[i]+1)))
			versions[i]++
		}
		results, err := store.Commit(ctx, batch)
		if err := errors.Join(append(results, err)...); err != nil {
			return err
		}
		done += len(batch)
		sender.Wake()
	}
	return nil
}

func (j job) ref(i int) backend.Ref {
	return backend.Ref{Kind: backend.KindMachine, ID: fmt.Sprintf("m%d", i)}
}
