package wws

/*
#include <stdint.h>
#include <wws/wws.h>
*/
import "C"

import (
	"context"
	"errors"
	"io"
	"log"
	"runtime"
	"runtime/debug"
	"strings"
	"sync"
	"unsafe"
)

// ErrorLog takes what cannot be told otherwise: panics in callbacks, and what
// operations return that is not a fault. Nil is the standard logger.
var ErrorLog *log.Logger

// The callback tables that the library has, by their states: odd numbers, none
// of which is ever used again, so that a late event finds nothing.
var tables struct {
	sync.RWMutex
	last uintptr
	all  map[uintptr]registration
}

// A registration keeps the object that a table was given to: a host serves
// though nobody may have it in hand any more.
type registration struct {
	table any
	uses  []object
}

// register makes a table known by the state that C will call it with.
func (f *frame) register(state *unsafe.Pointer, table any) {
	tables.Lock()
	defer tables.Unlock()
	if tables.all == nil {
		tables.all = map[uintptr]registration{}
	}
	tables.last += 2
	key := tables.last | 1
	var uses []object
	for _, o := range f.objects {
		if o.owner == nil || !o.owner.passes {
			uses = append(uses, o)
		}
	}
	tables.all[key] = registration{table, uses}
	f.tables = append(f.tables, key)
	setState(state, key)
}

// forget is for tables that were not taken.
func forget(keys []uintptr) {
	if len(keys) == 0 {
		return
	}
	tables.Lock()
	defer tables.Unlock()
	for _, key := range keys {
		delete(tables.all, key)
	}
}

func registeredAny(key uintptr) any {
	tables.RLock()
	defer tables.RUnlock()
	return tables.all[key].table
}

func registered[T any](key uintptr) (*T, bool) {
	table, found := registeredAny(key).(*T)
	return table, found
}

//export wwsGoFreed
func wwsGoFreed(state C.uintptr_t) {
	forget([]uintptr{uintptr(state)})
}

// caught is deferred where Go runs for C, which no panic may reach.
func caught() {
	if what := recover(); what != nil {
		complain("panic in a callback: %v\n%s", what, debug.Stack())
	}
}

// refused is caught where C wants a status, which is that of a failure until
// there is another: of panic(nil) nothing can be caught.
func refused(status *C.wws_status) {
	if what := recover(); what != nil {
		*status = C.wws_status(StatusOther)
		complain("panic in a callback: %v\n%s", what, debug.Stack())
	}
}

// tell calls a callback of the table that has this state.
func tell[T any](state C.uintptr_t, call func(t *T)) {
	defer caught()
	if t, found := registered[T](uintptr(state)); found {
		call(t)
	}
}

// ask calls one that answers.
func ask[T any](state C.uintptr_t, call func(t *T) C.wws_status) (outcome C.wws_status) {
	outcome = C.wws_status(StatusOther)
	defer refused(&outcome)
	if t, found := registered[T](uintptr(state)); found {
		return call(t)
	}
	return C.wws_status(StatusHandle)
}

func answer(err error) C.wws_status {
	return C.wws_status(statusIn(err))
}

// statusIn is the status that an error of a callback stands for.
func statusIn(err error) Status {
	var status Status
	var e *Error

	switch {
	case err == nil:
		return StatusOK
	case errors.As(err, &e):
		return e.Status
	case errors.As(err, &status):
		return status
	case errors.Is(err, context.Canceled):
		return StatusCancelled
	case errors.Is(err, context.DeadlineExceeded):
		return StatusTimedOut
	}
	return StatusOther
}

// completable is what a callback completes: by what it returns, or later.
type completable interface {
	GiveReason(reason string) error
	Complete(status Status) error
}

var errLetGo = errors.New("the task was let go of")

// settle completes what a callback was given, unless that is to be done later.
// An io.EOF ends what may end; of all else it is a failure, as End is.
func settle(it completable, err error) C.wws_status {
	status := statusIn(err)
	if err == io.EOF {
		status = StatusEnd
	}
	if status == StatusAsync {
		return C.wws_status(status)
	}
	if _, bare := err.(Status); err != nil && !bare {
		_ = it.GiveReason(strings.ToValidUTF8(err.Error(), "?"))
	}
	if it.Complete(status) != nil {
		_ = it.Complete(StatusOther) // unless the callback has done it
	}
	return C.wws_status(StatusAsync)
}

// kept is for an object that must not be forgotten by whoever has it.
func kept(forgotten func()) object {
	o := &owner{give: forgotten, passes: true}
	runtime.SetFinalizer(o, (*owner).free)
	return object{owner: o}
}

func complain(format string, values ...any) {
	if ErrorLog != nil {
		ErrorLog.Printf("wws: "+format, values...)
	} else {
		log.Printf("wws: "+format, values...)
	}
}
