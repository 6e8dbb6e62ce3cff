//go:build !go1.20

package main

import (
	"context"

	"wws"
)

// cancellation asks to be told; what it gives back waits, and says why. The
// contexts of old had no causes.
func cancellation(_ context.Context, o *wws.Operation) func() wws.CancelReason {
	told := make(chan wws.CancelReason, 1)
	err := o.RegisterForCancel(&wws.CancelCallbacks{
		Cancelled: func(reason wws.CancelReason) { told <- reason },
	})
	if err != nil {
		panic(err)
	}
	return func() wws.CancelReason { return <-told }
}
