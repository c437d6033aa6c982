package service

import (
	"errors"
	"regexp"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/scanner"
	"github.com/goccy/go-yaml/token"
)

// value is one value of a file.
type value struct {
	kind  shape
	at    position
	text  string  // of a scalar
	list  []value // of a list
	pairs []pair  // of a mapping, in the order of the file
	inner int     // how far behind at the text of a scalar begins: 1 behind a quote, -1 when it is spread over lines
}

type pair struct {
	key   string
	keyAt position
	value value
}

type shape uint8

const (
	isNull shape = iota
	isBool
	isNumber
	isText
	isList
	isMapping
	isBad // it was reported already
)

// String names a shape for a message.
func (s shape) String() string {
	return [...]string{"nothing", "true or false", "a number", "text", "a list", "a mapping", "something unreadable"}[s]
}

// tree makes the tree of a text. It reports problems and returns false when there is none.
func (ps *problems) tree(data []byte) (root value, ok bool) {
	defer func() { // the parser is not ours, and no file may end the host application
		if recover() != nil {
			ps.report(position{}, "not YAML: the parser cannot read it")
			root, ok = value{}, false
		}
	}()
	if !ps.scannable(data) {
		return value{}, false
	}
	tokens := tokenize(string(data))
	if !ps.readable(tokens) {
		return value{}, false
	}
	file, err := parser.Parse(tokens, 0, parser.AllowDuplicateMapKey())
	if err != nil {
		at, message := syntaxText(err)
		ps.report(at, "not YAML: %s", message)
		return value{}, false
	}
	var bodies []ast.Node
	for _, doc := range file.Docs {
		if doc != nil && doc.Body != nil {
			bodies = append(bodies, doc.Body)
		}
	}
	switch len(bodies) {
	case 0:
		ps.report(position{}, "the file is empty")
	case 1:
		return ps.value(bodies[0]), true
	default:
		ps.report(place(bodies[1]), "a second document begins here; a file holds one definition")
	}
	return value{}, false
}

// The scanner's time grows with the square of these.
const (
	maxBreaks = 200 // ends of lines in a row
	maxTabs   = 100 // tabs in one line
)

