//go:build linux && !race

package powerloss

const underRace = false
