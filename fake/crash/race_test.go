//go:build unix && race

package crash

// underRace says that the race detector slows every process down. Killing processes shows no race, so few are killed then.
const underRace = true
