package data_test

import (
	"context"
	"fmt"

	"github.com/marr-ssl/marr/ssl/data"
)

func ExampleOpen() {
	set, err := data.Open(context.Background(), "builtin:fashion-tinted:test", data.Options{}) // side and cache count for files and folders only
	if err != nil {
		fmt.Println(err)
		return
	}
	defer set.Close()
	mean, std := set.Stats()
	h, w, _ := set.Size()
	fmt.Printf("%d images of %d×%d×%d, mean %.3f, deviation %.3f\n", set.Len(), h, w, set.C, mean, std)
	fmt.Println("the first is of class", set.Classes[set.Labels[0]])

	_, err = data.Open(context.Background(), "builtin:mnist", data.Options{})
	fmt.Println(err)
	// Output:
	// 2000 images of 32×32×3, mean [0.266 0.263 0.264], deviation [0.189 0.190 0.189]
	// the first is of class Ankle boot
	// data: builtin:mnist: no such built-in set: expected one of builtin:fashion, builtin:fashion:test, builtin:fashion-placed, builtin:fashion-placed:test, builtin:fashion-tinted, builtin:fashion-tinted:test
}
