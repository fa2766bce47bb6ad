//go:build !linux

package ranks

func useHugePages([]byte) {}
