package backend

import (
	"context"
	"crypto/subtle"
	"fmt"
	"log/slog"
)

// Secret is a password or key. It never shows itself: printed, logged, or encoded as JSON or text it is "[secret]". Only Reveal returns it, so a search
// for Reveal finds every place where a secret leaves. The text lies behind a pointer because package fmt looks into the unexported fields of whatever holds a Secret, without asking
// it; so Secrets are compared with Equal, not with ==.
type Secret struct{ value *string }

const hidden = "[secret]"

// NewSecret wraps a password.
func NewSecret(value string) Secret {
	if value == "" {
		return Secret{}
	}
	return Secret{value: &value}
}

// Reveal returns the secret itself.
func (s Secret) Reveal() string {
	if s.value == nil {
		return ""
	}
	return *s.value
}

// Equal reports whether two secrets are the same, in a time that does not depend on where they differ.
func (s Secret) Equal(o Secret) bool {
	return subtle.ConstantTimeCompare([]byte(s.Reveal()), []byte(o.Reveal())) == 1
}

// IsZero reports whether there is no secret.
func (s Secret) IsZero() bool { return s.value == nil }

// String returns "[secret]".
func (Secret) String() string { return hidden }

// Format prints "[secret]" for every verb.
func (Secret) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(hidden)) }

// MarshalText returns "[secret]", for JSON, YAML and the like.
func (Secret) MarshalText() ([]byte, error) { return []byte(hidden), nil }

// LogValue returns "[secret]", for log/slog.
func (Secret) LogValue() slog.Value { return slog.StringValue(hidden) }

// Credential is a user name and its password.
type Credential struct {
	User     string
	Password Secret
}

// CredentialStore keeps the credentials of devices, by name. Records, history, logs and errors hold the name only; a driver looks the secret up
// when it needs it. Names are made by BMCCredential and NVOSCredential.
//
// A CredentialStore must be safe for concurrent use. Put is durable as far as the store is.
type CredentialStore interface {
	// Credential returns the credential of that name, or an error that wraps ErrNotFound.
	Credential(ctx context.Context, name string) (Credential, error)
	// PutCredential stores a credential and replaces an earlier one of that name.
	PutCredential(ctx context.Context, name string, c Credential) error
	// DeleteCredential removes a credential. One that is not there is no error.
	DeleteCredential(ctx context.Context, name string) error
}

// BMCCredential is the name of the credential of the management controller of a device.
func BMCCredential(device Ref) string { return "bmc/" + device.String() }

// NVOSCredential is the name of the credential of the operating system of a switch.
func NVOSCredential(device Ref) string { return "nvos/" + device.String() }
