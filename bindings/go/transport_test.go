package wws_test

import (
	"context"
	"errors"
	"io"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"wws"
)

const memoryURL = "memory:calc"

func hostingOver(t *testing.T, custom *wws.CustomTransport) (*wws.ServiceHost, string) {
	t.Helper()
	options := endpoint(wws.TransportCustom, echo)
	options.Address = memoryURL
	options.Custom = custom
	return hostingAt(t, options)
}

func proxyOver(t *testing.T, custom *wws.CustomTransport) *wws.ServiceProxy {
	t.Helper()
	proxy, err := wws.NewServiceProxy(&wws.ServiceProxyOptions{
		Transport: wws.TransportCustom,
		Encoding:  wws.EncodingUTF8,
		Custom:    custom,
	})
	must(t, err)
	t.Cleanup(proxy.Free)
	return proxy
}

// Where a transport keeps its task instead of completing it.
var everywhere = []string{"connect", "send", "receive"}

// A stopping transport gives the tasks of one slot to the test, and receives
// nothing: what waits for a reply is given when all has been sent. The abort of
// its connection comes as nil.
type stopping struct {
	at    string
	tasks chan *wws.TransportTask
}

func (s *stopping) keep(at string, task *wws.TransportTask) error {
	if s.at != at {
		return nil
	}
	s.tasks <- task
	return wws.StatusAsync
}

func (s *stopping) connection() *wws.CustomConnection {
	var receiver *wws.TransportTask
	done := func(*wws.TransportTask) error { return nil }
	return &wws.CustomConnection{
		Send: func(task *wws.TransportTask, _ []byte, _ bool) error {
			if s.at != "receive" {
				return s.keep("send", task)
			}
			err := task.Complete(wws.StatusOK)
			s.tasks <- receiver
			receiver = nil
			return err
		},
		Receive: func(task *wws.TransportTask) error {
			receiver = task
			return wws.StatusAsync
		},
		ShutDown: done,
		Close:    done,
		Abort: func() {
			if receiver != nil {
				_ = receiver.Complete(status(wws.ErrAborted))
			}
			s.tasks <- nil
		},
	}
}

func stoppingAt(at string) (*wws.CustomTransport, chan *wws.TransportTask) {
	s := &stopping{at: at, tasks: make(chan *wws.TransportTask, 8)}
	return &wws.CustomTransport{
		Connect: func(task *wws.TransportTask, _ string) error {
			if err := task.GiveConnection(s.connection(), "", ""); err != nil {
				return err
			}
			return s.keep("connect", task)
		},
	}, s.tasks
}

// opensAndCalls tells how that failed.
func opensAndCalls(ctx context.Context, proxy *wws.ServiceProxy) chan error {
	failed := make(chan error, 1)
	go func() {
		err := proxy.Open(ctx, memoryURL)
		if err == nil {
			_, err = proxy.Call(ctx, "urn:a", []byte("<x/>"), nil)
		}
		failed <- err
	}()
	return failed
}

func says(t *testing.T, err error, words string) {
	t.Helper()
	for _, text := range failure(t, err).Strings {
		if text == words {
			return
		}
	}
	t.Fatalf("%v does not say %q", err, words)
}

func TestTransport__of_the_application_carries_calls(t *testing.T) {
	memory := newMemory()
	hostingOver(t, memory)
	proxy := proxyOver(t, memory)
	must(t, proxy.Open(context.Background(), memoryURL))

	var all sync.WaitGroup
	for i := 0; i < 8; i++ {
		all.Add(1)
		go func() {
			defer all.Done()
			for j := 0; j < 25; j++ {
				reply, err := proxy.Call(context.Background(), "urn:a", []byte("<x/>"), nil)
				if err != nil || string(reply) != "<x/>" {
					t.Error(string(reply), err)
				}
			}
		}()
	}
	all.Wait()
	must(t, proxy.Close(context.Background()))
}

