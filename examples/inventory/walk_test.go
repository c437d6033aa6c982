package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rackstate/rackstate/internal/golden"
)

const page = "../../docs/inventory.md"

// request is one request of the walk-through: what a person types, and what is shown of the answer.
type request struct {
	method, path, body string
	header             string // a further one, for example If-Match: "3"
	show               string // a filter of jq, "head" for the status and the ETag, "text", or "events"
	events             int    // how many of them
}

// walk is a server, a receiver, and somebody who makes requests one after the other: by this program, or by the commands in a shell that the page shows.
type walk struct {
	*rig
	ear   *ear
	shell bool
	parts map[string]string
	order []string
}

// command is what a person types.
func (q *request) command(site string) string {
	who, args := "READ", ""
	if q.method != http.MethodGet {
		who = "WRITE"
	}
	if q.method != http.MethodGet && (q.method != http.MethodPost || q.body == "") {
		args += " -X " + q.method
	}
	if q.header != "" {
		args += fmt.Sprintf(" -H '%s'", q.header)
	}
	if q.body != "" {
		args += fmt.Sprintf(" --json '%s'", q.body)
	}
	flags, filter := "-s", ""
	switch q.show {
	case "head":
		flags, filter = "-si", " | grep -iE '^(HTTP|ETag)'"
	case "events":
		flags, args = "-sN", args+" --max-time 3"
		filter = " | grep -v ^retry"
	case "text":
	case "":
		filter = " | jq ."
	default:
		filter = fmt.Sprintf(" | jq -c '%s'", q.show)
	}
	return fmt.Sprintf(`curl %s -H "$%s"%s "%s%s"%s`, flags, who, args, site, q.path, filter)
}

// do makes a request, and adds it to a part of the page.
func (w *walk) do(part string, q request) {
	w.Helper()
	out := w.typed(&q)
	if !w.shell {
		out = w.made(&q)
	}
	w.add(part, "$ "+q.command("$SITE")+"\n"+out)
}

func (w *walk) add(part, text string) {
	if _, there := w.parts[part]; !there {
		w.order = append(w.order, part)
	}
	w.parts[part] += w.shown(text)
}

// shown replaces what differs from run to run: the ports.
func (w *walk) shown(text string) string {
	return strings.NewReplacer(strings.TrimSuffix(w.ear.url, "/"), "http://127.0.0.1:9000", w.url, "http://127.0.0.1:8080", "\r", "").Replace(text)
}

// typed has a shell run the command.
func (w *walk) typed(q *request) string {
	if !w.shell {
		return ""
	}
	cmd := exec.CommandContext(w.Context(), "sh", "-c", q.command("$SITE"))
	cmd.Env = append(os.Environ(), "SITE="+w.url, "READ=Authorization: Bearer "+readToken, "WRITE=Authorization: Bearer "+writeToken)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	require.NoError(w, err, "%s", cmd)
	return string(out)
}

// made makes the request itself, and shows the answer as the tools in the shell do.
func (w *walk) made(q *request) string {
	w.Helper()
	if q.show == "events" {
		return w.events(q)
	}
	token := readToken
	if q.method != http.MethodGet {
		token = writeToken
	}
	var header []string
	if name, value, ok := strings.Cut(q.header, ": "); ok {
		header = []string{name, value}
	}
	a := w.call(q.method, q.path, token, q.body, header...)
	switch q.show {
	case "head":
		out := fmt.Sprintf("HTTP/1.1 %d %s\n", a.Status, http.StatusText(a.Status))
		if tag := a.Header.Get("ETag"); tag != "" {
			out += "Etag: " + tag + "\n"
		}
		return out
	case "text":
		return string(a.Body)
	case "":
		var out bytes.Buffer
		require.NoError(w, json.Indent(&out, a.Body, "", "  "))
		return strings.TrimSpace(out.String()) + "\n"
	}
	return members(w.T, a.Body, q.show)
}

// members shows .a[] of an answer, one entry a line, which is all of jq that the page needs.
func members(t *testing.T, raw []byte, filter string) string {
	t.Helper()
	name := strings.TrimSuffix(strings.TrimPrefix(filter, "."), "[]")
	var all map[string]json.RawMessage
	require.NoError(t, json.Unmarshal(raw, &all), "%s", raw)
	var list []json.RawMessage
	require.NoError(t, json.Unmarshal(all[name], &list), "%s", raw)
	out := ""
	for _, one := range list {
		out += string(one) + "\n"
	}
	return out
}

// events reads the beginning of a stream.
func (w *walk) events(q *request) string {
	w.Helper()
	req, err := http.NewRequestWithContext(w.Context(), http.MethodGet, w.url+q.path, nil)
	require.NoError(w, err)
	req.Header.Set("Authorization", "Bearer "+readToken)
	resp, err := http.DefaultClient.Do(req)
	require.NoError(w, err)
	defer func() { _ = resp.Body.Close() }() // in the middle of the stream
	var text strings.Builder
	for buf := make([]byte, 1); strings.Count(text.String(), "\n\n") < q.events+1; {
		_, err := resp.Body.Read(buf)
		require.NoError(w, err)
		text.Write(buf)
	}
	return regexp.MustCompile(`(?m)^retry.*\n`).ReplaceAllString(text.String(), "")
}

// heard shows what the receiver has printed, once that is so many lines.
func (w *walk) heard(part string, lines int) {
	w.Helper()
	w.add(part, strings.Join(w.ear.hears(w.T, lines), "\n")+"\n")
}

func newWalk(t *testing.T, shell bool) *walk {
	t.Helper()
	w := &walk{rig: newRig(t), ear: listen(t), shell: shell, parts: map[string]string{}}
	w.pass(15*time.Second, w.allReady)
	return w
}

func TestThePageOfTheInventoryShowsWhatTheServerAnswers(t *testing.T) {
	t.Parallel()
	w := newWalk(t, false)
	w.all()
	for _, name := range w.order {
		golden.Region(t, page, name, "text", w.parts[name])
	}
	text, err := os.ReadFile(page)
	require.NoError(t, err)
	var there []string
	for _, m := range regexp.MustCompile(`(?m)^<!-- (inventory-[a-z-]+) -->$`).FindAllSubmatch(text, -1) {
		there = append(there, string(m[1]))
	}
	assert.Equal(t, w.order, there, "the page shows all of it, in this order")
	golden.Region(t, page, "definition", "yaml", string(exampleDefinition))
}

func TestTheCommandsOfThePageDoTheSameInAShell(t *testing.T) {
	t.Parallel()
	for _, tool := range []string{"sh", "curl", "jq"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skip("there is no " + tool)
		}
	}
	if exec.CommandContext(t.Context(), "curl", "--json", "{}", "--version").Run() != nil {
		t.Skip("curl is older than 7.82")
	}
	made, typed := newWalk(t, false), newWalk(t, true)
	made.all()
	typed.all()
	assert.Equal(t, made.parts, typed.parts)
}
