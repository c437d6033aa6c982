package scenario

import (
	"context"
	"fmt"
	"maps"
	"sync"

	"github.com/rackstate/rackstate/backend"
)

// vault keeps credentials. What it holds is never changed but replaced, so a snapshot is cheap.
type vault struct {
	mu    sync.RWMutex
	named map[string]backend.Credential
}

// Credential returns the credential of that name, or an error that wraps backend.ErrNotFound.
func (v *vault) Credential(ctx context.Context, name string) (backend.Credential, error) {
	if err := ctx.Err(); err != nil {
		return backend.Credential{}, err
	}
	found, there := v.held()[name]
	if !there {
		return backend.Credential{}, fmt.Errorf("credential %s: %w", name, backend.ErrNotFound)
	}
	return found, nil
}

// PutCredential stores a credential and replaces an earlier one of that name.
func (v *vault) PutCredential(ctx context.Context, name string, c backend.Credential) error {
	return v.change(ctx, func(named map[string]backend.Credential) { named[name] = c })
}

// DeleteCredential removes a credential. One that is not there is no error.
func (v *vault) DeleteCredential(ctx context.Context, name string) error {
	return v.change(ctx, func(named map[string]backend.Credential) { delete(named, name) })
}

func (v *vault) change(ctx context.Context, f func(named map[string]backend.Credential)) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	named := maps.Clone(v.named)
	if named == nil {
		named = map[string]backend.Credential{}
	}
	f(named)
	v.named = named
	return nil
}

// held is what it holds, for reading only.
func (v *vault) held() map[string]backend.Credential {
	v.mu.RLock()
	defer v.mu.RUnlock()
	return v.named
}

// restore has it hold what it held.
func (v *vault) restore(named map[string]backend.Credential) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.named = named
}
