//go:build !asan

package wws_test

const sanitized = false
