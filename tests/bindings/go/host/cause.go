//go:build go1.20

package main

import (
	"context"
	"errors"

	"wws"
)

// cancellation asks to be told; what it gives back waits, and says why.
func cancellation(ctx context.Context, _ *wws.Operation) func() wws.CancelReason {
	done := ctx.Done()
	return func() wws.CancelReason {
		var cancelled *wws.CancelledError
		<-done
		if !errors.As(context.Cause(ctx), &cancelled) {
			panic("a context without a cause")
		}
		return cancelled.Reason
	}
}
