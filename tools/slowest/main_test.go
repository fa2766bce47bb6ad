package main

import (
	"strings"
	"testing"
)

func TestTheSlowestTestsComeFirstAndFailuresAreKept(t *testing.T) {
	ended, err := read(strings.NewReader(`# a line of the compiler
{"Action":"pass","Package":"p","Test":"TestA","Elapsed":1}
{"Action":"pass","Package":"p","Test":"TestB/sub","Elapsed":9}
{"Action":"output","Package":"p","Test":"TestB","Output":"x"}
{"Action":"pass","Package":"p","Test":"TestB","Elapsed":10}
{"Action":"fail","Package":"q","Elapsed":0.5}
{"Action":"pass","Package":"p","Elapsed":11}
`))
	var got []string
	for _, e := range ended {
		got = append(got, e.Action+" "+e.Package+" "+e.Test)
	}
	if want := "pass p TestB, pass p TestA, fail q "; err != nil || strings.Join(got, ", ") != want {
		t.Errorf("got %q, %v, want %q", strings.Join(got, ", "), err, want)
	}
}
