package service

import (
	_ "embed" // for the files below
	"slices"
)

var (
	//go:embed definitions/default.yaml
	defaultYAML []byte
	//go:embed definitions/reprovision.yaml
	reprovisionYAML []byte
	//go:embed definition.schema.json
	schemaJSON []byte
)

// Default is the definition that sites begin with: in_service, maintenance, firmware_update and rma. Maintenance and rma hold the machine.
func Default() *Definition { return builtIn(defaultYAML, "default.yaml") }

// DefaultWithReprovision is Default, with a firmware_update that has the host reprovisioned by HostReprovision: back in service when that succeeds, in maintenance when it fails.
func DefaultWithReprovision() *Definition { return builtIn(reprovisionYAML, "reprovision.yaml") }

// builtIn loads a definition that ships with the package; a test proves that it loads.
func builtIn(text []byte, name string) *Definition {
	d, err := Parse(text, name)
	if err != nil {
		return nil
	}
	return d
}

// DefaultYAML is the text of Default, to begin a definition with.
func DefaultYAML() []byte { return slices.Clone(defaultYAML) }

// Schema is the JSON Schema (draft 2020-12) of the format, for editors and other checkers. It checks the form; Load checks the meaning too.
func Schema() []byte { return slices.Clone(schemaJSON) }
