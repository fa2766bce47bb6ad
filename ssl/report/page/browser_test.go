package page

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// browser is a page in Chromium.
type browser struct {
	*testing.T
	ctx context.Context
}

// openBrowser starts Chromium for a test.
func openBrowser(t *testing.T) browser {
	t.Helper()
	if _, err := exec.LookPath("chromium"); err != nil {
		t.Fatalf("%v: tools/setup/setup.sh check installs it", err)
	}
	options := chromedp.DefaultExecAllocatorOptions[:]
	if os.Getuid() == 0 { // Chromium refuses its sandbox to root
		options = append(options, chromedp.NoSandbox)
	}
	ctx, stop := chromedp.NewExecAllocator(t.Context(), options...)
	t.Cleanup(stop)
	ctx, closeTab := chromedp.NewContext(ctx)
	t.Cleanup(closeTab)
	return browser{t, ctx}
}

func (b browser) do(steps ...chromedp.Action[chromedp.Void]) {
	b.Helper()
	if err := chromedp.Do(b.ctx, steps...); err != nil {
		b.Fatal(err)
	}
}

// value returns the value of an expression in the page.
func value[T any](b browser, expression string) T {
	b.Helper()
	v, err := chromedp.Run(b.ctx, chromedp.Evaluate[T](expression))
	if err != nil {
		b.Fatalf("%s: %v", expression, err)
	}
	return v
}

// wait waits until an expression is true.
func (b browser) wait(expression string) {
	b.Helper()
	for end := time.Now().Add(time.Minute); !value[bool](b, expression); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			b.Fatalf("never true: %s", expression)
		}
	}
}

// hover moves the pointer to a point of an element, given by fractions of its size.
func (b browser) hover(selector string, x, y float64) {
	b.Helper()
	at := b.place(selector, x, y)
	b.do(chromedp.MouseEvent(input.DispatchMouseEventTypeMouseMoved, at[0]-3, at[1]), chromedp.MouseEvent(input.DispatchMouseEventTypeMouseMoved, at[0], at[1]))
}

// place scrolls to an element and returns a point of it in the window.
func (b browser) place(selector string, x, y float64) []float64 {
	b.Helper()
	return value[[]float64](b, fmt.Sprintf(`(() => { const e = document.querySelector(%q); e.scrollIntoView({ block: "center" });
		const r = e.getBoundingClientRect(); return [r.left + %v * r.width, r.top + %v * r.height]; })()`, selector, x, y))
}

// requests enables the events of requests and returns a function that returns their addresses so far.
func (b browser) requests() func() []string {
	var events func(func(network.EventRequestWillBeSent, error) bool)
	ctx, stop := context.WithCancel(b.ctx)
	b.do(chromedp.Func(func(c context.Context, t *chromedp.Target) error {
		events = cdp.Events(ctx, t, network.RequestWillBeSent)
		_, err := cdp.Call(c, t, network.Enable, network.EnableParams{})
		return err
	}))
	return func() (all []string) {
		time.AfterFunc(200*time.Millisecond, stop)
		for e, err := range events {
			if err != nil {
				break
			}
			all = append(all, e.Request.URL)
		}
		return all
	}
}

// prefer sets the color scheme.
func prefer(scheme string) chromedp.Action[chromedp.Void] {
	return chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		_, err := cdp.Call(ctx, t, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
			Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}}})
		return err
	})
}

// pixels is an expression for the pixels of a canvas c: of a copy, because Chromium warns of canvases that are read often.
const pixels = `(() => { const k = document.createElement("canvas"); k.width = c.width; k.height = c.height;
	const x = k.getContext("2d", { willReadFrequently: true }); x.drawImage(c, 0, 0); return x.getImageData(0, 0, c.width, c.height).data; })()`

// colorsOf counts the colors of each canvas that a selector finds: 1 if nothing is drawn.
const colorsOf = `[...document.querySelectorAll(%q)].map(c => new Set(new Uint32Array(` + pixels + `.buffer)).size)`

func (b browser) checkDrawn(selector string, most int) {
	b.Helper()
	found := value[[]int](b, fmt.Sprintf(colorsOf, selector))
	if len(found) != most {
		b.Errorf("%d elements %s, want %d", len(found), selector, most)
	}
	for i, n := range found {
		if n < 3 {
			b.Errorf("%s %d has %d colors: nothing is drawn", selector, i, n)
		}
	}
}

