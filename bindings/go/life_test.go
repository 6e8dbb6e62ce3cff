package wws_test

import (
	"context"
	"errors"
	"io"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"wws"
)

func counter(t *testing.T, which wws.Counter) uint64 {
	t.Helper()
	value, err := wws.DefaultRuntime.Counter(which)
	must(t, err)
	return value
}

func TestFree__may_be_called_again_and_leaves_stale_objects(t *testing.T) {
	proxy, err := wws.NewServiceProxy(nil)
	must(t, err)
	channel, err := wws.NewChannel(nil)
	must(t, err)
	message, err := wws.NewMessage(nil)
	must(t, err)

	for i := 0; i < 2; i++ {
		proxy.Free()
		channel.Free()
		message.Free()
	}

	_, err = proxy.Call(context.Background(), "urn:a", nil, nil)
	is(t, err, wws.ErrHandle)
	_, err = proxy.State()
	is(t, err, wws.ErrHandle)
	is(t, proxy.Abort(), wws.ErrHandle)
	is(t, channel.Send(context.Background(), message), wws.ErrHandle)
	is(t, message.Reset(), wws.ErrHandle)
}

func TestNil__is_refused_and_can_be_freed(t *testing.T) {
	var proxy *wws.ServiceProxy
	var channel *wws.Channel
	var operation *wws.Operation
	open, err := wws.NewChannel(nil)
	must(t, err)
	defer open.Free()

	proxy.Free()
	channel.Free()

	is(t, proxy.Open(context.Background(), "http://127.0.0.1/"), wws.ErrInvalidArg)
	is(t, channel.Abort(), wws.ErrInvalidArg)
	is(t, open.Send(context.Background(), nil), wws.ErrInvalidArg)
	is(t, new(wws.Channel).Reset(), wws.ErrInvalidArg)
	_, err = operation.Body()
	is(t, err, wws.ErrInvalidArg)
}

// What somebody still waits on is not collected; what nobody can reach is.
func TestObjects__are_collected_when_nobody_can_reach_them(t *testing.T) {
	serve, entered, release := held(t)
	_, address := hosting(t, wws.TransportHTTP, serve)
	done := make(chan error, 1)
	func() {
		proxy, err := wws.NewServiceProxy(nil)
		must(t, err)
		must(t, proxy.Open(context.Background(), address))
		go func() {
			_, err := proxy.Call(context.Background(), "urn:a", nil, nil)
			done <- err
		}()
	}()
	await(t, entered)
	before := counter(t, wws.CounterHandles)
	for i := 0; i < 1000; i++ {
		_, err := wws.NewMessage(nil)
		must(t, err)
	}
	if now := counter(t, wws.CounterHandles); now < before+500 {
		t.Fatal("they were not there", before, now)
	}

	settles(t, "handles are left", func() bool {
		runtime.GC()
		return counter(t, wws.CounterHandles) <= before+10
	})
	select {
	case err := <-done:
		t.Fatal("the call was ended:", err)
	default:
	}
	release()

	must(t, await(t, done))
}

func TestHost__serves_though_nobody_has_it_in_hand(t *testing.T) {
	owner, err := wws.NewRuntime(nil)
	must(t, err)
	defer func() {
		must(t, owner.Close(patience))
		owner.Free()
	}()
	address := func() string {
		host, err := owner.NewServiceHost(nil)
		must(t, err)
		must(t, host.AddEndpoint(&wws.EndpointOptions{
			Address:    "http://127.0.0.1:0/",
			Operations: wws.OperationCallbacks{Serve: echo},
		}))
		must(t, host.Open(context.Background()))
		address, err := host.Address(0)
		must(t, err)
		return address
	}()
	for i := 0; i < 5; i++ {
		runtime.GC()
		time.Sleep(time.Millisecond)
	}

	_, err = calling(t, address, nil).Call(context.Background(), "urn:a", []byte("<a/>"), nil)

	must(t, err)
}

