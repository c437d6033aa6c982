package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/backend/webhook"
)

// subscribers are those who are told of transitions. The store keeps how far each has come; who they are is in a file beside it, because it holds secrets that no reader of the records
// should see.
type subscribers struct {
	path   string
	sender *webhook.Sender

	mu    sync.Mutex
	known map[string]subscription
}

// subscription is a subscriber as the file keeps it.
type subscription struct {
	Name    string         `json:"name"`
	URL     string         `json:"url"`
	Secrets []string       `json:"secrets"`
	Kinds   []backend.Kind `json:"kinds,omitempty"`
	Racks   []string       `json:"racks,omitempty"`
	Entered []string       `json:"entered,omitempty"`
	Left    []string       `json:"left,omitempty"`
}

func (s subscription) subscriber(fromNow bool) webhook.Subscriber {
	out := webhook.Subscriber{
		Name: s.Name, URL: s.URL, FromNow: fromNow, Filter: webhook.Filter{Kinds: s.Kinds, Racks: s.Racks, Entered: s.Entered, Left: s.Left},
	}
	for _, text := range s.Secrets {
		out.Secrets = append(out.Secrets, backend.NewSecret(text))
	}
	return out
}

// openSubscribers reads the file, if there is one, and has everybody in it told again.
func openSubscribers(ctx context.Context, path string, sender *webhook.Sender) (*subscribers, error) {
	s := &subscribers{path: path, sender: sender, known: map[string]subscription{}}
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return s, nil
	}
	var list []subscription
	if err == nil {
		err = json.Unmarshal(text, &list)
	}
	if err != nil {
		return nil, fmt.Errorf("list of subscribers %s: %w", path, err)
	}
	for _, one := range list {
		if err := sender.Subscribe(ctx, one.subscriber(false)); err != nil {
			return nil, fmt.Errorf("list of subscribers %s (allow the address with -webhook-net, or correct the file): %w", path, err)
		}
		s.known[one.Name] = one
	}
	return s, nil
}

// errNoSecret says that a new subscriber comes without a secret.
var errNoSecret = errors.New("a new subscriber needs a secret")

// put adds or replaces a subscriber; without secrets, one that is there keeps its own. It reports whether it is new.
func (s *subscribers) put(ctx context.Context, one subscription, fromNow bool) (isNew bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	old, there := s.known[one.Name]
	if len(one.Secrets) == 0 {
		if !there {
			return false, errNoSecret
		}
		one.Secrets = old.Secrets
	}
	if err := s.sender.Subscribe(ctx, one.subscriber(fromNow)); err != nil {
		return false, err
	}
	s.known[one.Name] = one
	err = s.save()
	if err == nil {
		return !there, nil
	}
	// What is not on disk must not be in force.
	if delete(s.known, one.Name); there {
		s.known[one.Name] = old
		return false, errors.Join(err, s.sender.Subscribe(ctx, old.subscriber(false)))
	}
	s.sender.Unsubscribe(one.Name)
	return false, err
}

// remove ends a subscription, and reports whether there was one.
func (s *subscribers) remove(name string) (bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	old, there := s.known[name]
	if !there {
		return false, nil
	}
	delete(s.known, name)
	if err := s.save(); err != nil {
		s.known[name] = old
		return true, err
	}
	s.sender.Unsubscribe(name)
	return true, nil
}

// get returns a subscriber.
func (s *subscribers) get(name string) (subscription, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	one, there := s.known[name]
	return one, there
}

// save writes the file so that a crash leaves the old one or the new one. The caller holds s.mu.
func (s *subscribers) save() (err error) {
	list := make([]subscription, 0, len(s.known))
	for _, one := range s.known {
		list = append(list, one)
	}
	slices.SortFunc(list, func(a, b subscription) int { return strings.Compare(a.Name, b.Name) })
	text, err := json.MarshalIndent(list, "", "  ")
	if err != nil {
		return err
	}
	file, err := os.CreateTemp(filepath.Dir(s.path), filepath.Base(s.path)+".*") // nobody else may read it
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(file.Name()))
		}
	}()
	if _, err = file.Write(append(text, '\n')); err == nil {
		err = file.Sync()
	}
	if err = errors.Join(err, file.Close()); err != nil {
		return err
	}
	if err = os.Rename(file.Name(), s.path); err != nil {
		return err
	}
	// The new name survives the loss of power. The file is in place already, and some systems cannot do this.
	if dir, err := os.Open(filepath.Dir(s.path)); err == nil {
		_ = dir.Sync()
		_ = dir.Close()
	}
	return nil
}
