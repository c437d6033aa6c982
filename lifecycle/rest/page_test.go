package rest_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/lifecycle"
	"github.com/rackstate/rackstate/lifecycle/rest"
)

// shownStates reads from the page which state each object has: of slots by their reference, of racks by their card.
const shownStates = `Object.fromEntries([
	...[...document.querySelectorAll("a.slot")].map((a) => [a.dataset.ref, a.querySelector(".state").textContent.split(" - ")[0]]),
	...[...document.querySelectorAll("section.rack")].map((s) => ["rack/" + s.dataset.rack, s.querySelector(".badge")?.textContent.split(" (")[0]])])`

// states returns which state each object has.
func (s *siteRig) states() map[string]string {
	out := map[string]string{}
	s.ctl.Visit(func(o *lifecycle.Object) { out[o.Ref().String()] = o.State() })
	return out
}

// shows waits until the page shows what the controller knows.
func (s *siteRig) shows(b *browser) {
	b.Helper()
	deadline := time.Now().Add(20 * time.Second)
	for {
		want, got := s.states(), eval[map[string]string](b, shownStates)
		if assert.ObjectsAreEqual(want, got) {
			return
		}
		if time.Now().After(deadline) {
			require.Equal(b, want, got, "the page does not show what is; it complains: %v", b.complaints())
		}
	}
}

// open opens the page and signs in with the keyboard.
func (s *siteRig) open(b *browser, url string) {
	b.Helper()
	b.do(chromedp.Navigate(url))
	b.until(`!document.getElementById("login").hidden && document.activeElement.id === "token"`)
	b.do(chromedp.KeyEvent(badToken + kb.Enter))
	b.until(`document.getElementById("login-error").textContent.includes("does not take this token")`)
	b.do(chromedp.KeyEvent(readToken + kb.Enter))
	b.until(`document.getElementById("connection").dataset.state === "live"`)
	for _, c := range b.complaints() { // the browser notes the refusals
		require.Contains(b, c, "401")
	}
}

func TestThePageShowsARackComingUpWithoutReload(t *testing.T) {
	t.Parallel()
	b := newBrowser(t)
	s := newSiteRig(t, 2)
	server := s.serve()
	s.open(b, server.URL)
	b.until(`document.querySelector("main").textContent.includes("There is nothing yet.")`)
	b.script(`window.sameDocument = true; window.seen = new Set();
		new MutationObserver(() => document.querySelectorAll("a.slot .state").forEach((n) => window.seen.add(n.textContent.split(" - ")[0])))
			.observe(document.querySelector("main"), {subtree: true, childList: true, characterData: true})`)

	phases := 0
	for done := false; !done; phases++ {
		require.Less(t, phases, 200, "the racks do not come up")
		require.NoError(t, s.sim.Run(t.Context(), 6*time.Minute))
		done = s.sim.AllReady()
		s.shows(b)
		if phases == 3 {
			b.screenshot("racks-coming-up.png")
			server.CloseClientConnections() // the stream must find its place again
		}
	}
	assert.Greater(t, phases, 4)
	seen := eval[[]string](b, "[...window.seen]")
	assert.GreaterOrEqual(t, len(seen), 5, "slots went through their states before the eyes of the user: %v", seen)
	assert.Contains(t, seen, "Ready")
	assert.True(t, eval[bool](b, "window.sameDocument === true"), "the page was loaded once")
	assert.Equal(t, 10, eval[int](b, `document.querySelectorAll("a.slot.resting").length`))
	assert.Equal(t, []string{"5", "4", "3", "2", "1"}, eval[[]string](b, `[...document.querySelector("section.rack").querySelectorAll(".number")].map((n) => n.textContent)`), "from the top down")
	b.script(`const box = document.getElementById("wanted"); box.value = "r02"; box.dispatchEvent(new Event("input"))`)
	b.until(`document.querySelectorAll("section.rack").length === 1 && document.querySelector("section.rack").dataset.rack === "R02"`)
	b.script(`const box = document.getElementById("wanted"); box.value = ""; box.dispatchEvent(new Event("input")); document.getElementById("troubled").click()`)
	b.until(`document.querySelector("main").textContent.includes("No rack is like that.")`) // all is well
	require.NoError(t, s.ctl.ReportHealth(t.Context(), backend.Ref{Kind: backend.KindMachine, ID: "R01-compute-2"}, "monitor", lifecycle.Alert{ID: "hot"}))
	require.NoError(t, s.ctl.Delete(t.Context(), backend.Ref{Kind: backend.KindMachine, ID: "R01-compute-1"}, "test", true)) // a transition tells the page
	require.NoError(t, s.sim.Run(t.Context(), time.Second))
	b.until(`document.querySelectorAll("section.rack").length === 1 && document.querySelector("section.rack").dataset.rack === "R01"`)
	b.until(`document.getElementById("news").textContent.includes(" is ")`) // for screen readers
	b.screenshot("racks-ready.png")
	for _, c := range b.complaints() {
		assert.Contains(t, c, "ERR_", "only the connection that was cut may be noted")
	}
}

