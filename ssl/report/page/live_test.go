package page

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/marr-ssl/marr/ssl/run"
)

// liveRun serves the page of a run that is trained until stop is called. add adds steps to it.
func liveRun(t *testing.T) (url string, add func(lines string), stop func(), ended chan error) {
	t.Helper()
	dir := folder(t, "run", map[string]string{run.ConfigFile: fmt.Sprintf(config, "0.1"), run.MetricsFile: twoEpochs[:54]})
	var training atomic.Bool
	training.Store(true)
	l := &Live{Training: func() (bool, error) { return training.Load(), nil }, Page: func() (*Page, error) {
		r, err := ReadRun(dir)
		return &Page{Made: "now", Runs: []*Run{r}}, err
	}}
	url, err := l.Listen(0)
	if err != nil {
		t.Fatal(err)
	}
	ended = make(chan error, 1)
	ctx, cancel := context.WithCancel(t.Context())
	t.Cleanup(cancel)
	go func() { ended <- l.Serve(ctx) }()
	return url, func(lines string) {
		if err := os.WriteFile(filepath.Join(dir, run.MetricsFile), []byte(twoEpochs[:54]+lines), 0o666); err != nil {
			t.Fatal(err)
		}
	}, func() { training.Store(false) }, ended
}

// get returns the status and the text of an address, asked for by the name of a host.
func get(t *testing.T, url, host string) (int, string) {
	t.Helper()
	q, err := http.NewRequestWithContext(t.Context(), "GET", url, nil)
	if err != nil {
		t.Fatal(err)
	}
	if host != "" {
		q.Host = host
	}
	r, err := http.DefaultClient.Do(q)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	text, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return r.StatusCode, string(text)
}

func TestLivePageFollowsTheRunAndEndsWithIt(t *testing.T) {
	t.Parallel()
	url, add, stop, ended := liveRun(t)
	if !strings.HasPrefix(url, "http://127.0.0.1:") {
		t.Errorf("address %s", url)
	}
	_, html := get(t, url, "")
	for _, want := range []string{`data-state="training"`, "connect-src &#39;self&#39;", "default-src &#39;none&#39;", "class LivePage", "step 1, epoch 1 of 2"} {
		if !strings.Contains(html, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	if strings.Contains(html, "The run is not finished") {
		t.Error("the page of a run that is trained says how to continue it")
	}
	for host, path := range map[string]string{"example.com": "", "127.0.0.1:1": "", "": "config.toml"} {
		if status, _ := get(t, url+path, host); status != 403 && status != 404 {
			t.Errorf("%s of %s: status %d", path, host, status)
		}
	}
	add(twoEpochs[54:])
	stop()
	if _, html = get(t, url, ""); !strings.Contains(html, `data-state="ended"`) || !strings.Contains(html, "step 4 of 4") {
		t.Error("the last page lacks its end")
	}
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if static := written(t, examplePage(t, "")); strings.Contains(static, "connect-src") || strings.Contains(static, "class LivePage") {
		t.Error("a page that is a file may send requests")
	}
}

func TestLivePageWorksInChromium(t *testing.T) {
	if testing.Short() {
		t.Skip("starts Chromium")
	}
	url, add, stop, ended := liveRun(t)
	b := openBrowser(t)
	messages, stopMessages := b.messages()
	requests := b.requests()
	b.do(chromedp.EmulateViewport(1400, 900), chromedp.Navigate(url))
	b.wait(`!!document.querySelector("#chart0 canvas") && document.getElementById("overview").textContent.includes("step 1, epoch 1 of 2")`)
	value[bool](b, `window.same = true`)
	add(twoEpochs[54:][:strings.Index(twoEpochs[54:], "{\"step\":2,\"epoch\":1,\"knn20\"")])
	b.wait(`document.getElementById("overview").textContent.includes("step 2, epoch 1 of 2") && document.querySelector("figure details li").textContent.includes("at step 2")`)
	if !value[bool](b, `window.same === true`) {
		t.Error("the page was loaded again for a longer line")
	}
	b.hover("#chart0 .u-over", 0.99, 0.5)
	b.wait(`document.querySelector("#chart0 .u-series .u-value").textContent === "2"`)
	add(twoEpochs[54:]) // with another chart
	b.wait(`document.querySelectorAll(".chart canvas").length === 3`)
	stop()
	b.wait(`document.getElementById("live").dataset.state === "ended"`)
	if err := <-ended; err != nil {
		t.Error(err)
	}
	for _, to := range requests() {
		if to != url && !strings.HasPrefix(to, "data:") {
			t.Errorf("a request left the page: %s", to)
		}
	}
	stopMessages()
	for m := range messages {
		t.Errorf("console: %s", m)
	}
}
