//go:build asan

package wws_test

// The sanitizer's own library has to come first.
const sanitized = true