// A runtime lives as long as what was made on it.
func TestRuntime__is_kept_by_its_objects(t *testing.T) {
	_, address := hosting(t, wws.TransportHTTP, echo)
	owner, err := wws.NewRuntime(&wws.RuntimeOptions{MaxPoolThreads: 2})
	must(t, err)
	proxy, err := owner.NewServiceProxy(nil)
	must(t, err)
	defer proxy.Free()
	owner = nil
	for i := 0; i < 5; i++ {
		runtime.GC()
		time.Sleep(time.Millisecond)
	}

	must(t, proxy.Open(context.Background(), address))
	_, err = proxy.Call(context.Background(), "urn:a", []byte("<a/>"), nil)

	must(t, err)
}

func TestRuntime__close_aborts_what_is_pending(t *testing.T) {
	serve, entered, release := held(t)
	_, address := hosting(t, wws.TransportHTTP, serve)
	owner, err := wws.NewRuntime(nil)
	must(t, err)
	defer owner.Free()
	proxy, err := owner.NewServiceProxy(nil)
	must(t, err)
	must(t, proxy.Open(context.Background(), address))
	done := make(chan error, 1)
	go func() {
		_, err := proxy.Call(context.Background(), "urn:a", nil, nil)
		done <- err
	}()
	await(t, entered)

	must(t, owner.Close(patience))

	is(t, await(t, done), wws.ErrAborted)
	release()
}

func TestDefaultRuntime__comes_back_after_its_close(t *testing.T) {
	must(t, wws.DefaultRuntime.Close(patience))

	_, address := hosting(t, wws.TransportHTTP, echo)
	proxy := calling(t, address, nil)
	_, err := proxy.Call(context.Background(), "urn:a", []byte("<a/>"), nil)

	must(t, err)
}

func TestMessage__says_that_there_is_none(t *testing.T) {
	message := request(t, "urn:a", "<a/>")
	defer message.Free()

	action, err := message.Header(wws.HeaderAction)
	must(t, err)
	_, none := message.Header(wws.HeaderFrom)
	_, _, custom := message.CustomHeader("a", "urn:a", 0)

	if action != "urn:a" {
		t.Fatal(action)
	}
	is(t, none, wws.End, io.EOF)
	is(t, custom, wws.End)
	is(t, message.RemoveHeader(wws.HeaderFrom), wws.End)
}

func TestMessage__keeps_headers_of_both_kinds(t *testing.T) {
	message := request(t, "urn:a", "<a/>")
	defer message.Free()

	must(t, message.AddCustomHeader([]byte(`<h xmlns="urn:h">1</h>`), true))
	must(t, message.AddMappedHeader("X-One", "two"))

	element, must1, err := message.CustomHeader("h", "urn:h", 0)
	must(t, err)
	value, err := message.MappedHeader("x-one")
	must(t, err)
	if !contains(element, "1") || !must1 || value != "two" {
		t.Fatal(string(element), must1, value)
	}
}

// It is not meant for two goroutines, but no memory is harmed by them.
func TestMessage__survives_two_goroutines(t *testing.T) {
	message := request(t, "urn:a", "<a/>")
	var wait sync.WaitGroup
	for i := 0; i < 4; i++ {
		wait.Add(1)
		go func(body string) {
			defer wait.Done()
			for n := 0; n < 500; n++ {
				_ = message.SetBody([]byte("<a>" + body + "</a>"))
				if seen, err := message.Body(); err == nil && len(seen) < 7 {
					t.Error(string(seen))
				}
			}
		}(strings.Repeat("x", 5000*i))
	}
	time.AfterFunc(5*time.Millisecond, message.Free)
	wait.Wait()
}

func TestMessages__of_one_call_are_held_in_one_order(t *testing.T) {
	one, other := request(t, "urn:a", "<a/>"), request(t, "urn:b", "<b/>")
	var wait sync.WaitGroup
	for _, pair := range [][2]*wws.Message{{one, other}, {other, one}, {one, one}} {
		wait.Add(1)
		go func(target, original *wws.Message) {
			defer wait.Done()
			for n := 0; n < 2000; n++ {
				_ = target.Reset()
				_ = target.Initialize(wws.MessageInitializationDuplicate, original)
			}
		}(pair[0], pair[1])
	}
	wait.Wait()
}

