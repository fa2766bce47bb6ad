// Command slowest prints the tests that take the longest, from the output of go test -json on its standard input:
//
//	go test -p 1 -count=1 -json ./kernels/ | go run ./tools/slowest
//
// A test's time includes its subtests', which are not listed. The exit status is 1 if a test failed.
package main

import (
	"bufio"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"sort"
	"strings"
)

// event is the part that is used here of what go doc test2json describes.
type event struct {
	Action, Package, Test string
	Elapsed               float64 // s
}

func main() {
	n := flag.Int("n", 10, "how many `tests` to print")
	flag.Parse()
	ended, err := read(os.Stdin)
	if err != nil {
		fmt.Fprintln(os.Stderr, "slowest:", err)
		os.Exit(2)
	}
	code := 0
	for i, e := range ended {
		failed := e.Action == "fail"
		if failed {
			code = 1
		}
		if i < *n || failed {
			fmt.Printf("%7.2f s  %s  %s %s\n", e.Elapsed, e.Action, e.Package, e.Test)
		}
	}
	os.Exit(code)
}

// read returns the tests that ended and the packages that failed, the longest first.
func read(r io.Reader) (ended []event, err error) {
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, 16<<20)
	for lines.Scan() {
		var e event
		if json.Unmarshal(lines.Bytes(), &e) != nil {
			continue // what the compiler prints is not JSON
		}
		if e.Action == "fail" || e.Action == "pass" && e.Test != "" && !strings.Contains(e.Test, "/") {
			ended = append(ended, e)
		}
	}
	sort.SliceStable(ended, func(i, j int) bool { return ended[i].Elapsed > ended[j].Elapsed })
	return ended, lines.Err()
}
