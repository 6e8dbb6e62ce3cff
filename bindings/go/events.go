package wws

// #include "callbacks.h"
import "C"

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"sync"
	"syscall"
	"time"
	"unsafe"
)

// grace is how long a call that has been cancelled may keep its caller. The
// library ends it at once; but closing a host waits for its operations.
const grace = 50 * time.Millisecond

// batch is how many events are fetched at a time.
const batch = 64

// All completions and operations come through one queue, which lives as long as
// the process. Its descriptor is watched by Go's own poller, so that nothing
// that waits holds a thread.
var events struct {
	once    sync.Once
	handle  C.wws_queue
	err     error
	file    *os.File
	fetched []C.wws_event // in memory of C
	count   *C.uint32_t
}

// ready says why nothing can be done, if so.
func ready() error {
	events.once.Do(func() { events.err = listen() })
	return events.err
}

func listen() error {
	if version := uint32(C.wws_version()); version < needed {
		return fmt.Errorf("wws: the installed libwws implements version %d of "+
			"its interface, this package needs version %d", version, needed)
	}
	if err := statusOf(C.wws_queue_create(C.wws_runtime{}, &events.handle, C.wws_error{})); err != nil {
		return err
	}
	fd := C.int32_t(-1)
	C.wws_queue_get_fd(events.handle, &fd, C.wws_error{})
	own, _, errno := syscall.Syscall(syscall.SYS_FCNTL, uintptr(fd), syscall.F_DUPFD_CLOEXEC, 0)
	if errno != 0 {
		return fmt.Errorf("wws: cannot watch the queue: %w", errno)
	}
	events.file = os.NewFile(own, "wws queue")
	poll, err := events.file.SyscallConn()
	if err != nil {
		return fmt.Errorf("wws: cannot watch the queue: %w", err)
	}
	memory := C.malloc(batch * C.sizeof_wws_event)
	events.fetched = unsafe.Slice((*C.wws_event)(memory), batch)
	events.count = (*C.uint32_t)(C.malloc(C.sizeof_uint32_t))
	go func() { _ = poll.Read(drain) }()
	return nil
}

// drain is called whenever the queue may have events; false asks for more. A
// batch that is not full has emptied the queue, and the next event wakes again.
func drain(uintptr) bool {
	for {
		events.fetched[0].struct_size = C.sizeof_wws_event
		*events.count = 0
		C.wws_queue_next(events.handle, batch, &events.fetched[0], events.count, C.wws_error{})
		for i := range events.fetched[:*events.count] {
			dispatch(&events.fetched[i])
		}
		if *events.count < batch {
			return false
		}
	}
}

// A receiver is a table whose events come through the queue. It must not block.
type receiver interface {
	happened(event *C.wws_event)
}

// dispatch tells completions from the rest by their keys: theirs are even.
func dispatch(event *C.wws_event) {
	key := stateOf(&event.state)
	if key&1 == 0 {
		if f := frameAt(int(key >> 1)); f != nil && event.kind == C.WWS_EVENT_KIND_COMPLETED {
			f.arrive(event.status)
		}
	} else if table, found := registeredAny(key).(receiver); found {
		table.happened(event)
	} else if event.kind == C.WWS_EVENT_KIND_OPERATION {
		C.wws_operation_complete(event.operation, C.WWS_E_OPERATION_ABORTED, C.wws_error{})
	}
	if event.error.id != 0 {
		C.wws_error_free(event.error)
	}
}

func frameAt(index int) *frame {
	frames.Lock()
	defer frames.Unlock()
	return frames.all[index]
}

// arrive hands the status to who waits. After one who has left it clears up,
// unless he is still on his way out.
func (f *frame) arrive(status C.wws_status) {
	if f.stage.CompareAndSwap(begunStage, arrivedStage) {
		f.wake <- status
	} else if !f.stage.CompareAndSwap(leftStage, lateStage) {
		f.recycle()
	}
}

// leave is true if the event had not come.
func (f *frame) leave() bool {
	return f.stage.CompareAndSwap(begunStage, leftStage)
}

// A turn is the right to be in C for a moment. A goroutine there has a thread,
// and Go makes one more for each that is kept waiting: a crowd that comes all at
// once goes in one after the other.
var turns = make(chan struct{}, 4*runtime.GOMAXPROCS(0))

func inTurn(what func()) {
	turns <- struct{}{}
	defer func() { <-turns }()
	what()
}

// completion takes the turn that wait gives back.
func (f *frame) completion() *C.wws_completion {
	turns <- struct{}{}
	return f.done
}

// wait returns when the function that has returned status is over. When ctx
// ends first it is cancelled; if it has succeeded nonetheless, so be it.
func (f *frame) wait(ctx context.Context, cancel func() error, status C.wws_status) error {
	f.unlock()
	<-turns
	if Status(status) != StatusAsync {
		return f.check(status)
	}
	select {
	case status = <-f.wake:
		return f.check(status)
	case <-ctx.Done():
	}

	inTurn(func() { _ = cancel() })
	timer := time.NewTimer(grace)
	defer timer.Stop()
	select {
	case status = <-f.wake:
	case <-timer.C:
		if f.leave() {
			return interrupted(&Error{}, ctx.Err())
		}
		status = <-f.wake
	}
	return f.checkInterrupted(status, ctx.Err())
}

// A failure of its own, which came before the context ended, stays what it is.
func (f *frame) checkInterrupted(status C.wws_status, reason error) (err error) {
	var e *Error
	inTurn(func() { err = f.check(status) })
	if errors.As(err, &e) && (e.Status == StatusAborted || e.Status == StatusCancelled) {
		return interrupted(e, reason)
	}
	return err
}