func TestLog__lines_come_until_they_are_not_wanted(t *testing.T) {
	quiet(t)
	var lines, afterwards atomic.Int64
	must(t, wws.DefaultRuntime.SetLog(wws.LogLevelDebug, &wws.LogCallbacks{
		Line: func(_ wws.LogLevel, _ wws.Phase, text string) {
			if lines.Add(1) == 1 {
				panic(text)
			}
		}}))
	_, address := hosting(t, wws.TransportHTTP, echo)
	proxy := calling(t, address, nil)
	_, err := proxy.Call(context.Background(), "urn:a", []byte("<a/>"), nil)
	must(t, err)

	must(t, wws.DefaultRuntime.SetLog(wws.LogLevelError, nil))
	afterwards.Store(lines.Load())
	_, err = proxy.Call(context.Background(), "urn:a", []byte("<a/>"), nil)

	must(t, err)
	if lines.Load() < 2 || lines.Load() != afterwards.Load() {
		t.Fatal(lines.Load(), afterwards.Load())
	}
}

func TestThreads__are_told_of(t *testing.T) {
	var started, stopped atomic.Int64
	owner, err := wws.NewRuntime(&wws.RuntimeOptions{Threads: &wws.ThreadCallbacks{
		Started: func() { started.Add(1) },
		Stopped: func() { stopped.Add(1) },
	}})
	must(t, err)

	must(t, owner.Close(patience))
	owner.Free()

	if started.Load() == 0 {
		t.Fatal("none has started")
	}
	settles(t, "threads are left", func() bool { return started.Load() == stopped.Load() })
}

// goroutineCount leaves out those that Go has for threads of the library that
// have once called it; they last as long as the threads.
func goroutineCount() int {
	stacks := make([]byte, 1<<20)
	text := string(stacks[:runtime.Stack(stacks, true)])
	return strings.Count(text, "\ngoroutine ") - strings.Count(text, "[syscall, locked to thread")
}

// Whatever was done, nothing of it is left.
func TestEverything__is_given_back(t *testing.T) {
	quiet(t)
	work := func() {
		host, address := hosting(t, wws.TransportHTTP,
			func(ctx context.Context, o *wws.Operation) ([]byte, error) {
				if info, _ := o.Info(); info.Action == "urn:wait" {
					<-ctx.Done()
				}
				return nil, &wws.Fault{Reason: "no"}
			})
		proxy := calling(t, address, nil)
		for i := 0; i < 200; i++ {
			ctx, cancel := context.WithTimeout(context.Background(), time.Millisecond)
			_, err := proxy.Call(ctx, "urn:wait", nil, nil)
			if !errors.Is(err, context.DeadlineExceeded) {
				t.Fatal(err)
			}
			cancel()
			_, err = proxy.Call(context.Background(), "urn:a", nil, nil)
			is(t, err, wws.ErrEndpointFaultReceived)
		}
		must(t, proxy.Close(context.Background()))
		proxy.Free()
		must(t, host.Close(context.Background()))
		host.Free()
	}
	work()
	settles(t, "sockets are left", func() bool { return counter(t, wws.CounterSockets) == 0 })
	goroutines, tables := goroutineCount(), wws.TablesInUse()
	handles, blocks := counter(t, wws.CounterHandles), counter(t, wws.CounterMemoryBlocks)

	work()

	settles(t, "goroutines are left", func() bool { return goroutineCount() <= goroutines })
	settles(t, "handles are left", func() bool {
		runtime.GC()
		return counter(t, wws.CounterHandles) <= handles
	})
	settles(t, "frames are left", func() bool { return wws.FramesInUse() == 0 })
	settles(t, "tables are left", func() bool { return wws.TablesInUse() <= tables })
	settles(t, "memory is left", func() bool {
		return counter(t, wws.CounterMemoryBlocks) <= blocks+16
	})
}

func TestRecords__and_names_speak(t *testing.T) {
	if text := wws.PhaseWait.String(); text != "wait" {
		t.Fatal(text)
	}
	if text := wws.Phase(99).String(); text != "Phase(99)" {
		t.Fatal(text)
	}
	if text := wws.StatusAborted.String(); text != "WWS_E_OPERATION_ABORTED" {
		t.Fatal(text)
	}
	if version := wws.Version(); version < 1 {
		t.Fatal(version)
	}
	err := wws.DefaultRuntime.SetLog(99, &wws.LogCallbacks{
		Line: func(wws.LogLevel, wws.Phase, string) {}})
	is(t, err, wws.ErrInvalidArg)
}
