//go:build go1.20

package wws_test

import (
	"context"
	"errors"
	"testing"

	"wws"
)

func cause(ctx context.Context) error {
	return context.Cause(ctx)
}

func expectReason(t *testing.T, err error, reason wws.CancelReason) {
	t.Helper()
	var cancelled *wws.CancelledError
	if !errors.As(err, &cancelled) || cancelled.Reason != reason {
		t.Fatalf("%v, not %v", err, reason)
	}
}
