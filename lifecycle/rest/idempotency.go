package rest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"hash/maphash"
	"reflect"
	"sync"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/lifecycle"
)

// keyLocks let the posts of one key through one after the other. The store would stop a second request on the same object, but not one on another object.
type keyLocks struct {
	seed  maphash.Seed
	locks [64]sync.Mutex
}

func (k *keyLocks) of(id string) *sync.Mutex {
	return &k.locks[maphash.String(k.seed, id)%uint64(len(k.locks))]
}

// requestID is the id of the request that an identity posts with a key. Nobody can guess the id of somebody else's request into being.
func requestID(id Identity, key string) string {
	sum := sha256.Sum256([]byte(id.Name + "\x00" + key))
	return "key-" + hex.EncodeToString(sum[:16])
}

// post posts a request, or finds the one that was posted with the same key before.
func (h *Handler) post(ctx context.Context, on []backend.Ref, n *NewRequest, key string) (posted []backend.Request, replayed bool, err error) {
	identity := IdentityFrom(ctx)
	initiator, err := speaksFor(identity, n.Initiator)
	if err != nil {
		return nil, false, err
	}
	if err := h.checkNew(on, n); err != nil {
		return nil, false, err
	}
	want := lifecycle.NewRequest{Type: n.Type, Initiator: lifecycle.InitiatorText(initiator, n.Reference), Reference: n.Reference}
	if len(n.Params) > 0 {
		want.Params = n.Params
	}
	if key != "" {
		want.ID = requestID(identity, key)
		lock := h.keys.of(want.ID)
		lock.Lock()
		defer lock.Unlock()
		if posted, err = h.replay(ctx, on, want); err != nil || posted != nil {
			return posted, posted != nil, err
		}
	}
	if err := h.allLive(on); err != nil {
		return nil, false, err
	}
	posted, err = h.ctl.Request(ctx, want, on...)
	if errors.Is(err, backend.ErrExists) && key != "" { // another process was quicker
		if posted, err = h.replay(ctx, on, want); posted != nil {
			return posted, true, err
		}
	}
	return posted, false, h.failed(err)
}

// replay returns the requests that were posted with an id before, nil if there are none. The error is the problem of an id that was used for something else.
func (h *Handler) replay(ctx context.Context, on []backend.Ref, want lifecycle.NewRequest) ([]backend.Request, error) {
	old, err := h.ctl.Store().Requests(ctx, backend.RequestQuery{ID: want.ID})
	if err != nil || len(old) == 0 {
		return nil, h.failed(err)
	}
	byRef := make(map[backend.Ref]backend.Request, len(old))
	for _, r := range old {
		byRef[r.On] = r
	}
	out := make([]backend.Request, 0, len(on))
	for _, ref := range on {
		r, there := byRef[ref]
		if params, _ := want.Params.(json.RawMessage); !there || r.Type != want.Type || r.Initiator != want.Initiator || r.Reference != want.Reference || !sameJSON(r.Params, params) {
			return nil, newProblem(TypeKeyReused, "the key was used for another post; use a new one")
		}
		out = append(out, r)
	}
	if len(byRef) != len(out) {
		return nil, newProblem(TypeKeyReused, "the key was used for a post to other objects; use a new one")
	}
	return out, nil
}

// sameJSON compares JSON by what it says: a store may write it in another way.
func sameJSON(a, b json.RawMessage) bool {
	x, errX := anyJSON(a)
	y, errY := anyJSON(b)
	return errX == nil && errY == nil && reflect.DeepEqual(x, y)
}

func anyJSON(raw json.RawMessage) (v any, err error) {
	if len(raw) == 0 {
		return nil, nil
	}
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	err = dec.Decode(&v)
	return v, err
}

// allLive reports objects that are not there.
func (h *Handler) allLive(on []backend.Ref) error {
	p := newProblem(TypeNotFound, "some of the objects are not there")
	for _, ref := range on {
		if _, err := h.ctl.Explain(ref); err != nil {
			p.Objects = append(p.Objects, Refusal{Ref: ref.String(), Reasons: []string{"it is not there"}})
		}
	}
	switch {
	case len(p.Objects) == 0:
		return nil
	case len(on) == 1:
		return newProblem(TypeNotFound, "there is no "+on[0].String())
	}
	return p
}
