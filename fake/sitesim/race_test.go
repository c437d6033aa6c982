//go:build race

package sitesim

// underRace says that the race detector slows the tests down. What runs in one goroutine is sampled then.
const underRace = true
