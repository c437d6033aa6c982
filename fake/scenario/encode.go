package scenario

import (
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// Encode writes scenarios as a file that Parse reads back to equal ones. What is at its zero value is left out. It is for programs that find scenarios; a hand lays a file out better.
func Encode(list ...Scenario) []byte {
	var b strings.Builder
	for i, s := range list {
		if i > 0 {
			b.WriteString("\n")
		}
		fmt.Fprintf(&b, "- name: %s\n", strconv.Quote(s.Name))
		b.WriteString("  given:\n")
		encodeBlock(&b, reflect.ValueOf(s.Given))
		if len(s.When) > 0 {
			b.WriteString("  when:\n")
		}
		for _, step := range s.When {
			fmt.Fprintf(&b, "    - %s\n", step.encode())
		}
		b.WriteString("  then:\n")
		encodeBlock(&b, reflect.ValueOf(s.Then))
	}
	return []byte(b.String())
}

// encodeBlock writes a struct with a line for each key, and one for each entry of a list.
func encodeBlock(b *strings.Builder, v reflect.Value) {
	wrote := false
	for i, key := range keysOf(v.Type()) {
		f := v.Field(i)
		if absent(f) {
			continue
		}
		wrote = true
		if f.Kind() != reflect.Slice || f.Len() == 0 {
			fmt.Fprintf(b, "    %s: %s\n", key, flow(f))
			continue
		}
		fmt.Fprintf(b, "    %s:\n", key)
		for j := range f.Len() {
			fmt.Fprintf(b, "      - %s\n", flow(f.Index(j)))
		}
	}
	if !wrote {
		b.WriteString("    {}\n")
	}
}

// absent reports whether a value is left out. A list that is empty and not nil says something.
func absent(v reflect.Value) bool {
	return v.IsZero() || v.Kind() == reflect.Map && v.Len() == 0
}

// encoder is implemented by types that write themselves.
type encoder interface{ encode() string }

// flow writes a value in one line.
func flow(v reflect.Value) string {
	if e, ok := v.Interface().(encoder); ok && (v.Kind() != reflect.Pointer || !v.IsNil()) {
		return e.encode()
	}
	switch v.Kind() {
	case reflect.Pointer:
		return flow(v.Elem())
	case reflect.Struct:
		var parts []string
		for i, key := range keysOf(v.Type()) {
			if f := v.Field(i); !absent(f) {
				parts = append(parts, key+": "+flow(f))
			}
		}
		return "{" + strings.Join(parts, ", ") + "}"
	case reflect.Map:
		var parts []string
		for _, key := range v.MapKeys() {
			parts = append(parts, word(key.String())+": "+flow(v.MapIndex(key)))
		}
		slices.Sort(parts)
		return "{" + strings.Join(parts, ", ") + "}"
	case reflect.Slice:
		parts := make([]string, v.Len())
		for i := range parts {
			parts[i] = flow(v.Index(i))
		}
		return "[" + strings.Join(parts, ", ") + "]"
	case reflect.String:
		return word(v.String())
	default: // bool and int
		return fmt.Sprint(v.Interface())
	}
}

// word writes a text: as it is when it is plain, quoted otherwise.
func word(text string) string {
	plain := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '/' || r == '-' || r == '_' || r == '.'
	}
	if text == "" || strings.IndexFunc(text, func(r rune) bool { return !plain(r) }) >= 0 || strings.HasPrefix(text, "-") {
		return strconv.Quote(text)
	}
	switch text {
	case "true", "false", "null":
		return strconv.Quote(text)
	}
	return text
}

func (d Duration) encode() string { return d.String() }

// A crash at once is a word by itself.
func (s Step) encode() string {
	keys := s.keys()
	if len(keys) != 1 {
		return "{}"
	}
	if s.Crash != nil {
		if *s.Crash == "" {
			return "crash"
		}
		return "crash: " + *s.Crash
	}
	i, _ := fieldOf(reflect.TypeFor[Step](), keys[0])
	return keys[0] + ": " + flow(reflect.ValueOf(s).Field(i))
}

func (a Activity) encode() string {
	p := activityParams{Firmware: a.Firmware, Components: a.Components, Force: a.Force, Image: a.Image, Power: string(a.Power)}
	if reflect.ValueOf(p).IsZero() {
		return word(string(a.Name))
	}
	return "{" + word(string(a.Name)) + ": " + flow(reflect.ValueOf(p)) + "}"
}

func (j JobState) encode() string {
	if j.State == "failed" {
		return "{failed: " + word(j.Cause) + "}"
	}
	return j.State
}

func (a Answers) encode() string {
	if len(a) == 1 {
		return a[0].encode()
	}
	parts := make([]string, len(a))
	for i := range a {
		parts[i] = a[i].encode()
	}
	return "[" + strings.Join(parts, ", ") + "]"
}

func (a Answer) encode() string {
	switch a.Word {
	case answerError, answerPermanent, answerLost:
		return "{" + a.Word + ": " + word(a.Text) + "}"
	case answerJobs:
		return "{jobs: " + flow(reflect.ValueOf(a.Jobs)) + "}"
	case answerReport:
		return "{report: " + flow(reflect.ValueOf(a.Report)) + "}"
	default:
		return a.Word
	}
}

func (v Datum) encode() string {
	if v.Map == nil {
		return word(v.Text)
	}
	return flow(reflect.ValueOf(v.Map))
}

func (m Mention) encode() string {
	if m.Mentions != nil {
		return "{mentions: " + flow(reflect.ValueOf(m.Mentions)) + "}"
	}
	return flow(reflect.ValueOf(m.Value))
}

// String writes the step as it stands in a file.
func (s Step) String() string { return s.encode() }
