package methods

import (
	"fmt"
	"io"

	"github.com/marr-ssl/marr/bench"
)

// Results is bench.Results with a comparison of methods.
type Results struct {
	bench.Results
	Comparison *Comparison `json:"methods,omitempty"`
}

// ReadResults reads a file that marr bench --json wrote. Comparison is nil unless the file has one.
func ReadResults(path string) (*Results, error) {
	base, err := bench.ReadResults(path)
	if err != nil {
		return nil, err
	}
	r := &Results{}
	if err := bench.ReadJSON(path, r); err != nil {
		return nil, err
	}
	r.Results = *base
	return r, nil
}

// Write writes the results to a file as JSON.
func (r *Results) Write(path string) error { return bench.WriteJSON(path, r) }

// Print writes the results as text.
func (r *Results) Print(w io.Writer) {
	r.Results.Print(w)
	if r.Comparison == nil {
		return
	}
	fmt.Fprintf(w, "\n%s\n", r.Comparison.title())
	r.Comparison.table().WriteText(w)
	for _, line := range r.Comparison.notes() {
		fmt.Fprintln(w, line)
	}
}

// WriteMarkdown writes the results as a section of RESULTS.md.
func (r *Results) WriteMarkdown(w io.Writer) {
	r.Results.WriteMarkdown(w)
	if r.Comparison == nil {
		return
	}
	fmt.Fprintf(w, "\n%s\n\n", r.Comparison.title())
	r.Comparison.table().WriteMarkdown(w)
	for i, line := range r.Comparison.notes() {
		if i == 0 {
			fmt.Fprintln(w)
		}
		fmt.Fprintln(w, "- "+line)
	}
}
