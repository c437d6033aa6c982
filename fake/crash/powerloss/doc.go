// Package powerloss cuts the power of a store that writes: it keeps a record of everything that SQLite asks the disk for, makes from it what the disk may hold after the power
// was lost at any moment, and looks at what a store finds there.
//
//	go test ./fake/crash/powerloss                                  # some hundred cuts
//	RACKSTATE_CUTS=5000 go test ./fake/crash/powerloss -v -timeout 0
//	RACKSTATE_CUT_SEED=7 go test ./fake/crash/powerloss -v          # the draws of a seed again
//
// What was written to a file before its last sync is there. Of what was written later nothing may be there, or a part that ends anywhere, or any sectors of it; what is missing at
// the end of a file may be zeros or rubbish. A file that was made or removed after the last sync of its folder may be missing, or be back.
package powerloss
