// Package verify is the promises of the module as functions: each looks at a commit, a call or a world, and says what is wrong with it.
//
// A [Checker] applies all of them. It mirrors what the applied commits make of a store, in a [World] that knows nothing but the commits, the tables of the kinds and the
// calls that hardware has seen; so what it finds does not depend on what the engine believes. [Wrap] puts it around any store:
//
//	checker := verify.NewChecker()
//	store := verify.Wrap(memory.New(), checker)
//	... run anything on the store ...
//	require.Empty(t, checker.Problems())
//	require.NoError(t, checker.Audit(ctx, store))
//
// A search through all orders of events clones a Checker for each, which is cheap: clones share everything until one of them changes it.
//
// [Rules] lists the rules. docs/architecture.md has the promises that they belong to.
package verify
