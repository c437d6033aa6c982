package rest_test

import (
	"encoding/json"
	"maps"
	"math"
	"slices"
	"strings"
	"time"
)

// body makes the text of a body.
func (f *fuzzer) body(schema map[string]any, wild int) string {
	value := f.valid(schema, 0)
	switch wild {
	case 2:
		value = f.spoil(value)
	case 3:
		switch f.IntN(8) {
		case 0:
			return f.mess(schema)
		case 1:
			return strings.Repeat("[", 1+f.IntN(20_000))
		case 2:
			return strings.Repeat(" ", 17<<10)
		}
		for range 1 + f.IntN(4) {
			value = f.spoil(value)
		}
	}
	raw, err := json.Marshal(value)
	if err != nil {
		return "{"
	}
	text := string(raw)
	if wild == 3 && f.IntN(5) == 0 { // cut, or with a byte that is no text
		at := f.IntN(len(text) + 1)
		return text[:at] + []string{"", "\xff", "\x00", "}"}[f.IntN(4)]
	}
	return text
}

// resolve follows a reference.
func (f *fuzzer) resolve(schema map[string]any) map[string]any {
	for ref := text(schema, "$ref"); ref != ""; ref = text(schema, "$ref") {
		schema = object(f.rig.doc.root, strings.Split(strings.TrimPrefix(ref, "#/"), "/")...)
	}
	return schema
}

// valid makes a value that a schema takes.
func (f *fuzzer) valid(schema map[string]any, depth int) any {
	schema = f.resolve(schema)
	if enum := list(schema, "enum"); len(enum) > 0 {
		return enum[f.IntN(len(enum))]
	}
	types := typesOf(schema)
	if len(types) == 0 {
		types = []string{"string", "object", "integer", "null"}
	}
	switch types[f.IntN(len(types))] {
	case "object":
		return f.validObject(schema, depth)
	case "array":
		out := []any{}
		low, high := int(number(schema, "minItems", 0)), int(number(schema, "maxItems", 4))
		for range low + f.IntN(min(high-low, 4)+1) {
			out = append(out, f.valid(object(schema, "items"), depth+1))
		}
		return out
	case "integer":
		return int64(number(schema, "minimum", -3)) + int64(f.IntN(50))
	case "number":
		return number(schema, "minimum", -3) + f.Float64()
	case "boolean":
		return f.IntN(2) == 0
	case "null":
		return nil
	}
	return f.validText(schema)
}

func (f *fuzzer) validObject(schema map[string]any, depth int) any {
	out := map[string]any{}
	properties := object(schema, "properties")
	for _, name := range slices.Sorted(maps.Keys(properties)) {
		if slices.Contains(list(schema, "required"), any(name)) || f.IntN(2) == 0 {
			out[name] = f.valid(properties[name].(map[string]any), depth+1)
		}
	}
	// What the schema cannot say: names that would be known.
	for name, values := range map[string][]any{"type": {"pack", "pack", "free"}, "on": {[]any{"crate/a"}, []any{"crate/b", "crate/d"}, []any{"crate/zz"}}} {
		if _, there := out[name]; there {
			out[name] = values[f.IntN(len(values))]
		}
	}
	if _, there := out["params"]; there {
		out["params"] = []any{map[string]any{}, map[string]any{"jam": true}, map[string]any{"label": "x"}}[f.IntN(3)]
	}
	if more, ok := schema["additionalProperties"].(map[string]any); ok && depth < 4 {
		for range f.IntN(4) {
			out[f.word()] = f.valid(more, depth+1)
		}
	}
	return out
}

func (f *fuzzer) validText(schema map[string]any) string {
	if text(schema, "format") == "date-time" {
		return f.rig.clock.Now().Add(time.Duration(f.IntN(7200)-1800) * time.Second).Format(time.RFC3339)
	}
	if strings.Contains(text(schema, "pattern"), "0-9") {
		return []string{"0", "1", "7"}[f.IntN(3)]
	}
	s := f.word()
	if low := int(number(schema, "minLength", 0)); len(s) < low {
		s += strings.Repeat("x", low-len(s))
	}
	return s[:min(len(s), int(number(schema, "maxLength", 20)))]
}

// word is a short text.
func (f *fuzzer) word() string {
	return []string{"x", "site", "T-17", "hot", "a=b", "alice", "k1", "k2", "long-enough"}[f.IntN(9)]
}

// mess is a text that hardly any schema takes.
func (f *fuzzer) mess(schema map[string]any) string {
	return []string{
		"", "-1", "0", "1e999", "9223372036854775808", "NaN", "true", "null", "{}", "[]", `"`, "%", "\x00", "\xff\xfe", "ü€𝄞", "../..", "a/b", "a b", "*", "W/\"1\"", "\r\n", "'; DROP TABLE objects; --",
		strings.Repeat("x", int(number(schema, "maxLength", 200))+1), "2026-13-45T99:99:99Z", "eyJmIjoieCIsImwiOjF9", "=", "&", "?plan=true",
	}[f.IntN(28)]
}

// spoil changes one thing somewhere in a value.
func (f *fuzzer) spoil(v any) any {
	switch v := v.(type) {
	case map[string]any:
		names := slices.Sorted(maps.Keys(v))
		switch {
		case len(names) == 0 || f.IntN(5) == 0:
			v[f.mess(nil)] = f.junk()
		case f.IntN(4) == 0:
			delete(v, names[f.IntN(len(names))])
		default:
			name := names[f.IntN(len(names))]
			v[name] = f.spoil(v[name])
		}
		return v
	case []any:
		if len(v) > 0 && f.IntN(2) == 0 {
			i := f.IntN(len(v))
			v[i] = f.spoil(v[i])
			return v
		}
		for range f.IntN(1200) {
			v = append(v, f.mess(nil))
		}
		return v
	}
	return f.junk()
}

// junk is a value of any type.
func (f *fuzzer) junk() any {
	return []any{nil, true, -1, 1e300, math.MaxInt64, f.mess(nil), []any{}, []any{nil}, map[string]any{}, map[string]any{"": nil}, strings.Repeat("y", 5000)}[f.IntN(11)]
}

func number(schema map[string]any, name string, otherwise float64) float64 {
	n, ok := schema[name].(json.Number)
	if !ok {
		return otherwise
	}
	v, err := n.Float64()
	if err != nil {
		return otherwise
	}
	return v
}
