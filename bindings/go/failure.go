package wws

// #include "callbacks.h"
import "C"

import (
	"context"
	"errors"
	"io"
	"strings"
)

// End is what functions return that found nothing: no further message or piece
// of a body, no such header, no fault.  errors.Is(err, io.EOF) holds for it.
var End error = StatusEnd

// String names the status as C does.
func (s Status) String() string {
	return StatusName(s)
}

// Error makes a status an error, to be compared with that of another one.
func (s Status) Error() string {
	return "wws: " + StatusName(s)
}

// Is says whether the status means the same as an error of another package.
func (s Status) Is(target error) bool {
	return s == StatusEnd && target == io.EOF
}

// Error is how all functions of this package fail.  errors.Is tells one status
// from another, by ErrAborted and its like, and finds context.Canceled or
// context.DeadlineExceeded if the end of a context was the reason; errors.As
// finds the *Fault that a service answered with.
type Error struct {
	ErrorInfo

	// What was being done and what went wrong, the outermost first.
	Strings []string

	// The fault that was received, or nil.
	Fault *Fault

	reason error // why the context ended, if that was why
}

// Error says what was being done, what went wrong, and what it is known by.
func (e *Error) Error() string {
	said := append([]string{"wws"}, e.Strings...)
	if len(e.Strings) == 0 && e.reason != nil {
		said = append(said, e.reason.Error())
	}
	return strings.Join(said, ": ") + " (" + e.Status.String() + ")"
}

// Is says whether this is a failure with the status target.
func (e *Error) Is(target error) bool {
	status, ok := target.(Status)
	return ok && status == e.Status
}

// As gives the fault to who looks for one.
func (e *Error) As(target any) bool {
	fault, ok := target.(**Fault)
	if ok && e.Fault != nil {
		*fault = e.Fault
		return true
	}
	return false
}

// Unwrap is why the context ended, if that was why.
func (e *Error) Unwrap() error {
	return e.reason
}

// Timeout says whether the time allowed was used up.
func (e *Error) Timeout() bool {
	return e.Status == StatusTimedOut
}

// Error makes a fault an error, to be returned where an operation is served and
// to be found where one was called.
func (f *Fault) Error() string {
	return "wws: fault: " + f.Reason
}

// Fault makes of a fault that was received one that can be sent.
func (f FaultInfo) Fault() *Fault {
	fault := Fault(f)
	return &fault
}

// check makes an error of what a function has returned.
func (f *frame) check(status C.wws_status) error {
	if status < 0 {
		return f.failure(status)
	}
	if Status(status) == StatusEnd {
		return End
	}
	return nil
}

// failure empties the error object, too: a success leaves it as it is.
func (f *frame) failure(status C.wws_status) *Error {
	e := &Error{}
	info := placeErrorInfo(f, 1)
	text := place[C.wws_string](f)

	C.wws_error_get_info(f.error, &info[0])
	e.ErrorInfo = liftErrorInfo(&info[0], object{})
	for i := C.uint32_t(0); i < info[0].string_count; i++ {
		C.wws_error_get_string(f.error, i, text)
		e.Strings = append(e.Strings, goText(*text))
	}
	if e.HasFault {
		fault := placeFaultInfo(f, 1)
		C.wws_error_get_fault(f.error, &fault[0])
		e.Fault = liftFaultInfo(&fault[0], object{}).Fault()
	}
	if e.Status != StatusOK {
		C.wws_error_reset(f.error)
	}
	e.Status = Status(status)
	forget(f.tables)
	return e
}

// statusOf is for what has no error object.
func statusOf(status C.wws_status) error {
	if status < 0 {
		return Status(status)
	}
	return nil
}

// begun refuses to begin what is not wanted any more.
func begun(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return interrupted(&Error{}, err)
	}
	return nil
}

// interrupted is what a failure is called that the end of a context has brought
// about.
func interrupted(e *Error, reason error) *Error {
	e.reason = reason
	if errors.Is(reason, context.DeadlineExceeded) {
		e.Status = StatusTimedOut
	} else if e.Status == StatusOK {
		e.Status = StatusCancelled
	}
	return e
}
