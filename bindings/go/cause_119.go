//go:build !go1.20

package wws

import "context"

// Contexts had no causes yet.
func cancellable() (context.Context, func(cause error)) {
	ctx, cancel := context.WithCancel(context.Background())
	return ctx, func(error) { cancel() }
}
