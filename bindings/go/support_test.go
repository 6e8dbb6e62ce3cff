package wws

import (
	"context"
	"fmt"
	"io"
	"math"
	"runtime"
	"testing"
	"time"
	"unsafe"
)

func TestMilliseconds__round_up_and_know_for_ever(t *testing.T) {
	const infinite = math.MaxUint32
	for given, wanted := range map[time.Duration]uint32{
		0:                                       0,
		1:                                       1,
		time.Millisecond:                        1,
		time.Millisecond + 1:                    2,
		time.Hour:                               3600000,
		-1:                                      1,
		-time.Hour:                              1,
		Infinite:                                infinite,
		math.MaxUint32 * time.Millisecond:       infinite,
		math.MaxUint32*time.Millisecond - 1:     infinite,
		(math.MaxUint32 - 1) * time.Millisecond: infinite - 1,
	} {
		if ms := uint32(milliseconds(given)); ms != wanted {
			t.Error(given, ms, wanted)
		}
	}
	if duration(infinite) != Infinite || duration(3) != 3*time.Millisecond {
		t.Error("the way back")
	}
}

func TestOptions__left_out_are_their_defaults(t *testing.T) {
	f := begin()
	defer f.end()

	none := (&ChannelOptions{}).lower(f)
	all := (&ChannelOptions{
		MaxMessageSize: 7,
		SendTimeout:    time.Second,
		ResolveTimeout: 5 * time.Millisecond,
		FaultsAsErrors: Set(false),
	}).lower(f)

	if none.max_message_size != 65536 || none.send_timeout_ms != 30000 ||
		none.resolve_timeout_ms != math.MaxUint32 || none.faults_as_errors != 1 {
		t.Error("defaults", none)
	}
	if all.max_message_size != 7 || all.send_timeout_ms != 1000 ||
		all.resolve_timeout_ms != 5 || all.faults_as_errors != 0 {
		t.Error("choices", all)
	}
	if (*ChannelOptions)(nil).lower(f) != nil {
		t.Error("nothing is something")
	}
}

// Memory of a frame is zero and apart, however much is asked for.
func TestFrame__memory_is_fresh(t *testing.T) {
	for round := 0; round < 3; round++ {
		f := begin()
		var all [][]byte
		for size := 1; size < 3000; size += 97 {
			memory := places[byte](f, size)
			for i, octet := range memory {
				if octet != 0 {
					t.Fatal("octet", i, "of", size)
				}
				memory[i] = byte(size)
			}
			all = append(all, memory)
		}
		for _, memory := range all {
			for _, octet := range memory {
				if octet != byte(len(memory)) {
					t.Fatal("overlap")
				}
			}
		}
		f.end()
	}
}

// Whoever is second of the event and of who has left it clears up, once.
func TestFrame__is_given_back_once_by_who_comes_last(t *testing.T) {
	before := FramesInUse()
	for _, comes := range [][]func(f *frame){
		{(*frame).end},
		{arrive, (*frame).end},
		{leave, arrive, (*frame).end},
		{leave, (*frame).end, arrive},
	} {
		f := begin()
		for i, step := range comes {
			if FramesInUse() != before+1 {
				t.Error("given back before step", i)
			}
			step(f)
		}
		if FramesInUse() != before || f.stage.Load() != begunStage {
			t.Error("not given back", len(comes))
		}
	}
}

func arrive(f *frame) {
	f.arrive(0)
	if f.stage.Load() == arrivedStage {
		<-f.wake
	}
}

func leave(f *frame) { f.leave() }

// The function may still write what nobody waits for any more.
func TestFrame__gives_nothing_that_was_left(t *testing.T) {
	f := begin()
	b := f.buffer()
	b.data = unsafe.Pointer(&places[byte](f, 5)[0])
	b.size = 5

	before := f.take(b)
	f.leave()
	after := f.take(b)
	f.end()
	arrive(f)

	if len(before) != 5 || after != nil {
		t.Error(before, after)
	}
}

// Events are fetched into the same memory again and again.
func TestEvent__is_read_before_the_next_is_fetched(t *testing.T) {
	if err := ready(); err != nil {
		t.Fatal(err)
	}
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	told := make(chan CancelReason, 1)
	table := CancelCallbacks{Cancelled: func(reason CancelReason) { told <- reason }}

	event := events.fetched[0]
	event.reason = 1
	table.happened(&event)
	event.reason = 0

	if reason := <-told; reason != CancelReasonChannelFaulted {
		t.Error(reason)
	}
}

func TestFrame__holds_what_is_left_of_a_crowd_only(t *testing.T) {
	var all []*frame
	for i := 0; i < 10*spareFrames; i++ {
		all = append(all, begin())
	}
	for _, f := range all {
		f.end()
	}

	if spare := len(frames.spare); spare > spareFrames {
		t.Error(spare)
	}
}

func TestRegistration__of_a_table_that_was_not_taken_is_forgotten(t *testing.T) {
	before := len(tables.all)

	host, err := NewServiceHost(nil)
	if err != nil {
		t.Fatal(err)
	}
	defer host.Free()
	for i := 0; i < 3; i++ {
		_ = host.AddEndpoint(&EndpointOptions{
			Address:    "nonsense",
			Operations: OperationCallbacks{Serve: nil},
		})
	}

	if len(tables.all) != before {
		t.Error(len(tables.all), before)
	}
}

func TestCallbacks__of_a_table_that_is_gone_are_not_called(t *testing.T) {
	const gone = 0

	status := wwsGoCallCallbacksSending(Message{}.handle, gone)

	if Status(status) != StatusHandle {
		t.Error(status)
	}
}

func TestCallbacks__answer_with_the_status_of_an_error(t *testing.T) {
	for _, one := range []struct {
		err    error
		status Status
	}{
		{nil, StatusOK},
		{ErrAborted, StatusAborted},
		{&Error{ErrorInfo: ErrorInfo{Status: StatusTimedOut}}, StatusTimedOut},
		{&Fault{}, StatusOther},
		{io.EOF, StatusOther},
		{fmt.Errorf("late: %w", context.DeadlineExceeded), StatusTimedOut},
		{context.Canceled, StatusCancelled},
	} {
		if status := Status(answer(one.err)); status != one.status {
			t.Error(one.err, status)
		}
	}
	status := answer(nil)
	func() {
		before := ErrorLog
		ErrorLog = silence
		defer func() { ErrorLog = before }()
		defer refused(&status)
		panic("oh")
	}()
	if Status(status) != StatusOther {
		t.Error(status)
	}
}
