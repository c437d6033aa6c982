package remote

import (
	"encoding/json"

	"github.com/rackstate/rackstate/backend"
)

// call is what a capability is asked. Each uses a few of the fields.
type call struct {
	Key      string                `json:"key,omitempty"`
	Device   backend.Device        `json:"device,omitzero"`
	Devices  []backend.Device      `json:"devices,omitempty"`
	Job      backend.Job           `json:"job,omitzero"`
	Jobs     []backend.Job         `json:"jobs,omitempty"`
	Action   backend.PowerAction   `json:"action,omitempty"`
	Platform backend.PlatformKind  `json:"platform,omitempty"`
	SKU      string                `json:"sku,omitempty"`
	Parts    map[string]string     `json:"parts,omitempty"`
	Firmware backend.FirmwareOrder `json:"firmware,omitzero"`
	// Text is the switch image or the domain of a certificate.
	Text   string              `json:"text,omitempty"`
	On     bool                `json:"on,omitempty"`
	Fabric backend.FabricOrder `json:"fabric,omitzero"`
}

// answer is what came of it. A call for many devices may have both.
type answer struct {
	Value json.RawMessage `json:"value,omitempty"`
	Err   *failure        `json:"error,omitempty"`
}