func TestPageWorksInChromium(t *testing.T) {
	if testing.Short() {
		t.Skip("starts Chromium")
	}
	for name, text := range map[string]string{"plain": "", "hostile": hostile} {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "report.html")
			if err := os.WriteFile(file, []byte(written(t, examplePage(t, text))), 0o666); err != nil {
				t.Fatal(err)
			}
			b := openBrowser(t)
			messages, stopMessages := b.messages()
			b.do(chromedp.EmulateViewport(1400, 900), prefer("light"))
			requests := b.requests()
			b.do(chromedp.Navigate("file://" + file))
			b.wait(`!!document.querySelector(".chart canvas") && document.getElementById("map-state").textContent.startsWith("30 images")`)
			b.checkCharts()
			b.checkMap(text)
			for _, scheme := range []string{"dark", "light"} {
				b.do(chromedp.EmulateViewport(390, 800), prefer(scheme))
				b.wait(`document.documentElement.scrollWidth <= 390`)
				b.checkDrawn(".chart canvas", 3)
				b.checkDrawn("#map-canvas", 1)
			}
			for _, url := range requests() {
				if !strings.HasPrefix(url, "data:") && url != "file://"+file {
					t.Errorf("a request left the page: %s", url)
				}
			}
			stopMessages()
			for m := range messages {
				t.Errorf("console: %s", m)
			}
			b.wait(`[...document.images].every(i => { i.loading = "eager"; return i.complete && i.naturalWidth > 0; })`)
			if !value[bool](b, `document.images.length > 0 && [...document.images].every(i => i.alt !== "")`) {
				t.Error("an image has no alternative text")
			}
		})
	}
}

// messages collects the messages of the console until stop is called.
func (b browser) messages() (messages chan string, stop func()) {
	ctx, cancel := context.WithCancel(b.ctx)
	b.do()
	all := chromedp.Console(ctx)
	messages = make(chan string, 100)
	go func() {
		defer close(messages)
		for m, err := range all {
			if err != nil {
				return
			}
			messages <- m.String()
		}
	}()
	return messages, cancel
}

// checkCharts checks that charts are drawn, show values at the pointer, zoom, and have logarithmic axes.
func (b browser) checkCharts() {
	b.Helper()
	b.checkDrawn(".chart canvas", 3)
	const over, step = "#chart0 .u-over", `document.querySelector("#chart0 .u-series .u-value").textContent`
	b.hover(over, 0.01, 0.5)
	b.wait(step + ` === "1"`)
	from, to := b.place(over, 0.6, 0.5), b.place(over, 0.99, 0.5)
	b.do(chromedp.DragAndDropXY(from[0], from[1], to[0], to[1]))
	b.hover(over, 0.3, 0.5)
	b.wait(step + ` === "3"`)
	b.do(chromedp.Click(chromedp.CSS(`[data-reset="chart0"]`)))
	b.hover(over, 0.3, 0.5)
	b.wait(step + ` === "1"`)
	b.do(chromedp.Click(chromedp.CSS(`[data-log="chart0"]`)))
	if !value[bool](b, `document.querySelector('[data-log="chart0"]').getAttribute("aria-pressed") === "true"`) {
		b.Error("the button of the logarithmic axis is not pressed")
	}
	b.checkDrawn("#chart0 canvas", 1)
}

// checkMap checks that the pointer and the keys show thumbnails, in both projections.
func (b browser) checkMap(text string) {
	b.Helper()
	b.checkDrawn("#map-canvas", 1)
	const shown = `!document.getElementById("map-tip").hidden && getComputedStyle(document.getElementById("map-thumb")).backgroundImage.startsWith('url("data:image/jpeg')`
	for _, method := range []string{"pca", "umap"} {
		value[chromedp.Void](b, fmt.Sprintf(`{ const m = document.getElementById("map-method"); m.value = %q; m.dispatchEvent(new Event("change")); }`, method))
		b.wait(`document.getElementById("map-state").textContent.startsWith("30 images")`)
		mark := value[[]float64](b, `(() => { const c = document.getElementById("map-canvas"), d = `+pixels+`;
			const at = d.findIndex((v, i) => i % 4 === 3 && v > 200) >> 2; return [(at % c.width) / c.width, Math.floor(at / c.width) / c.height]; })()`)
		b.hover("#map-canvas", mark[0], mark[1])
		b.wait(shown)
		b.hover("h1", 0.5, 0.5)
		b.wait(`document.getElementById("map-tip").hidden`)
	}
	b.do(chromedp.Focus(chromedp.CSS("#map-canvas")), chromedp.KeyEvent(kb.ArrowRight))
	b.wait(shown)
	if got := value[string](b, `document.getElementById("map-text").textContent`); !strings.HasSuffix(got, text) || !strings.Contains(got, ": image") {
		b.Errorf("text of a mark: %q", got)
	}
}
