package scenario

import (
	"encoding/json"
	"fmt"
	"maps"

	"github.com/google/go-cmp/cmp"
)

// values are the facts of an object under the names that given has for them.
func (c *checker) values(name string) map[string]any {
	rec := c.object(name)
	if rec == nil {
		c.differ(name, "an object", "no such object")
		return nil
	}
	raw := map[string]any{}
	c.problem(json.Unmarshal(rec.Data, &raw))
	out := map[string]any{"deleted": raw["deletion"] != nil, "labels": map[string]any{}, "state": rec.State}
	defaults := map[string]any{"topology_changed": false, "reprovision_requested": false, "primary": false, "tenant_approved": false, "retry_count": 0.0, "cause": "", "origin": "",
		"run_id": "", "return_to": "", "power": "", "slot": 0.0, "tray": 0.0, "firmware": map[string]any{}, "dpus": 0.0}
	maps.Copy(out, defaults)
	maps.Copy(out, raw)
	if cycle, ok := raw["cycle"].(map[string]any); ok {
		out["cycle"] = cycle["id"]
	}
	return out
}

func (c *checker) fields(then Then) {
	for _, name := range sortedKeys(then.Flags) {
		got := c.values(name)
		for _, flag := range sortedKeys(then.Flags[name]) {
			if want := then.Flags[name][flag]; got != nil && got[flag] != want {
				c.differ(fmt.Sprintf("%s of %s", flag, name), want, got[flag])
			}
		}
	}
	for _, name := range sortedKeys(then.Fields) {
		if got := c.values(name); got != nil {
			c.compare(name, then.Fields[name], got)
		}
	}
}

// compare checks values by name; one that nobody has is a mistake of the scenario.
func (c *checker) compare(what string, want Fields, got map[string]any) {
	for _, field := range sortedKeys(want) {
		value, known := got[field]
		m := want[field]
		label := fmt.Sprintf("%s of %s", field, what)
		switch {
		case !known && m.Mentions == nil && fmt.Sprint(m.Value) == "":
		case !known:
			c.differ(label, m.Value, "no such field")
		case m.Mentions != nil:
			c.mentions(label, m.Mentions, fmt.Sprint(value))
		case !cmp.Equal(normal(m.Value), normal(value)):
			c.differ(label, m.Value, value)
		}
	}
}

// normal brings numbers and maps of YAML and JSON into one form.
func normal(v any) any {
	raw, err := json.Marshal(v)
	if err != nil {
		return fmt.Sprint(v)
	}
	var out any
	if json.Unmarshal(raw, &out) != nil {
		return fmt.Sprint(v)
	}
	return out
}

// statusNames are the names of given for the statuses of a cycle, and the fields in which they are kept.
var statusNames = map[string]string{"firmware_upgrade": "firmware_upgrade_status", "nvos_update": "nvos_update_status", "fabric_manager": "fabric_manager_status"}

func (c *checker) statuses(then Then) {
	for _, name := range sortedKeys(then.Statuses) {
		got := c.values(name)
		if got == nil {
			continue
		}
		for _, which := range sortedKeys(then.Statuses[name]) {
			status, ok := got[statusNames[which]].(map[string]any)
			if !ok {
				c.differ(which+" of "+name, "a status", "none")
				continue
			}
			out := map[string]any{"cause": "", "reason": "", "error": ""}
			maps.Copy(out, status)
			c.compare(which+" of "+name, then.Statuses[name][which], out)
		}
	}
}
