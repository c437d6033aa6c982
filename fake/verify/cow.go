package verify

import (
	"maps"
	"sync/atomic"
)

// cow is a map that clones share until one of them changes it.
type cow[K comparable, V any] struct {
	m      map[K]V
	shared atomic.Bool
}

// copyOf makes c a copy of o.
func (c *cow[K, V]) copyOf(o *cow[K, V]) {
	if !o.shared.Load() {
		o.shared.Store(true)
	}
	c.m = o.m
	c.shared.Store(true)
}

func (c *cow[K, V]) get(k K) V { return c.m[k] }

func (c *cow[K, V]) own() {
	switch {
	case c.m == nil:
		c.m = make(map[K]V)
	case c.shared.Load():
		c.m = maps.Clone(c.m)
	}
	c.shared.Store(false)
}

func (c *cow[K, V]) set(k K, v V) {
	c.own()
	c.m[k] = v
}
