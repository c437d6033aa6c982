package sitefile

import (
	"errors"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/scanner"
	"github.com/goccy/go-yaml/token"

	"github.com/rackstate/rackstate/rack"
)

// maxUnfolded bounds how many values aliases and merge keys may add to a file: nested aliases multiply.
const maxUnfolded = 1_000_000

// parseYAML makes the tree of a YAML text.
func parseYAML(data []byte) (root *node, problem *rack.SiteError) {
	defer func() { // the parser is not ours, and no file may end the host application
		if cause := recover(); cause != nil {
			root, problem = nil, broken(ErrSyntax, position{}, "not YAML: the parser cannot read it")
		}
	}()
	if err := guardText(data); err != nil {
		return nil, err
	}
	tokens := tokenize(string(data))
	if err := guardTokens(tokens); err != nil {
		return nil, err
	}
	file, err := parser.Parse(tokens, 0, parser.AllowDuplicateMapKey())
	if err != nil {
		return nil, syntaxError(err)
	}
	var docs []ast.Node
	for _, doc := range file.Docs {
		if doc != nil && doc.Body != nil {
			docs = append(docs, doc.Body)
		}
	}
	switch len(docs) {
	case 0:
		return nil, broken(ErrSyntax, position{}, "the file is empty")
	case 1:
		t := &yamlTree{anchors: map[string]*node{}}
		root = t.node(docs[0], 1)
		return root, t.problem
	default:
		return nil, broken(ErrSyntax, placeOf(docs[1]), "the file holds more than one document")
	}
}

// tokenize stops at the first invalid token, which the parser then reports.
func tokenize(text string) token.Tokens {
	var tokens token.Tokens
	var s scanner.Scanner
	s.Init(text)
	for {
		next, err := s.Scan()
		tokens.Add(next...)
		if err != nil {
			return tokens
		}
	}
}

// syntaxError takes over the parser's message without what it quotes of the file, since that can be a password.
func syntaxError(err error) *rack.SiteError {
	var syntax *yaml.SyntaxError
	if !errors.As(err, &syntax) {
		return broken(ErrSyntax, position{}, "not YAML")
	}
	message, _, _ := strings.Cut(syntax.Message, `"`)
	return broken(ErrSyntax, placeOfToken(syntax.Token), "not YAML: %s", strings.TrimRight(message, ": "))
}

func placeOfToken(t *token.Token) position {
	if t == nil || t.Position == nil {
		return position{}
	}
	return position{t.Position.Line, t.Position.Column}
}

// placeOf returns where a value begins; the parser gives block mappings the place of their first colon.
func placeOf(n ast.Node) position {
	switch n := n.(type) {
	case *ast.MappingNode:
		if !n.IsFlowStyle && len(n.Values) > 0 {
			return placeOf(n.Values[0])
		}
	case *ast.MappingValueNode:
		return placeOf(n.Key)
	case nil:
		return position{}
	}
	return placeOfToken(n.GetToken())
}

// yamlTree turns the parser's tree into ours.
type yamlTree struct {
	anchors  map[string]*node
	unfolded int
	problem  *rack.SiteError // the first thing that makes the tree useless
}

func badNode(at position, problem string) *node {
	return &node{kind: bad, at: at, text: problem, size: 1}
}

func (t *yamlTree) node(n ast.Node, depth int) *node {
	at := placeOf(n)
	if depth > maxDepth {
		t.fail(at, "values lie more than %d levels deep", maxDepth)
	}
	if t.problem != nil {
		return badNode(at, "the tree is incomplete")
	}
	switch n := n.(type) {
	case nil, *ast.NullNode:
		return &node{kind: null, at: at, size: 1}
	case *ast.MappingNode:
		return t.mapping(n.Values, at, depth)
	case *ast.MappingValueNode:
		return t.mapping([]*ast.MappingValueNode{n}, at, depth)
	case *ast.SequenceNode:
		out := &node{kind: list, at: at, size: 1}
		for _, value := range n.Values {
			out.add(child{value: t.node(value, depth+1)})
		}
		return out
	case *ast.AnchorNode:
		value := t.node(n.Value, depth+1)
		t.anchors[nameOf(n.Name)] = value
		return value
	case *ast.AliasNode:
		return t.alias(n, at)
	case *ast.TagNode:
		return t.tagged(n, at, depth)
	default:
		return scalar(n, at)
	}
}

func (t *yamlTree) fail(at position, format string, limit int) {
	if t.problem == nil {
		t.problem = broken(ErrTooLarge, at, format, limit)
	}
}

func (t *yamlTree) mapping(entries []*ast.MappingValueNode, at position, depth int) *node {
	out := &node{kind: mapping, at: at, size: 1}
	var merged []*node
	for _, entry := range entries {
		value := t.node(entry.Value, depth+1)
		if entry.Key.IsMergeKey() {
			merged = append(merged, value)
			continue
		}
		out.add(child{key: nameOf(entry.Key), keyAt: placeOf(entry.Key), value: value})
	}
	if len(merged) == 0 {
		return out
	}
	return t.merge(out, merged)
}

// merge adds the entries of other mappings that out does not have itself.
func (t *yamlTree) merge(out *node, from []*node) *node {
	have := make(map[string]bool, len(out.children))
	for _, c := range out.children {
		have[c.key] = true
	}
	for len(from) > 0 {
		source := from[0]
		from = from[1:]
		switch source.kind {
		case mapping:
			for _, c := range source.children {
				if !have[c.key] {
					have[c.key] = true
					out.add(c)
				}
			}
		case list:
			for _, c := range source.children {
				if c.value.kind != mapping {
					return badNode(c.value.at, "a merge key takes mappings only")
				}
				from = append(from, c.value)
			}
		default:
			return badNode(source.at, "a merge key takes mappings only")
		}
	}
	return out
}

func (t *yamlTree) alias(n *ast.AliasNode, at position) *node {
	target, found := t.anchors[nameOf(n.Value)]
	if !found {
		return badNode(at, "it refers to an anchor that is not defined before it; put a text that begins with * in quotes")
	}
	if t.unfolded += target.size; t.unfolded > maxUnfolded {
		t.fail(at, "aliases unfold into more than %d values", maxUnfolded)
	}
	here := *target
	here.at = at
	return &here
}

func (t *yamlTree) tagged(n *ast.TagNode, at position, depth int) *node {
	value := t.node(n.Value, depth+1)
	isScalar := value.kind == text || value.kind == number || value.kind == boolean
	if n.Start == nil || n.Start.Value != "!!str" || !isScalar {
		return badNode(at, "tags are not read here, except !!str before a single value; put a text that begins with ! in quotes")
	}
	here := *value
	here.kind = text
	return &here
}

// nameOf returns the text of a key, an anchor or an alias, and "" for a key that is none of them.
func nameOf(n ast.Node) string {
	switch n := n.(type) {
	case nil:
		return ""
	case *ast.MappingKeyNode:
		return nameOf(n.Value)
	case *ast.AnchorNode:
		return nameOf(n.Value)
	case *ast.TagNode:
		return nameOf(n.Value)
	case *ast.MappingNode, *ast.MappingValueNode, *ast.SequenceNode, *ast.AliasNode:
		return ""
	default:
		return scalar(n, position{}).text
	}
}
