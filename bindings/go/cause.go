//go:build go1.20

package wws

import "context"

func cancellable() (context.Context, func(cause error)) {
	return context.WithCancelCause(context.Background())
}
