package main

import (
	"context"

	"github.com/rackstate/rackstate/lifecycle/rest"
)

// Bounds of metadata, in bytes.
const (
	maxKey   = 256
	maxValue = 4096
)

type patchMetadataInput struct {
	NodePath
	IfMatch
	Body map[string]*string `contentType:"application/merge-patch+json" maxProperties:"64" doc:"A JSON merge patch: a text sets a key, null removes it."`
}

func (a *api) patchMetadata(ctx context.Context, in *patchMetadataInput) (*nodeOutput, error) {
	version, err := in.version()
	if err != nil {
		return nil, err
	}
	set := map[string]string{}
	var remove []string
	for key, value := range in.Body {
		if p := badPair(key, value); p != nil {
			return nil, p
		}
		if value == nil {
			remove = append(remove, key)
		} else {
			set[key] = *value
		}
	}
	d, err := a.nodes.SetMetadata(ctx, in.ID, version, set, remove...)
	if err != nil {
		return nil, a.fail(ctx, err, rest.IdentityFrom(ctx).Name)
	}
	return &nodeOutput{ETag: etag(d.Version), Body: *d}, nil
}

// badPair is the problem of a pair that is too large, nil if it is not.
func badPair(key string, value *string) *rest.Problem {
	if len(key) == 0 || len(key) > maxKey || value != nil && len(*value) > maxValue {
		return invalid("body.metadata", "metadata has keys of 1 to 256 bytes, and values of up to 4096")
	}
	return nil
}
