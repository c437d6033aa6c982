//go:build linux && race

package powerloss

// underRace says that the race detector slows everything down. Files show no race, so there are few cuts then.
const underRace = true
