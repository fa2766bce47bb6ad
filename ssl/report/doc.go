// Package report writes the metrics of a run for other programs: as CSV for spreadsheets, and as event files for TensorBoard.
package report
