//go:build !race

package wws_test

const (
	races = 100000
	crowd = 10000
)
