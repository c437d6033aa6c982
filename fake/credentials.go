package fake

import (
	"context"
	"fmt"
	"sync"

	"github.com/rackstate/rackstate/backend"
)

// Credentials is a backend.CredentialStore in memory. The zero value is empty and ready for use. It must not be copied.
type Credentials struct {
	mu    sync.RWMutex
	named map[string]backend.Credential
}

// Credential returns the credential of that name, or an error that wraps backend.ErrNotFound.
func (c *Credentials) Credential(ctx context.Context, name string) (backend.Credential, error) {
	if err := ctx.Err(); err != nil {
		return backend.Credential{}, err
	}
	c.mu.RLock()
	defer c.mu.RUnlock()
	found, there := c.named[name]
	if !there {
		return backend.Credential{}, fmt.Errorf("credential %s: %w", name, backend.ErrNotFound)
	}
	return found, nil
}

// PutCredential stores a credential and replaces an earlier one of that name.
func (c *Credentials) PutCredential(ctx context.Context, name string, credential backend.Credential) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.named == nil {
		c.named = make(map[string]backend.Credential)
	}
	c.named[name] = credential
	return nil
}

// DeleteCredential removes a credential. One that is not there is no error.
func (c *Credentials) DeleteCredential(ctx context.Context, name string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.named, name)
	return nil
}