// scannable refuses text that takes the scanner very long.
func (ps *problems) scannable(data []byte) bool {
	at, breaks, tabs := position{1, 1}, 0, 0
	for _, c := range data {
		switch c {
		case '\n', '\r':
			breaks++
			tabs = 0
			if c == '\n' {
				at.line++
			}
		case '\t':
			tabs++
		case ' ':
		default:
			breaks = 0
		}
		switch {
		case breaks > maxBreaks:
			ps.report(at, "more than %d empty lines in a row", maxBreaks)
			return false
		case tabs > maxTabs:
			ps.report(at, "more than %d tabs in a line", maxTabs)
			return false
		}
	}
	return true
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

// maxMarks bounds the marks - and : and the brackets in a row. The format has six levels; the parser's time and stack grow with the depth.
const maxMarks = 32

// readable refuses the parts of YAML that a definition does not need, and text that takes the parser very long.
func (ps *problems) readable(tokens token.Tokens) bool {
	flow, marks := 0, 0
	for _, t := range tokens {
		if t == nil || t.Position == nil || t.Type == token.CommentType {
			continue
		}
		switch t.Type {
		case token.AliasType:
			ps.report(tokenPlace(t), `aliases are not read here; put a text that begins with * in quotes, such as from: "*"`)
			return false
		case token.AnchorType, token.TagType, token.DirectiveType, token.MergeKeyType:
			ps.report(tokenPlace(t), "anchors, tags, merge keys and directives are not read here; put a text that begins with &, ! or %% in quotes")
			return false
		case token.SequenceStartType, token.MappingStartType:
			flow++
		case token.SequenceEndType, token.MappingEndType:
			flow = max(flow-1, 0)
		case token.MappingKeyType:
			ps.report(tokenPlace(t), "keys behind a question mark are not read here; put a text that begins with ? in quotes")
			return false
		case token.SequenceEntryType, token.MappingValueType:
			marks++
		default:
			marks = 0
		}
		if flow+marks > maxMarks {
			ps.report(tokenPlace(t), "values lie too deep in each other")
			return false
		}
	}
	return true
}

func syntaxText(err error) (position, string) {
	var syntax *yaml.SyntaxError
	if !errors.As(err, &syntax) {
		return position{}, err.Error()
	}
	message, _, _ := strings.Cut(syntax.Message, "\n")
	return tokenPlace(syntax.Token), message
}

func tokenPlace(t *token.Token) position {
	if t == nil || t.Position == nil {
		return position{}
	}
	return position{t.Position.Line, t.Position.Column}
}

// place returns where a value begins; the parser gives block mappings the place of their first colon.
func place(n ast.Node) position {
	switch n := n.(type) {
	case nil:
		return position{}
	case *ast.MappingNode:
		if !n.IsFlowStyle && len(n.Values) > 0 {
			return place(n.Values[0])
		}
	case *ast.MappingValueNode:
		return place(n.Key)
	case *ast.SequenceNode:
		if !n.IsFlowStyle && n.Start != nil {
			return tokenPlace(n.Start)
		}
	}
	return tokenPlace(n.GetToken())
}

func (ps *problems) value(n ast.Node) value {
	at := place(n)
	switch n := n.(type) {
	case nil, *ast.NullNode:
		return value{kind: isNull, at: at}
	case *ast.MappingNode:
		return ps.mapping(n.Values, at)
	case *ast.MappingValueNode:
		return ps.mapping([]*ast.MappingValueNode{n}, at)
	case *ast.SequenceNode:
		out := value{kind: isList, at: at}
		for _, v := range n.Values {
			out.list = append(out.list, ps.value(v))
		}
		return out
	default:
		return scalar(n, at)
	}
}

// mapping reads the entries of a mapping. Of a key that is there twice the first counts.
func (ps *problems) mapping(entries []*ast.MappingValueNode, at position) value {
	out := value{kind: isMapping, at: at}
	first := map[string]position{}
	for _, e := range entries {
		key := ps.value(e.Key)
		if key.kind == isList || key.kind == isMapping {
			ps.report(key.at, "a key must be text")
			continue
		}
		if old, twice := first[key.text]; twice {
			ps.report(key.at, "%q is there twice, first in line %d", key.text, old.line)
			continue
		}
		first[key.text] = key.at
		out.pairs = append(out.pairs, pair{key: key.text, keyAt: key.at, value: ps.value(e.Value)})
	}
	return out
}

// scalar reads a single value. What is quoted or a block of text is text, whatever it looks like.
func scalar(n ast.Node, at position) value {
	out := value{kind: isText, at: at}
	switch n := n.(type) {
	case *ast.StringNode:
		out.text = n.Value
		if t := n.GetToken(); t != nil && (t.Type == token.DoubleQuoteType || t.Type == token.SingleQuoteType) {
			out.inner = 1
			return out
		}
	case *ast.LiteralNode:
		out.inner = -1
		if n.Value != nil {
			out.text = n.Value.Value
		}
		return out
	case *ast.MappingKeyNode:
		return scalar(n.Value, at)
	default:
		if t := n.GetToken(); t != nil {
			out.text = t.Value
		}
	}
	out.kind = plainShape(out.text)
	return out
}

var (
	plainNull   = regexp.MustCompile(`^(~|null|Null|NULL)?$`)
	plainBool   = regexp.MustCompile(`^(true|True|TRUE|false|False|FALSE)$`)
	plainNumber = regexp.MustCompile(`^[-+]?(0[xob][0-9A-Fa-f_]+|[0-9][0-9_]*(\.[0-9_]*)?([eE][-+]?[0-9]+)?|\.[0-9]+([eE][-+]?[0-9]+)?|\.(inf|Inf|INF))$|^\.(nan|NaN|NAN)$`)
)

// plainShape says what a value without quotes is. The words on, off, yes and no are text: Off and On are states of real sites.
func plainShape(text string) shape {
	switch {
	case plainNull.MatchString(text):
		return isNull
	case plainBool.MatchString(text):
		return isBool
	case plainNumber.MatchString(text):
		return isNumber
	default:
		return isText
	}
}
