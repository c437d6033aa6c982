package rackstate_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/rackstate/rackstate/fake/verify"
	"github.com/rackstate/rackstate/internal/golden"
)

// TestTheRulesArePrinted writes the list in docs/proof.md.
func TestTheRulesArePrinted(t *testing.T) {
	t.Parallel()
	var text strings.Builder
	text.WriteString("| promise | rule |\n|---|---|\n")
	for promise := range 10 {
		for _, r := range verify.Rules() {
			if r.Promise%10 != (promise+1)%10 {
				continue
			}
			number := fmt.Sprint(r.Promise)
			if r.Promise == 0 {
				number = ""
			}
			fmt.Fprintf(&text, "| %s | %s |\n", number, r.Name)
		}
	}
	golden.Region(t, "docs/proof.md", "rules", "", text.String())
}
