package sitefile_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rackstate/rackstate/rack"
	"github.com/rackstate/rackstate/rack/sitefile"
)

func TestASyntaxErrorStandsAloneWithItsPlace(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ file, text, want string }{
		"JSON without a comma":      {"s.json", "{\"expected_racks\": [\n 1 2]}", "s.json:2:4: not JSON: invalid character '2'"},
		"JSON with one comma more":  {"s.json", "{\"expected_racks\": [],}", "s.json:1:23: not JSON: invalid character '}'"},
		"JSON with a comment":       {"s.json", "{ // racks\n}", "s.json:1:3: not JSON: invalid character '/'"},
		"JSON with bare words":      {"s.json", "{expected_racks: []}", "s.json:1:2: not JSON: invalid character 'e'"},
		"two JSON texts":            {"s.json", "{}\n{}", "s.json:2:1: not JSON: invalid character '{' after top-level value"},
		"JSON after wide letters":   {"s.json", `{"é": "日本", }`, "s.json:1:13: not JSON: invalid character '}'"},
		"JSON that ends early":      {"s.json", "{\n\"x\":", "s.json:2:5: the file ends in the middle of a value"},
		"JSON under no known name":  {"s", "{x", "s:1:2: not JSON"},
		"not UTF-8":                 {"s.json", "{\n\"x\": \"\xff\"}", "s.json:2:7: the file is not UTF-8 text"},
		"UTF-16":                    {"s.yaml", "\xff\xfex\x00", "s.yaml:1:1: the file is not UTF-8 text"},
		"YAML with an open list":    {"s.yaml", "expected_racks: [\n  a,\n", "s.yaml:1:17: not YAML: "},
		"YAML with an open text":    {"s.yaml", "expected_racks: \"a\n", "s.yaml:1:17: not YAML: could not find end character"},
		"YAML with a wrong indent":  {"s.yaml", "a: 1\n  b: 2\n", "s.yaml:1:4: not YAML: "},
		"YAML with a tab":           {"s.yaml", "a:\n\tb: 2\n", "s.yaml:2:1: not YAML: "},
		"two YAML documents":        {"s.yaml", "expected_racks: []\n---\nexpected_racks: []\n", "s.yaml:3:1: the file holds more than one document"},
		"many YAML documents":       {"s.yaml", strings.Repeat("---\na: 1\n", 9), "s.yaml:5:1: the file holds more than one document"},
		"YAML directive":            {"s.yaml", "%YAML 1.2\n---\nexpected_racks: []\n", "s.yaml:1:1: directives are not read here"},
		"block header with content": {"s.yaml", "a: |p4ss\n  x\n", "s.yaml:1:4: not YAML: invalid header option"},
		"password with a colon":     {"s.yaml", "a: p4ss: word\n", "s.yaml:1:4: not YAML: "},
		"password with an at sign":  {"s.yaml", "a: @p4ss\n", "s.yaml:1:4: not YAML: '@' is a reserved character"},
		"anchor without a value":    {"s.yaml", "a: [&p4ss]\n", "s.yaml:1:"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			site, err := sitefile.Parse(c.file, []byte(c.text))
			assert.Nil(t, site)
			require.ErrorIs(t, err, sitefile.ErrSyntax)
			assert.True(t, strings.HasPrefix(err.Error(), c.want), "%v\nwant %s", err, c.want)
			assert.Len(t, rack.SiteErrors(err), 1)
			assert.NotContains(t, err.Error(), "p4ss")
		})
	}
}

func TestTheRootIsAMapping(t *testing.T) {
	t.Parallel()
	for text, found := range map[string]string{"[]": "a list", `"x"`: "text", "12": "a number", "null": "nothing", "true": "true or false"} {
		for _, name := range []string{"s.json", "s.yaml"} {
			_, err := sitefile.Parse(name, []byte(text))
			require.ErrorIs(t, err, rack.ErrMalformed)
			assert.EqualError(t, err, name+":1:1: $: a mapping is wanted, found "+found)
		}
	}
}

// bomb is the text whose aliases unfold into 10^levels values.
func bomb(levels int) string {
	var b strings.Builder
	b.WriteString("a0: &a0 [x]\n")
	for i := 1; i <= levels; i++ {
		fmt.Fprintf(&b, "a%d: &a%d [%s]\n", i, i, strings.TrimSuffix(strings.Repeat(fmt.Sprintf("*a%d, ", i-1), 10), ", "))
	}
	return b.String()
}

