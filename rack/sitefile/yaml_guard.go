package sitefile

import (
	"github.com/goccy/go-yaml/token"

	"github.com/rackstate/rackstate/rack"
)

// The parser's time and memory grow with the square of these, and of the depth. A site stays far below.
const (
	maxTabs       = 100  // tabs in one line
	maxBreaks     = 200  // ends of lines in a row; on Windows each counts twice
	maxKeys       = 1000 // keys of one block mapping
	maxProperties = 16   // anchors, aliases and tags in front of one value
	maxDocuments  = 2    // marks of the begin or end of a document
)

// guardText refuses text that takes the lexer very long.
func guardText(data []byte) *rack.SiteError {
	tabs, breaks := 0, 0
	for i, b := range data {
		switch b {
		case '\n', '\r':
			breaks++
			tabs = 0
		case '\t':
			tabs++
		case ' ':
		default:
			breaks = 0
		}
		if tabs > maxTabs {
			return broken(ErrTooLarge, newCursor(data).moveTo(i), "the line has more than %d tabs", maxTabs)
		}
		if breaks > maxBreaks {
			return broken(ErrTooLarge, newCursor(data).moveTo(i), "the file has more than %d empty lines in a row", maxBreaks)
		}
	}
	return nil
}

// guardTokens refuses text that takes the parser very long.
func guardTokens(tokens token.Tokens) *rack.SiteError {
	g := &yamlGuard{}
	var last *token.Token
	for _, t := range tokens {
		if t == nil || t.Position == nil || t.Type == token.CommentType {
			continue
		}
		if problem := g.look(t, last); problem != nil {
			return problem
		}
		last = t
	}
	return nil
}

type yamlGuard struct {
	flow       int          // depth of [ and {
	marks      int          // the marks : ? and - in a row, since the last comma or bracket
	blocks     []blockLevel // open block lists and mappings, by column
	properties int
	documents  int
}

type blockLevel struct {
	column int
	isList bool
	keys   int
}

func (g *yamlGuard) look(t, last *token.Token) *rack.SiteError {
	at := placeOfToken(t)
	properties, marks := 0, 0
	switch t.Type {
	case token.DirectiveType:
		return broken(ErrSyntax, at, "directives are not read here")
	case token.DocumentHeaderType, token.DocumentEndType:
		if g.documents++; g.documents > maxDocuments {
			return broken(ErrSyntax, at, "the file holds more than one document")
		}
	case token.SequenceStartType, token.MappingStartType:
		g.flow++
	case token.SequenceEndType, token.MappingEndType:
		g.flow = max(g.flow-1, 0)
	case token.CollectEntryType:
	case token.SequenceEntryType:
		marks = g.marks + 1
		g.open(true, at.column)
	case token.MappingKeyType, token.MappingValueType:
		marks = g.marks + 1
		column := at.column
		if t.Type == token.MappingValueType {
			column = placeOfToken(last).column
		}
		if g.open(false, column) > maxKeys {
			return broken(ErrTooLarge, at, "a mapping has more than %d keys", maxKeys)
		}
	case token.AnchorType, token.AliasType, token.TagType:
		properties, marks = g.properties+1, g.marks
	default:
		properties, marks = g.properties, g.marks
	}
	g.properties, g.marks = properties, marks
	if properties > maxProperties {
		return broken(ErrSyntax, at, "a value has more than %d anchors, aliases or tags", maxProperties)
	}
	nested := g.flow + len(g.blocks)
	if g.flow > 0 {
		nested += marks
	}
	if nested > maxDepth {
		return broken(ErrTooLarge, at, "values lie more than %d levels deep", maxDepth)
	}
	return nil
}

// open notes an entry of a block list or mapping and returns how many entries that has so far. Inside [ and { columns mean nothing.
func (g *yamlGuard) open(isList bool, column int) int {
	if g.flow > 0 {
		return 0
	}
	for len(g.blocks) > 0 && g.blocks[len(g.blocks)-1].column > column {
		g.blocks = g.blocks[:len(g.blocks)-1]
	}
	last := len(g.blocks) - 1
	switch {
	case last >= 0 && g.blocks[last].column == column && g.blocks[last].isList == isList:
	case last > 0 && g.blocks[last-1].column == column && g.blocks[last-1].isList == isList:
		g.blocks = g.blocks[:last] // a list may stand in the column of the key above it
	default:
		g.blocks = append(g.blocks, blockLevel{column: column, isList: isList})
	}
	top := &g.blocks[len(g.blocks)-1]
	top.keys++
	return top.keys
}
