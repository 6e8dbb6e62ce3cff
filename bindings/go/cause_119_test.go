//go:build !go1.20

package wws_test

import (
	"context"
	"testing"

	"wws"
)

func cause(ctx context.Context) error {
	return ctx.Err()
}

func expectReason(t *testing.T, err error, _ wws.CancelReason) {
	t.Helper()
	is(t, err, context.Canceled)
}
