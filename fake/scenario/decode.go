package scenario

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
)

// decoder turns nodes of a file into values. It is stricter than YAML libraries are: a key that nobody knows is a problem, plain words stay words, numbers keep the form
// in which they are written, and what has no value is missing. It collects all problems of a scenario.
type decoder struct{ problems []problem }

// problem is something that is wrong with a file. A line of zero is unknown.
type problem struct {
	line int
	text string
}

// custom is implemented by types that read themselves.
type custom interface {
	decode(d *decoder, node ast.Node)
}

func (d *decoder) fail(node ast.Node, format string, args ...any) {
	d.problems = append(d.problems, problem{line: line(node), text: fmt.Sprintf(format, args...)})
}

// line is where a node stands.
func line(node ast.Node) int {
	switch n := node.(type) {
	case *ast.MappingNode:
		if !n.IsFlowStyle && len(n.Values) > 0 {
			return line(n.Values[0].Key)
		}
	case *ast.SequenceNode:
		if !n.IsFlowStyle && len(n.Values) > 0 {
			return line(n.Values[0])
		}
	}
	if tk := node.GetToken(); tk != nil && tk.Position != nil {
		return tk.Position.Line
	}
	return 0
}

// into reads a node into a value.
func (d *decoder) into(node ast.Node, v reflect.Value) {
	if !d.plain(node) {
		return
	}
	if c, ok := v.Addr().Interface().(custom); ok {
		c.decode(d, node)
		return
	}
	switch v.Kind() {
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		d.into(node, v.Elem())
	case reflect.Struct:
		d.fields(node, v)
	case reflect.Map:
		d.entries(node, v)
	case reflect.Slice:
		d.list(node, v)
	default:
		d.scalar(node, v)
	}
}

// plain refuses what a scenario file has no use for.
func (d *decoder) plain(node ast.Node) bool {
	switch node.(type) {
	case *ast.NullNode:
		d.fail(node, "a value is missing; write [] or {} for an empty one")
	case *ast.AnchorNode, *ast.AliasNode, *ast.TagNode, *ast.DirectiveNode:
		d.fail(node, "anchors, aliases, tags and directives are not read; write the value out")
	default:
		return true
	}
	return false
}

// pair is one entry of a map.
type pair struct {
	key  string
	at   ast.Node
	node ast.Node
}

// pairs lists the entries of a map node.
func (d *decoder) pairs(node ast.Node) ([]pair, bool) {
	var values []*ast.MappingValueNode
	switch n := node.(type) {
	case *ast.MappingNode:
		values = n.Values
	case *ast.MappingValueNode:
		values = []*ast.MappingValueNode{n}
	default:
		d.fail(node, "%s is no map; keys with values belong here", found(node))
		return nil, false
	}
	out := make([]pair, 0, len(values))
	for _, v := range values {
		key, ok := text(v.Key)
		if !ok {
			d.fail(v, "a key is a plain word")
			continue
		}
		out = append(out, pair{key: key, at: v.Key, node: v.Value})
	}
	return out, true
}

func (d *decoder) fields(node ast.Node, v reflect.Value) {
	all, ok := d.pairs(node)
	if !ok {
		return
	}
	for _, p := range all {
		i, known := fieldOf(v.Type(), p.key)
		if !known {
			d.fail(p.at, "unknown key %q; known are %s", p.key, strings.Join(keysOf(v.Type()), ", "))
			continue
		}
		d.into(p.node, v.Field(i))
	}
}

// fieldOf finds the field of a struct that has a key.
func fieldOf(t reflect.Type, key string) (int, bool) {
	for i := range t.NumField() {
		if name := t.Field(i).Tag.Get("yaml"); name == key && name != "" {
			return i, true
		}
	}
	return 0, false
}

func keysOf(t reflect.Type) []string {
	var out []string
	for i := range t.NumField() {
		if name := t.Field(i).Tag.Get("yaml"); name != "" {
			out = append(out, name)
		}
	}
	return out
}