func TestThePageExplainsAnObject(t *testing.T) {
	t.Parallel()
	b := newBrowser(t)
	s := newSiteRig(t, 1)
	require.NoError(t, s.sim.Run(t.Context(), 15*time.Minute))
	const nasty = `<img src="x" onerror="window.hacked = true"> & "why"`
	ref := backend.Ref{Kind: backend.KindMachine, ID: "R01-compute-1"}
	require.NoError(t, s.ctl.PlaceHold(t.Context(), ref, lifecycle.Hold{Type: "look", Owner: "alice", Reason: nasty}))
	s.open(b, s.serve().URL)
	s.shows(b)

	// With the keyboard alone: over the skip link, the views, a rack, to a slot and into it.
	b.script(`document.activeElement.blur()`)
	b.do(chromedp.Navigate(eval[string](b, "location.href")))
	s.shows(b)
	b.press(kb.Tab, 1)
	assert.Equal(t, "Skip to the content", eval[string](b, "document.activeElement.textContent"))
	assert.True(t, eval[bool](b, `document.activeElement.matches(":focus-visible") && getComputedStyle(document.activeElement).outlineStyle !== "none"`), "the focus is seen")
	b.tabTo(`[data-ref="machine/R01-compute-1"]`)
	b.press(kb.Enter, 1)
	b.until(`document.activeElement.id === "main" && document.querySelector("article h2")?.textContent === "machine/R01-compute-1"`)
	b.until(`document.querySelector(".facts")?.textContent.includes("Time in state")`)

	x := get[rest.Explanation](s.rig, "/v1/objects/machine/R01-compute-1/explain")
	facts := eval[string](b, `document.querySelector(".facts").textContent`)
	assert.Contains(t, facts, x.State)
	assert.Contains(t, facts, nasty, "what it waits for: the hold")
	assert.False(t, eval[bool](b, "Boolean(window.hacked) || Boolean(document.querySelector('main img'))"), "a reason is text")
	rows := get[rest.HistoryPage](s.rig, "/v1/objects/machine/R01-compute-1/history").Transitions
	b.until(fmt.Sprintf(`[...document.querySelectorAll("article .card")].find((c) => c.textContent.startsWith("History")).querySelectorAll("tbody tr").length === %d`, len(rows)))
	b.until(`document.querySelector(".diagram rect.here")`)
	b.screenshot("machine.png")

	b.tabTo(`nav a[href="#/recent"]`)
	b.press(kb.Enter, 1)
	b.until(`document.querySelectorAll("main tbody tr").length > 5`)
	b.do(chromedp.Navigate(eval[string](b, `new URL("#/kinds/machine", location.href).href`)))
	b.until(`document.querySelector(".diagram svg")`)
	states := len(get[rest.KindDoc](s.rig, "/v1/kinds/machine").States)
	assert.Equal(t, states, eval[int](b, `document.querySelectorAll(".diagram rect").length`))
	assert.Greater(t, eval[int](b, `document.querySelectorAll(".diagram path").length`), states)
	b.tabTo("#pick")
	b.press("R", 1)
	b.until(`document.querySelector(".diagram path.out, .diagram path.in")`)
	b.screenshot("kinds.png")
	assert.Empty(t, b.complaints())
}

// contrastOf returns the texts whose contrast against what lies behind them is less than WCAG asks for.
const contrastOf = `(() => {
	const rgb = (c) => c.match(/[\d.]+/g).map(Number);
	const light = ([r, g, b]) => [r, g, b].map((v) => (v /= 255) <= .03928 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4).reduce((s, v, i) => s + v * [.2126, .7152, .0722][i], 0);
	const behind = (e) => { for (; e; e = e.parentElement) { const c = rgb(getComputedStyle(e).backgroundColor); if (c.length < 4 || c[3] === 1) return c; } return [255, 255, 255]; };
	const bad = [];
	for (const e of document.querySelectorAll("body *")) {
		if (e.closest("svg, .unseen, .skip, [hidden]") || ![...e.childNodes].some((n) => n.nodeType === 3 && n.textContent.trim())) continue;
		const a = light(rgb(getComputedStyle(e).color)), b = light(behind(e));
		const ratio = (Math.max(a, b) + .05) / (Math.min(a, b) + .05);
		if (ratio < 4.5) bad.push(ratio.toFixed(2) + " " + e.className + " " + e.textContent.slice(0, 40));
	}
	return bad;
})()`

