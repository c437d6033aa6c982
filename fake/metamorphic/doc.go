// Package metamorphic makes random plans and runs them: what people ask of a small site, what goes wrong with its hardware, when controllers crash, stand still and fight over leases. The
// same plan must give the same history wherever it runs, a plan with crashes must end as it ends without them, and no rule of package verify may be broken on the way.
//
// A [Plan] is made of a seed alone, and is a scenario: what fails can be written down, shrunk to a few steps and run again as a file.
//
//	plan := metamorphic.New(42)
//	runner := metamorphic.NewRunner()
//	result := runner.Run(ctx, plan)          // in memory
//	if result.Failure != nil {
//		small := runner.Shrink(ctx, plan, result.Failure, 500)
//		...
//	}
//
// In the end of every plan it is calm: faults are cleared, holds are lifted, controllers work, and time passes. Then everything must rest or say why not, every request must have ended, and
// what was deleted must be gone.
package metamorphic
