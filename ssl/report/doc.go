// Package report writes the metrics of a run for other programs: as CSV for spreadsheets, and as event files for TensorBoard. Package page writes them, with
// pictures, as a page for people.
package report
