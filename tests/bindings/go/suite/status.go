package suite

import (
	"errors"

	"wws"
)

// Status is what the outcome of a function is called in C.
func Status(err error) wws.Status {
	var failure *wws.Error
	var status wws.Status
	switch {
	case err == nil:
		return wws.StatusOK
	case errors.As(err, &failure):
		return failure.Status
	case errors.As(err, &status):
		return status
	}
	return wws.StatusOther
}