func (d *decoder) entries(node ast.Node, v reflect.Value) {
	all, ok := d.pairs(node)
	if !ok {
		return
	}
	v.Set(reflect.MakeMapWithSize(v.Type(), len(all)))
	for _, p := range all {
		value := reflect.New(v.Type().Elem()).Elem()
		d.into(p.node, value)
		v.SetMapIndex(reflect.ValueOf(p.key).Convert(v.Type().Key()), value)
	}
}

func (d *decoder) list(node ast.Node, v reflect.Value) {
	n, ok := node.(*ast.SequenceNode)
	if !ok {
		d.fail(node, "%s is no list", found(node))
		return
	}
	v.Set(reflect.MakeSlice(v.Type(), len(n.Values), len(n.Values)))
	for i, value := range n.Values {
		d.into(value, v.Index(i))
	}
}

func (d *decoder) scalar(node ast.Node, v reflect.Value) {
	word, ok := text(node)
	if !ok {
		d.fail(node, "%s is no single value", found(node))
		return
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString(word)
	case reflect.Bool:
		if !isBool(node) {
			d.fail(node, "%q is neither true nor false", word)
			return
		}
		v.SetBool(word == "true")
	case reflect.Int:
		n, err := strconv.Atoi(word)
		if err != nil {
			d.fail(node, "%q is no whole number", word)
			return
		}
		v.SetInt(int64(n))
	default:
		d.fail(node, "values of type %s are not read", v.Type())
	}
}

// text is the content of a scalar as it is written, so that the version 2.0 stays 2.0 and on stays on.
func text(node ast.Node) (string, bool) {
	switch n := node.(type) {
	case *ast.StringNode:
		return n.Value, true
	case *ast.LiteralNode:
		return n.Value.Value, true
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode, *ast.InfinityNode, *ast.NanNode:
		return node.GetToken().Value, true
	default:
		return "", false
	}
}

// isBool: only the plain words true and false are booleans.
func isBool(node ast.Node) bool {
	_, ok := node.(*ast.BoolNode)
	word, _ := text(node)
	return ok && slices.Contains([]string{"true", "false"}, word)
}

// found names what stands in the file.
func found(node ast.Node) string {
	if word, ok := text(node); ok {
		return strconv.Quote(word)
	}
	switch node.(type) {
	case *ast.MappingNode, *ast.MappingValueNode:
		return "a map"
	case *ast.SequenceNode:
		return "a list"
	case *ast.NullNode:
		return "nothing"
	default:
		return strings.ToLower(node.Type().String())
	}
}

// maxFile bounds the size of a file, in bytes: a larger one was not written by a person.
const maxFile = 1 << 20

// parse reads the list of scenarios of a file. A parser that panics is a malformed file like any other.
func parse(raw []byte) (list []ast.Node, wrong []problem) {
	defer func() {
		if r := recover(); r != nil {
			list, wrong = nil, []problem{{text: fmt.Sprintf("it cannot be parsed: %v", r)}}
		}
	}()
	if len(raw) > maxFile {
		return nil, []problem{{text: fmt.Sprintf("it has %d bytes, at most %d are read", len(raw), maxFile)}}
	}
	file, err := parser.ParseBytes(raw, 0)
	if err != nil {
		var at yaml.Error
		if errors.As(err, &at) && at.GetToken() != nil {
			return nil, []problem{{line: at.GetToken().Position.Line, text: at.GetMessage()}}
		}
		return nil, []problem{{text: err.Error()}}
	}
	switch {
	case len(file.Docs) > 1:
		return nil, []problem{{line: line(file.Docs[1]), text: "a file is one document; a second one begins here"}}
	case len(file.Docs) == 0 || file.Docs[0].Body == nil:
		return nil, []problem{{text: "it holds no scenario"}}
	}
	seq, ok := file.Docs[0].Body.(*ast.SequenceNode)
	if !ok {
		return nil, []problem{{line: line(file.Docs[0].Body), text: "a file is a list of scenarios; each begins with - name:"}}
	}
	return seq.Values, nil
}
