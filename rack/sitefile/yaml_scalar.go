package sitefile

import (
	"regexp"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/token"
)

// scalar reads a single value. What is quoted or a block of text is text, whatever it looks like.
func scalar(n ast.Node, at position) *node {
	out := &node{kind: text, at: at, size: 1}
	switch n := n.(type) {
	case *ast.StringNode:
		out.text = n.Value
		if t := n.GetToken(); t != nil && t.Type != token.DoubleQuoteType && t.Type != token.SingleQuoteType {
			out.kind = plainKind(n.Value)
		}
	case *ast.LiteralNode:
		if n.Value != nil {
			out.text = n.Value.Value
		}
	default:
		if t := n.GetToken(); t != nil {
			out.text = t.Value
		}
		out.kind = plainKind(out.text)
	}
	return out
}

var (
	plainNull    = regexp.MustCompile(`^(~|null|Null|NULL)?$`)
	plainBoolean = regexp.MustCompile(`^(true|True|TRUE|false|False|FALSE)$`)
	plainNumber  = regexp.MustCompile(`^[-+]?(0[xob][0-9A-Fa-f_]+|[0-9][0-9_]*(\.[0-9_]*)?([eE][-+]?[0-9]+)?|\.[0-9][0-9_]*([eE][-+]?[0-9]+)?|\.(inf|Inf|INF))$|^\.(nan|NaN|NAN)$`)
)

// plainKind says what a value without quotes is, by the core schema of YAML 1.2 and the digit groups of 1.1. The parser's own answer depends on how
// large a number is: it takes a long serial number for text and a short one for a number.
func plainKind(value string) kind {
	switch {
	case plainNull.MatchString(value):
		return null
	case plainBoolean.MatchString(value):
		return boolean
	case plainNumber.MatchString(value):
		return number
	default:
		return text
	}
}