func TestTransport__says_why_nothing_can_be_opened(t *testing.T) {
	memory := newMemory()
	hostingOver(t, memory)
	proxy := proxyOver(t, memory)
	second, err := wws.NewServiceHost(nil)
	must(t, err)
	t.Cleanup(second.Free)
	options := endpoint(wws.TransportCustom, echo)
	options.Address, options.Custom = memoryURL, memory
	must(t, second.AddEndpoint(options))

	err = proxy.Open(context.Background(), "memory:nobody")

	is(t, err, wws.ErrEndpointNotFound)
	says(t, err, "nobody listens there")
	is(t, second.Open(context.Background()), wws.ErrAddressInUse)
}

func TestTransport__is_told_of_an_abort_that_ends_what_hangs_in_it(t *testing.T) {
	for _, at := range everywhere {
		custom, tasks := stoppingAt(at)
		proxy := proxyOver(t, custom)
		failed := opensAndCalls(context.Background(), proxy)
		task := await(t, tasks)

		began := time.Now()
		must(t, proxy.Abort())

		is(t, await(t, failed), wws.ErrAborted)
		if time.Since(began) > patience/4 {
			t.Fatal("it did not end at once")
		}
		if await(t, tasks) != nil {
			t.Fatal("the transport was not told")
		}
		must(t, task.Complete(status(wws.ErrAborted)))
	}
}

func TestTransport__ends_what_hangs_in_it_with_its_context(t *testing.T) {
	for _, at := range everywhere {
		custom, tasks := stoppingAt(at)
		proxy := proxyOver(t, custom)
		ctx, cancel := context.WithCancel(context.Background())
		failed := opensAndCalls(ctx, proxy)
		task := await(t, tasks)

		cancel()

		is(t, await(t, failed), context.Canceled)
		proxy.Free()
		if await(t, tasks) != nil {
			t.Fatal("the transport was not told")
		}
		must(t, task.Complete(status(wws.ErrAborted)))
	}
}

func TestTransport__gives_an_error_to_the_call_with_its_text(t *testing.T) {
	full := errors.New("the pipe is full\xff")
	broken := func(at string) *wws.CustomTransport {
		s := &stopping{at: "receive", tasks: make(chan *wws.TransportTask, 8)}
		connection := s.connection()
		connection.Send = func(*wws.TransportTask, []byte, bool) error { return full }
		return &wws.CustomTransport{
			Connect: func(task *wws.TransportTask, _ string) error {
				if at == "connect" {
					return full
				}
				return task.GiveConnection(connection, "", "")
			},
		}
	}
	for _, at := range []string{"connect", "send"} {
		failed := opensAndCalls(context.Background(), proxyOver(t, broken(at)))

		err := await(t, failed)

		is(t, err, wws.StatusOther)
		says(t, err, "the pipe is full?")
	}
}

// A transport whose slots return what such readers and writers return that have
// come to an end.
func overAt(at string) *wws.CustomTransport {
	connection := (&stopping{tasks: make(chan *wws.TransportTask, 8)}).connection()
	if at == "receive" {
		connection.Receive = func(*wws.TransportTask) error { return io.EOF }
	} else {
		connection.Send = func(*wws.TransportTask, []byte, bool) error { return io.EOF }
	}
	return &wws.CustomTransport{
		Connect: func(task *wws.TransportTask, _ string) error {
			return task.GiveConnection(connection, "", "")
		},
	}
}

func TestTransport__ends_what_is_received_with_io_EOF(t *testing.T) {
	channel, err := wws.NewChannel(&wws.ChannelOptions{
		Transport: wws.TransportCustom,
		Encoding:  wws.EncodingUTF8,
		Custom:    overAt("receive"),
	})
	must(t, err)
	defer channel.Free()
	message, err := wws.NewMessage(nil)
	must(t, err)
	defer message.Free()
	must(t, channel.Open(context.Background(), memoryURL))

	err = channel.Receive(context.Background(), message,
		wws.ReceiveOptionOptional)

	if !errors.Is(err, io.EOF) {
		t.Error(err)
	}
}

