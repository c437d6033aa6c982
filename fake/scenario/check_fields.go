package scenario

import (
	"fmt"
	"reflect"
	"strings"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/rackstate/rackstate/backend"
)

func (c *checker) flags(then Then) {
	for _, name := range sortedKeys(then.Flags) {
		want := Fields{}
		for flag, value := range then.Flags[name] {
			want[flag] = Mention{Value: value}
		}
		c.values(name, want)
	}
}

func (c *checker) fields(then Then) {
	for _, name := range sortedKeys(then.Fields) {
		c.values(name, then.Fields[name])
	}
}

// values compares fields of one object.
func (c *checker) values(name string, want Fields) {
	on, err := ref(name)
	if err != nil {
		c.problem(err)
		return
	}
	got, err := c.now(c.ctx, on)
	if err != nil {
		c.differ(name, "an object with fields", err)
		return
	}
	c.compare(name, want, reflect.ValueOf(got))
}

// compare checks the fields of a struct by their keys.
func (c *checker) compare(what string, want Fields, got reflect.Value) {
	for _, key := range sortedKeys(want) {
		m, label := want[key], fmt.Sprintf("%s of %s", key, what)
		i, known := fieldOf(got.Type(), key)
		if !known {
			c.differ(label, m, "no such field")
			continue
		}
		value := got.Field(i)
		if value.Kind() == reflect.Pointer {
			if value.IsNil() {
				c.differ(label, m, "nothing")
				continue
			}
			value = value.Elem()
		}
		switch {
		case m.Mentions != nil:
			c.mentions(label, m.Mentions, fmt.Sprint(value.Interface()))
		case !equal(key, m.Value, value.Interface()):
			c.differ(label, m, value.Interface())
		}
	}
}

// equal compares values. MACs are equal in any case.
func equal(key string, want, got any) bool {
	opts := cmp.Options{cmpopts.EquateEmpty()}
	if strings.Contains(key, "mac") {
		opts = append(opts, cmp.Comparer(strings.EqualFold))
	}
	return cmp.Equal(want, got, opts)
}

func (c *checker) statuses(then Then) {
	for _, name := range sortedKeys(then.Statuses) {
		on, err := ref(name)
		c.problem(err)
		got, err := c.statusesNow(on)
		if err != nil {
			c.differ("statuses of "+name, "an object with statuses", err)
			continue
		}
		for _, which := range sortedKeys(then.Statuses[name]) {
			status := got[which]
			if status == nil {
				c.differ(which+" of "+name, fmt.Sprint(then.Statuses[name][which]), "no status")
				continue
			}
			c.compare(which+" of "+name, then.Statuses[name][which], reflect.ValueOf(*status))
		}
	}
}

// statusesNow are the statuses that a device carries, by name.
func (w *World) statusesNow(on backend.Ref) (map[string]*CycleStatus, error) {
	switch on.Kind {
	case backend.KindMachine:
		m, err := w.manager.Machine(on.ID)
		if err != nil {
			return nil, err
		}
		return map[string]*CycleStatus{"firmware_upgrade": cycleNow(m.FirmwareUpgrade)}, nil
	case backend.KindPowerShelf:
		p, err := w.manager.PowerShelf(on.ID)
		if err != nil {
			return nil, err
		}
		return map[string]*CycleStatus{"firmware_upgrade": cycleNow(p.FirmwareUpgrade)}, nil
	case backend.KindSwitch:
		s, err := w.manager.Switch(on.ID)
		if err != nil {
			return nil, err
		}
		return map[string]*CycleStatus{"firmware_upgrade": cycleNow(s.FirmwareUpgrade), "nvos_update": cycleNow(s.NVOSUpdate), "fabric_manager": fabricNow(s.Fabric)}, nil
	default:
		return nil, fmt.Errorf("%s has no statuses", on)
	}
}
