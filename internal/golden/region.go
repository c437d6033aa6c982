package golden

import (
	"fmt"
	"strings"
)

// fence is the shortest mark that opens and closes a code block in Markdown.
const fence = "```"

// replaceRegion returns text with body in the place of what stood between the markers of the region
// called name.
func replaceRegion(text, name, body string) (string, error) {
	opening, closing := "<!-- "+name+" -->\n", "<!-- /"+name+" -->"
	if n := strings.Count(text, opening); n != 1 {
		return "", fmt.Errorf("found %d lines %q, need exactly one (with %q on a line below it)",
			n, strings.TrimSpace(opening), closing)
	}
	before, rest, _ := strings.Cut(text, opening)
	_, after, ok := strings.Cut(rest, closing)
	if !ok {
		return "", fmt.Errorf("no line %q after %q", closing, strings.TrimSpace(opening))
	}
	if strings.Contains(body, closing) {
		return "", fmt.Errorf("the derived text contains the closing marker %q", closing)
	}
	return before + opening + body + closing + after, nil
}

// block is the Markdown that shows want: fenced in the language lang, or as it is when lang is empty.
func block(lang, want string) string {
	if want != "" && !strings.HasSuffix(want, "\n") {
		want += "\n"
	}
	if lang == "" {
		return want
	}
	mark := fence
	for strings.Contains(want, mark) { // a longer fence may hold shorter ones
		mark += "`"
	}
	return mark + lang + "\n" + want + mark + "\n"
}
