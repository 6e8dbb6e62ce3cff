package wws

import (
	"context"
	"errors"
	"runtime/debug"
	"sync"
)

// CancelledError is the cause of the context of an operation that nobody wants
// the answer of any more (context.Cause, since Go 1.20).
type CancelledError struct {
	Reason CancelReason
}

func (e *CancelledError) Error() string {
	return "wws: operation cancelled: " + e.Reason.String()
}

// serving is the context of an operation. The library is asked to tell of the
// cancellation when somebody wants to know, and not before.
type serving struct {
	context.Context
	end       func(cause error)
	operation *Operation
	asked     sync.Once
}

func (s *serving) ask() {
	s.asked.Do(func() {
		_ = s.operation.RegisterForCancel(&CancelCallbacks{
			Cancelled: func(reason CancelReason) { s.end(&CancelledError{reason}) },
		})
	})
}

func (s *serving) Done() <-chan struct{} {
	s.ask()
	return s.Context.Done()
}

func (s *serving) Err() error {
	s.ask()
	return s.Context.Err()
}

// handler serves one call: what it returns is the body of the reply.
type handler = func(ctx context.Context, operation *Operation) ([]byte, error)

// serve runs a handler and completes the operation, whatever becomes of it.
func serve(h handler, operation *Operation) {
	inner, end := cancellable()
	s := &serving{Context: inner, end: end, operation: operation}
	var reply []byte
	var err error = StatusOther // of a handler that ends its goroutine
	defer func() {
		wanted := inner.Err() == nil
		end(nil)
		conclude(operation, reply, err, wanted)
	}()
	reply, err = attempt(h, s)
}

// conclude completes an operation; why it failed is of interest while its answer
// is wanted.
func conclude(operation *Operation, reply []byte, err error, wanted bool) {
	if err == nil && reply != nil {
		err = operation.SetReply(reply)
	}
	if err == nil {
		_ = operation.Complete(StatusOK)
		return
	}
	if fault := faultIn(err); fault == nil || operation.SetFault(fault) != nil {
		if wanted {
			complain("an operation failed: %v", err)
		}
	}
	_ = operation.Complete(failing(statusIn(err)))
}

// attempt makes an error of a panic, of panic(nil), too.
func attempt(h handler, s *serving) (reply []byte, err error) {
	returned := false
	defer func() {
		if what := recover(); !returned {
			complain("panic in an operation: %v\n%s", what, debug.Stack())
			reply, err = nil, StatusOther
		}
	}()
	reply, err = h(s, s.operation)
	returned = true
	return
}

// faultIn is the fault that an operation wants to be sent, not one that it has
// received itself and passes on by mistake.
func faultIn(err error) *Fault {
	var received *Error
	var fault *Fault
	if errors.As(err, &received) || !errors.As(err, &fault) {
		return nil
	}
	return fault
}

func failing(status Status) Status {
	if status >= 0 {
		return StatusOther
	}
	return status
}
