//go:build !race

package sitesim

const underRace = false
