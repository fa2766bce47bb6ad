package page

import (
	"bytes"
	"context"
	"net"
	"net/http"
	"strconv"
	"sync"
	"time"
)

// The states of a live page.
const (
	Training = "training" // the page renews itself
	Ended    = "ended"    // it is complete
)

// Times of a Live page.
const (
	lookEvery   = 250 * time.Millisecond // at the run
	endPatience = 6 * time.Second        // for a page that is open to fetch the end
)

// Live serves a page on loopback while a run trains.
type Live struct {
	Training func() (bool, error)  // reports whether the run is still trained
	Page     func() (*Page, error) // returns the page as it is now, but for its Live, which is set here

	listener net.Listener
	port     string
	mu       sync.Mutex
	read     bool          // the page was fetched
	last     chan struct{} // closed when the end was fetched
	ended    sync.Once
}

// Listen opens a port of 127.0.0.1, any free one for 0, and returns the address of the page.
func (l *Live) Listen(port int) (url string, err error) {
	if l.listener, err = net.Listen("tcp4", net.JoinHostPort("127.0.0.1", strconv.Itoa(port))); err != nil {
		return "", err
	}
	_, l.port, _ = net.SplitHostPort(l.listener.Addr().String())
	l.last = make(chan struct{})
	return "http://" + l.listener.Addr().String() + "/", nil
}

// Serve answers requests until the page is Ended or ctx is done. A page that is open in a browser fetches the end first, if it does so within seconds.
func (l *Live) Serve(ctx context.Context) error {
	server := &http.Server{Handler: http.HandlerFunc(l.answer), ReadHeaderTimeout: 10 * time.Second}
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(l.listener) }()
	err := l.wait(ctx, failed)
	closing, stop := context.WithTimeout(context.Background(), time.Second)
	defer stop()
	if server.Shutdown(closing) != nil {
		server.Close()
	}
	return err
}

// wait waits for the end of the run.
func (l *Live) wait(ctx context.Context, failed <-chan error) error {
	clock := time.NewTicker(lookEvery)
	defer clock.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case err := <-failed:
			return err
		case <-clock.C:
		}
		if training, err := l.Training(); training {
			continue
		} else if err != nil {
			return err
		}
		l.mu.Lock()
		isOpen := l.read
		l.mu.Unlock()
		if isOpen {
			select {
			case <-ctx.Done():
			case <-l.last:
			case <-time.After(endPatience):
			}
		}
		return nil
	}
}

// answer answers a request: with the page, if it is for this server. The name of the host keeps pages of other sites out, whose names lead here.
func (l *Live) answer(w http.ResponseWriter, r *http.Request) {
	host, port, err := net.SplitHostPort(r.Host)
	switch {
	case err != nil || port != l.port || host != "127.0.0.1" && host != "localhost":
		http.Error(w, "this page is for 127.0.0.1 alone", http.StatusForbidden)
		return
	case r.URL.Path != "/":
		http.NotFound(w, r)
		return
	case r.Method != http.MethodGet && r.Method != http.MethodHead:
		http.Error(w, "want GET", http.StatusMethodNotAllowed)
		return
	}
	p, err := l.now()
	var html bytes.Buffer
	if err == nil {
		err = Write(&html, p)
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	if _, err := w.Write(html.Bytes()); err != nil {
		return // the browser has left
	}
	l.mu.Lock()
	l.read = true
	l.mu.Unlock()
	if p.Live == Ended {
		l.ended.Do(func() { close(l.last) })
	}
}

// now returns the page. Whether the run is trained is read first, so that the page of an ended run has all of it.
func (l *Live) now() (*Page, error) {
	training, err := l.Training()
	if err != nil {
		return nil, err
	}
	p, err := l.Page()
	if err != nil {
		return nil, err
	}
	if p.Live = Ended; training {
		p.Live = Training
		for _, r := range p.Runs {
			if r.Epoch == 1 && r.Saved.Epochs == 1 {
				r.Steps = 0 // nothing tells how many steps the only epoch will have
			}
		}
	}
	return p, nil
}