// structureOf returns what a screen reader would miss.
const structureOf = `[
	[document.documentElement.lang === "en", "language"],
	[document.querySelectorAll("main").length === 1, "one main"],
	[document.querySelectorAll("h1").length === 1, "one h1"],
	[Boolean(document.querySelector("header nav[aria-label]")), "named navigation"],
	[document.querySelectorAll("nav [aria-current=page]").length === 1, "current view"],
	[Boolean(document.querySelector("[aria-live=polite]")) && Boolean(document.querySelector("[role=status]")), "live regions"],
	[[...document.querySelectorAll("input, select")].every((i) => i.labels.length > 0), "labels of fields"],
	[[...document.querySelectorAll("a, button")].every((i) => i.textContent.trim() !== ""), "names of links and buttons"],
	[[...document.querySelectorAll("svg")].every((i) => i.getAttribute("role") === "img" && i.getAttribute("aria-label")), "names of pictures"],
	[[...document.querySelectorAll("[tabindex]")].every((i) => i.tabIndex <= 0), "order of focus"],
	[[...document.querySelectorAll("table")].every((i) => i.caption && i.querySelector("th[scope]")), "heads of tables"],
	[[...document.querySelectorAll("section, [role=region], main ul, main ol.slots")].every((i) => i.hasAttribute("aria-label") || i.hasAttribute("aria-labelledby") || i.closest("dd")), "names of regions"],
	[document.title.endsWith(" - rackstate"), "title"],
].filter(([ok]) => !ok).map(([, name]) => name)`

func TestThePageIsReadableOnAPhoneAndByEverybody(t *testing.T) {
	t.Parallel()
	b := newBrowser(t)
	s := newSiteRig(t, 2)
	require.NoError(t, s.sim.Run(t.Context(), 20*time.Minute))
	s.open(b, s.serve().URL)
	s.shows(b)
	for _, scheme := range []string{"light", "dark"} {
		b.colours(scheme)
		for view, ready := range map[string]string{
			"#/":                             `document.querySelectorAll("a.slot").length === 10`,
			"#/recent":                       `document.querySelectorAll("main tbody tr").length > 5`,
			"#/kinds/rack":                   `document.querySelector(".diagram svg")`,
			"#/object/rack/R01":              `document.querySelector(".diagram svg") && document.querySelector("main tbody tr")`,
			"#/object/machine/R01-compute-1": `document.querySelector(".diagram svg") && document.querySelector("main tbody tr")`,
			"#/object/machine/nobody":        `document.querySelector("main .error").textContent.includes("is not there")`,
		} {
			b.script("location.hash = " + fmt.Sprintf("%q", view))
			b.until(ready)
			for _, width := range []int64{390, 1280} {
				b.resize(width, 844, width == 390)
				assert.LessOrEqual(t, eval[int64](b, "document.documentElement.scrollWidth"), width, "%s is wider than a window of %d", view, width)
			}
			assert.Empty(t, eval[[]string](b, contrastOf), "contrast of %s in %s", view, scheme)
			assert.Empty(t, eval[[]string](b, structureOf), view)
			if view == "#/" || strings.HasSuffix(view, "compute-1") {
				b.resize(390, 844, true)
				b.screenshot(fmt.Sprintf("phone-%s-%s.png", scheme, map[bool]string{true: "racks", false: "machine"}[view == "#/"]))
			}
		}
	}
	for _, c := range b.complaints() {
		assert.Contains(t, c, "nobody", "only the object that is not there may be noted")
	}
	b.script(`document.getElementById("account").click()`)
	b.until(`!document.getElementById("login").hidden && document.querySelectorAll("a.slot").length === 0`)
	assert.Equal(t, 0, eval[int](b, "sessionStorage.length"), "signing out forgets the token")
}

func TestThePageIsServedWithoutATokenAndMayLoadNothingFromElsewhere(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	index := r.call(http.MethodGet, "/", "", "")
	require.Equal(t, http.StatusOK, index.Status)
	policy := index.Header.Get("Content-Security-Policy")
	for _, want := range []string{"default-src 'none'", "script-src 'self'", "style-src 'self'", "connect-src 'self'", "frame-ancestors 'none'", "base-uri 'none'"} {
		assert.Contains(t, policy, want)
	}
	assert.NotContains(t, policy, "unsafe")
	for name, contentType := range map[string]string{"app.js": "text/javascript", "style.css": "text/css", "icon.svg": "image/svg+xml", "diagram.js": "text/javascript"} {
		a := r.call(http.MethodGet, "/page/"+name, "", "")
		require.Equal(t, http.StatusOK, a.Status, name)
		assert.Contains(t, a.Header.Get("Content-Type"), contentType)
		again := r.call(http.MethodGet, "/page/"+name, "", "", "If-None-Match", a.Header.Get("ETag"))
		assert.Equal(t, http.StatusNotModified, again.Status)
		assert.NotContains(t, string(a.Body), "innerHTML")
		assert.NotContains(t, strings.ReplaceAll(string(a.Body), "http://www.w3.org/2000/svg", ""), "://", "%s names something outside", name)
	}
	assert.NotContains(t, string(index.Body), "://")
	for _, path := range []string{"/page/", "/page/index.html", "/page/../handler.go", "/page/nothing.js", "/index.html"} {
		assert.Equal(t, http.StatusNotFound, r.call(http.MethodGet, path, "", "").Status, path)
	}
	without := newRig(t, func(c *rest.Config) { c.NoPage = true })
	assert.Equal(t, http.StatusNotFound, without.call(http.MethodGet, "/", "", "").Status)
}
