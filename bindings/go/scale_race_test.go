//go:build race

package wws_test

// The race detector knows at most 8128 goroutines, and is slow.
const (
	races = 20000
	crowd = 2000
)
