package data_test

import (
	"fmt"

	"marr/ssl/data"
)

func ExampleOpen() {
	set, err := data.Open("builtin:fashion-placed:test", 0) // the size counts for folders only
	if err != nil {
		fmt.Println(err)
		return
	}
	mean, std := set.Stats()
	fmt.Printf("%d images of %d×%d×%d, mean %.3f, deviation %.3f\n", set.Len(), set.H, set.W, set.C, mean[0], std[0])
	fmt.Println("the first is of class", set.Classes[set.Labels[0]])

	_, err = data.Open("builtin:mnist", 0)
	fmt.Println(err)
	// Output:
	// 2000 images of 32×32×1, mean 0.174, deviation 0.293
	// the first is of class Ankle boot
	// data: builtin:mnist: no such built-in set: expected one of builtin:fashion, builtin:fashion:test, builtin:fashion-placed, builtin:fashion-placed:test
}