func TestTransport__that_cannot_send_for_io_EOF_has_failed(t *testing.T) {
	failed := opensAndCalls(context.Background(), proxyOver(t, overAt("send")))

	err := await(t, failed)

	is(t, err, wws.StatusOther)
	says(t, err, "EOF")
}

func TestTask__can_fail_later_with_a_reason(t *testing.T) {
	for _, at := range everywhere {
		custom, tasks := stoppingAt(at)
		failed := opensAndCalls(context.Background(), proxyOver(t, custom))
		task := await(t, tasks)

		must(t, task.GiveReason("the pipe is full"))
		must(t, task.Complete(wws.StatusEndpointFailure))

		err := await(t, failed)
		is(t, err, wws.StatusEndpointFailure)
		says(t, err, "the pipe is full")
	}
}

func TestTask__that_nobody_can_reach_has_failed(t *testing.T) {
	for _, at := range everywhere {
		custom, tasks := stoppingAt(at)
		failed := opensAndCalls(context.Background(), proxyOver(t, custom))
		await(t, tasks)

		var err error
		settles(t, "the task was kept", func() bool {
			runtime.GC()
			select {
			case err = <-failed:
				return true
			default:
				return false
			}
		})

		is(t, err, wws.StatusOther)
		says(t, err, "the task was let go of")
	}
}

func TestTask__is_completed_once_by_another_goroutine(t *testing.T) {
	memory := newMemory()
	hostingOver(t, memory)
	twice := make(chan error, 2)
	proxy := proxyOver(t, &wws.CustomTransport{
		Connect: func(task *wws.TransportTask, address string) error {
			go func() {
				_ = task.Complete(status(memory.Connect(task, address)))
				twice <- task.Complete(wws.StatusOK)
				twice <- task.GiveReason("late")
			}()
			return wws.StatusAsync
		},
	})

	must(t, proxy.Open(context.Background(), memoryURL))
	_, err := proxy.Call(context.Background(), "urn:a", []byte("<x/>"), nil)

	must(t, err)
	is(t, await(t, twice), wws.ErrHandle)
	is(t, await(t, twice), wws.ErrHandle)
}

func TestTask__takes_one_of_each_thing_and_no_status_that_is_no_end(t *testing.T) {
	custom, tasks := stoppingAt("receive")
	failed := opensAndCalls(context.Background(), proxyOver(t, custom))
	task := await(t, tasks)

	must(t, task.GivePiece([]byte("<x/>"), true))
	is(t, task.GivePiece([]byte("<y/>"), true), wws.ErrInvalidOperation)
	is(t, task.Complete(wws.StatusAsync), wws.ErrInvalidArg)
	must(t, task.Complete(wws.StatusEndpointFailure))

	if await(t, failed) == nil {
		t.Fatal("it did not fail")
	}
}

func TestTransport__is_freed_with_all_that_was_made_of_it(t *testing.T) {
	const rounds = 40
	tables, handles := wws.TablesInUse(), counter(t, wws.CounterHandles)
	var freed atomic.Bool
	func() {
		memory := newMemory()
		runtime.SetFinalizer(memory, func(*wws.CustomTransport) { freed.Store(true) })
		for i := 0; i < rounds; i++ {
			host, _ := hostingOver(t, memory)
			proxy := proxyOver(t, memory)
			must(t, proxy.Open(context.Background(), memoryURL))
			_, err := proxy.Call(context.Background(), "urn:a", []byte("<x/>"), nil)
			must(t, err)
			proxy.Free()
			must(t, host.Close(context.Background()))
			host.Free()
		}
	}()

	settles(t, "something is left", func() bool {
		runtime.GC()
		return wws.TablesInUse() <= tables && counter(t, wws.CounterHandles) < handles+rounds &&
			freed.Load()
	})
}
