// Package backend holds the contracts between rackstate and the outside world, and the types that cross them.
//
// A host application brings two adapters, or takes the ones that ship with the module:
//
//   - a [Store] keeps the records of objects, their requests and the history of every transition;
//   - a [Driver] makes hardware do things. It is a set of small capability interfaces ([Power], [Firmware], [Fabric], ...);
//     a capability that the hardware lacks is a nil field.
//
// Beside them stand a [CredentialStore], which keeps passwords out of every record, and a [FirmwareCatalog], which knows
// firmware and switch images by name.
//
// The rules that an adapter must keep are written on its interface. Package backendtest turns each rule into a test: an
// adapter that passes it works with every state machine of the module.
//
// Package backend imports nothing else of the module.
package backend