func TestTextThatWouldUnfoldOrNestWithoutEndIsRefused(t *testing.T) {
	t.Parallel()
	keys := func(n int) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, "k%d: v\n", i)
		}
		return b.String()
	}
	for name, c := range map[string]struct {
		file, text string
		kind       error
	}{
		"aliases":            {"s.yaml", bomb(30), sitefile.ErrTooLarge},
		"JSON lists":         {"s.json", strings.Repeat("[", 5000) + strings.Repeat("]", 5000), sitefile.ErrTooLarge},
		"more JSON lists":    {"s.json", strings.Repeat("[", 50_000), sitefile.ErrSyntax},
		"JSON mappings":      {"s.json", strings.Repeat(`{"a":`, 5000) + "1" + strings.Repeat("}", 5000), sitefile.ErrTooLarge},
		"YAML lists":         {"s.yaml", strings.Repeat("[", 10_000), sitefile.ErrTooLarge},
		"YAML mappings":      {"s.yaml", strings.Repeat("{a: ", 10_000), sitefile.ErrTooLarge},
		"closed in between":  {"s.yaml", strings.Repeat("]", 10_000) + strings.Repeat("[", 10_000), sitefile.ErrTooLarge},
		"block lists":        {"s.yaml", strings.Repeat("- ", 10_000) + "x", sitefile.ErrTooLarge},
		"block mappings":     {"s.yaml", strings.Repeat("a: ", 10_000), sitefile.ErrTooLarge},
		"explicit keys":      {"s.yaml", strings.Repeat("? ", 10_000) + "x", sitefile.ErrTooLarge},
		"keys of a mapping":  {"s.yaml", keys(10_000), sitefile.ErrTooLarge},
		"anchors of a value": {"s.yaml", "a: " + strings.Repeat("&a ", 10_000), sitefile.ErrSyntax},
		"aliases of a value": {"s.yaml", "a: " + strings.Repeat("*a ", 10_000), sitefile.ErrSyntax},
		"tags of a value":    {"s.yaml", "a: " + strings.Repeat("!a ", 10_000), sitefile.ErrSyntax},
		"keys with a mark":   {"s.yaml", strings.Repeat("? a\n", 10_000), sitefile.ErrTooLarge},
		"keys over lists":    {"s.yaml", strings.Repeat("a:\n- b\n", 10_000), sitefile.ErrTooLarge},
		"keys of keys":       {"s.yaml", "{" + strings.Repeat("\n<<: ", 10_000), sitefile.ErrTooLarge},
		"marks in brackets":  {"s.yaml", "[" + strings.Repeat("- ", 10_000), sitefile.ErrTooLarge},
		"empty lines":        {"s.yaml", "a: |\n" + strings.Repeat("\n", 10_000), sitefile.ErrTooLarge},
		"returns":            {"s.yaml", "a: |\n" + strings.Repeat("\r", 10_000), sitefile.ErrTooLarge},
		"tabs in a text":     {"s.yaml", "a: \"" + strings.Repeat("\tx", 10_000) + "\"", sitefile.ErrTooLarge},
		"documents":          {"s.yaml", strings.Repeat("--- a\n", 10_000), sitefile.ErrSyntax},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := sitefile.Parse(c.file, []byte(c.text))
			require.ErrorIs(t, err, c.kind)
			assert.Less(t, len(err.Error()), 300)
		})
	}
}

func TestAnAliasOfItselfIsAFault(t *testing.T) {
	t.Parallel()
	_, err := sitefile.Parse("s.yaml", []byte("expected_racks: &a [*a]\n"))
	require.ErrorIs(t, err, rack.ErrMalformed)
	assert.Contains(t, err.Error(), "s.yaml:1:21: $.expected_racks[0]: it refers to an anchor that is not defined before it")
}

func TestAMergeKeyYieldsToTheMappingsOwnEntriesAndToEarlierOnes(t *testing.T) {
	t.Parallel()
	site, err := sitefile.Parse("s.yaml", []byte(`
rack_profiles:
  A: &a {product_family: gb200, rack_hardware_type: gb200, rack_hardware_topology: t1}
  B: &b {product_family: gb300, rack_hardware_type: gb300, rack_hardware_class: dev}
  C: {<<: [*a, *b], product_family: mine}
`))
	require.NoError(t, err)
	assert.Equal(t, rack.Profile{
		ID: "C", ProductFamily: "mine", HardwareType: "gb200", Topology: "t1", Class: rack.ClassDev,
	}, site.Profiles["C"])
}

func TestLinesAreCountedThroughTextOfManyLines(t *testing.T) {
	t.Parallel()
	const text = `# comment
expected_racks:   # comment

- rack_id: A
  metadata:
    name: "of two \
      lines"
    description: >-
      folded

      text
    labels:
      a: |+
        kept

      b: 'single

        quoted'
      c: plain
        on two lines
      d: 4
  # comment
  site: x
`
	_, err := sitefile.Parse("s.yaml", []byte(text))
	var got []string
	for _, p := range rack.SiteErrors(err) {
		got = append(got, fmt.Sprintf("%d:%d %v", p.Line, p.Column, p.Kind))
	}
	assert.Equal(t, []string{"4:3 missing", "21:10 malformed", "23:3 unknown field"}, got)
}
