package temporal

import (
	"context"
	"errors"
	"fmt"

	"go.temporal.io/api/enums/v1"
	"go.temporal.io/api/operatorservice/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
	sdk "go.temporal.io/sdk/temporal"
)

// The names of the search attributes. All are keywords.
const (
	rackAttribute  = "RackstateRack"
	stateAttribute = "RackstateState"
	nodeAttribute  = "RackstateNode"
)

// RackKey is the search attribute that holds the id of a workflow's rack.
func RackKey() sdk.SearchAttributeKeyKeyword { return sdk.NewSearchAttributeKeyKeyword(rackAttribute) }

// StateKey is the search attribute that holds the state of a workflow's rack or node, as it was last seen: RackstateState STARTS_WITH 'Maintenance' selects all
// racks in maintenance.
func StateKey() sdk.SearchAttributeKeyKeyword {
	return sdk.NewSearchAttributeKeyKeyword(stateAttribute)
}

// NodeKey is the search attribute that holds the id of a journey's node.
func NodeKey() sdk.SearchAttributeKeyKeyword { return sdk.NewSearchAttributeKeyKeyword(nodeAttribute) }

// RegisterAttributes makes the search attributes known to a namespace, as far as they are not. A namespace has room for few keywords, so workflows use them only when
// their options say so. The error is what the server said, or names an attribute that has another type.
func RegisterAttributes(ctx context.Context, c client.Client, namespace string) error {
	svc := c.OperatorService()
	known, err := svc.ListSearchAttributes(ctx, &operatorservice.ListSearchAttributesRequest{Namespace: namespace})
	if err != nil {
		return fmt.Errorf("list the search attributes of %s: %w", namespace, err)
	}
	missing := map[string]enums.IndexedValueType{}
	for _, name := range []string{rackAttribute, stateAttribute, nodeAttribute} {
		switch have, there := known.GetCustomAttributes()[name]; {
		case !there:
			missing[name] = enums.INDEXED_VALUE_TYPE_KEYWORD
		case have != enums.INDEXED_VALUE_TYPE_KEYWORD:
			return fmt.Errorf("search attribute %s of %s is a %s, and must be a keyword", name, namespace, have)
		}
	}
	if len(missing) == 0 {
		return nil
	}
	_, err = svc.AddSearchAttributes(ctx, &operatorservice.AddSearchAttributesRequest{Namespace: namespace, SearchAttributes: missing})
	var exists *serviceerror.AlreadyExists // another process was quicker
	if err != nil && !errors.As(err, &exists) {
		return fmt.Errorf("add search attributes to %s: %w", namespace, err)
	}
	return nil
}
