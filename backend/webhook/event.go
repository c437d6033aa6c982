package webhook

import (
	"crypto/sha256"
	"encoding/base32"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/cloudevents/sdk-go/v2/event"

	"github.com/rackstate/rackstate/backend"
)

// EventType is the CloudEvents type of every event.
const EventType = "com.github.rackstate.transition"

// contentType is that of an envelope in the JSON format.
const contentType = event.ApplicationCloudEventsJSON

var idText = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

// eventID names a transition for ever: it is the same at every attempt, after a restart and after a replay. Two sites never have the same one. It holds no dot, because in what is
// signed a dot ends it.
func eventID(source string, t backend.Transition) string {
	sum := sha256.Sum256([]byte(fmt.Sprintf("%s\n%s\n%d", source, t.Ref, t.Seq)))
	return "msg_" + idText.EncodeToString(sum[:16])
}

// envelope is the body of the request that tells of a transition.
func envelope(source string, t backend.Transition) (id string, body []byte, err error) {
	e := event.New(event.CloudEventsVersionV1)
	id = eventID(source, t)
	e.SetID(id)
	e.SetSource(source)
	e.SetType(EventType)
	e.SetSubject(t.Ref.String())
	e.SetTime(t.At)
	e.SetExtension("rack", t.Rack)
	e.SetExtension("partitionkey", t.Ref.String())          // what must stay in order
	e.SetExtension("sequence", fmt.Sprintf("%020d", t.Seq)) // compares as text
	if err := e.SetData(event.ApplicationJSON, t); err != nil {
		return "", nil, fmt.Errorf("event of %s: %w", t.Ref, err)
	}
	if body, err = json.Marshal(e); err != nil {
		return "", nil, fmt.Errorf("event of %s: %w", t.Ref, err)
	}
	return id, body, nil
}

// checkSource refuses a source that no event can have.
func checkSource(source string) error {
	if strings.TrimSpace(source) == "" {
		return errors.New("the Source is empty, must be a URI that names this site, for example /rackstate/hall-1")
	}
	e := event.New(event.CloudEventsVersionV1)
	e.SetID("x")
	e.SetType(EventType)
	e.SetSource(source)
	if err := e.Validate(); err != nil {
		return fmt.Errorf("the Source %q is no URI: %w", source, err)
	}
	return nil
}
