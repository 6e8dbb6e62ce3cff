package wws_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"wws"
)

func TestCall__is_not_begun_with_a_context_that_is_over(t *testing.T) {
	address, connections := silent(t)
	proxy := calling(t, address, nil)
	cancelled, cancel := context.WithCancel(context.Background())
	cancel()
	expired, end := context.WithDeadline(context.Background(), time.Now().Add(-time.Second))
	defer end()

	_, err := proxy.Call(cancelled, "urn:a", nil, nil)
	_, late := proxy.Call(expired, "urn:a", nil, nil)

	is(t, err, context.Canceled, wws.ErrCancelled)
	is(t, late, context.DeadlineExceeded, wws.ErrTimedOut)
	if progress := failure(t, err).Progress; progress != wws.ProgressNotSent {
		t.Fatal(progress)
	}
	if len(connections) > 0 {
		t.Fatal("somebody connected")
	}
}

func TestCall__is_stopped_when_its_context_is_cancelled(t *testing.T) {
	address, connections := silent(t)
	proxy := calling(t, address, nil)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() {
		_, err := proxy.Call(ctx, "urn:a", []byte("<a/>"), nil)
		done <- err
	}()
	connection := await(t, connections)
	requested(t, connection)

	cancel()
	err := await(t, done)

	is(t, err, context.Canceled, wws.ErrCancelled)
	if e := failure(t, err); e.Phase != wws.PhaseWait || e.Progress != wws.ProgressSent {
		t.Fatal(e.Phase, e.Progress)
	}
	if _, err = connection.Read(make([]byte, 1)); err == nil {
		t.Fatal("the connection goes on")
	}
	if errors.Is(err, wws.ErrAborted) {
		t.Fatal("one status is as good as another")
	}
}

func TestCall__times_out_when_its_context_does(t *testing.T) {
	address, _ := silent(t)
	proxy := calling(t, address, nil)
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
	defer cancel()

	_, err := proxy.Call(ctx, "urn:a", nil, nil)

	is(t, err, context.DeadlineExceeded, wws.ErrTimedOut)
	if !os.IsTimeout(errors.Unwrap(err)) || !failure(t, err).Timeout() {
		t.Fatal("no timeout")
	}
}

func TestCall__times_out_by_its_own_time(t *testing.T) {
	address, _ := silent(t)
	proxy := calling(t, address, nil)

	_, err := proxy.Call(context.Background(), "urn:a", nil,
		&wws.CallOptions{Timeout: 20 * time.Millisecond})

	is(t, err, wws.ErrTimedOut)
	if errors.Is(err, context.DeadlineExceeded) {
		t.Fatal("no context was over")
	}
}

func TestCall__is_stopped_by_its_handle_before_and_while_it_runs(t *testing.T) {
	serve, entered, _ := held(t)
	_, address := hosting(t, wws.TransportHTTP, serve)
	proxy := calling(t, address, nil)
	early, err := wws.NewCall()
	must(t, err)
	must(t, early.Cancel())
	call, err := wws.NewCall()
	must(t, err)
	done := make(chan error, 1)
	go func() {
		_, err := proxy.Call(context.Background(), "urn:a", nil, nil, call)
		done <- err
	}()
	await(t, entered)

	_, never := proxy.Call(context.Background(), "urn:a", nil, nil, early)
	must(t, call.Cancel())

	is(t, never, wws.ErrCancelled)
	is(t, await(t, done), wws.ErrCancelled)
	is(t, call.Cancel(), wws.ErrHandle)
}

// Each function that ends others early, and what it makes of them.
func TestCancelling__ends_what_waits_and_says_why(t *testing.T) {
	serve, entered, _ := held(t)
	for _, transport := range []wws.Transport{wws.TransportHTTP, wws.TransportTCP} {
		_, address := hosting(t, transport, serve)
		options := &wws.ServiceProxyOptions{Transport: transport, Encoding: wws.EncodingUTF8}
		call := func(proxy *wws.ServiceProxy, group uint32) chan error {
			done := make(chan error, 1)
			go func() {
				_, err := proxy.Call(context.Background(), "urn:a", nil,
					&wws.CallOptions{CallID: group})
				done <- err
			}()
			await(t, entered)
			return done
		}

		proxy := calling(t, address, options)
		done := call(proxy, 7)
		must(t, proxy.AbandonCall(7))
		is(t, await(t, done), wws.ErrAbandoned)
		proxy.Free()

		proxy = calling(t, address, options)
		done = call(proxy, 0)
		must(t, proxy.Abort())
		is(t, await(t, done), wws.ErrAborted)

		proxy = calling(t, address, options)
		done = call(proxy, 0)
		proxy.Free()
		is(t, await(t, done), wws.ErrAborted)
	}
}

func TestChannel__stays_open_when_a_receive_is_cancelled(t *testing.T) {
	serve, entered, release := held(t)
	_, address := hosting(t, wws.TransportTCP, serve)
	channel, err := wws.NewChannel(&wws.ChannelOptions{
		Transport: wws.TransportTCP, Encoding: wws.EncodingUTF8})
	must(t, err)
	defer channel.Free()
	must(t, channel.Open(context.Background(), address))
	must(t, channel.Send(context.Background(), request(t, "urn:a", "<a/>")))
	await(t, entered)
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Millisecond)
	defer cancel()
	reply, err := wws.NewMessage(nil)
	must(t, err)

	interrupted := channel.Receive(ctx, reply, wws.ReceiveOptionOptional)
	release()
	must(t, channel.Receive(context.Background(), reply, wws.ReceiveOptionOptional))

	is(t, interrupted, context.DeadlineExceeded)
	if body, err := reply.Body(); err != nil || !contains(body, "held") {
		t.Fatal(string(body), err)
	}
}

func TestListener__accept_ends_with_its_context_and_by_abort(t *testing.T) {
	listener, err := wws.NewListener(nil)
	must(t, err)
	defer listener.Free()
	must(t, listener.Open(context.Background(), "http://127.0.0.1:0/"))
	accept := func(ctx context.Context) chan error {
		channel, err := wws.NewChannelForListener(listener, nil)
		must(t, err)
		done := make(chan error, 1)
		go func() { done <- listener.Accept(ctx, channel) }()
		return done
	}
	ctx, cancel := context.WithCancel(context.Background())

	first, second := accept(ctx), accept(context.Background())
	cancel()
	is(t, await(t, first), context.Canceled)
	is(t, listener.Accept(context.Background(), nil), wws.ErrInvalidArg)

	state, err := listener.State()
	if err != nil || state != wws.ListenerStateOpen {
		t.Fatal(state, err)
	}
	must(t, listener.Abort())
	if err = await(t, second); !errors.Is(err, wws.ErrAborted) &&
		!errors.Is(err, wws.ErrObjectFaulted) {
		t.Fatal(err)
	}
}

// What has its result keeps it; what has not is over at once. Each caller gives
// a call more time after it was cancelled and less after it was not, so that
// both come at the same moment again and again.
func TestCall__races_with_its_cancellation(t *testing.T) {
	_, address := hosting(t, wws.TransportTCP, echo)
	proxy := calling(t, address, &wws.ServiceProxyOptions{
		Transport: wws.TransportTCP, Encoding: wws.EncodingUTF8})
	const callers = 8
	var wait sync.WaitGroup
	var lock sync.Mutex
	outcomes := map[bool]int{}
	wrong := make(chan string, callers)
	for i := 0; i < callers; i++ {
		wait.Add(1)
		go func(random *rand.Rand) {
			defer wait.Done()
			limit := 400 * time.Microsecond
			for n := 0; n < races/callers; n++ {
				ctx, cancel := context.WithCancel(context.Background())
				timer := time.AfterFunc(time.Duration(random.Int63n(int64(limit))), cancel)
				body := fmt.Sprintf(`<a xmlns="urn:a">%d</a>`, random.Int())
				reply, err := proxy.Call(ctx, "urn:a", []byte(body), nil)
				timer.Stop()
				cancel()
				if err == nil && string(reply) != body ||
					err != nil && !errors.Is(err, context.Canceled) {
					wrong <- fmt.Sprintf("%s, %v", reply, err)
					return
				}
				if limit += limit / 20; err == nil {
					limit -= limit/10 - time.Microsecond
				}
				lock.Lock()
				outcomes[err == nil]++
				lock.Unlock()
			}
		}(rand.New(rand.NewSource(int64(i))))
	}
	wait.Wait()

	select {
	case what := <-wrong:
		t.Fatal(what)
	default:
	}
	if outcomes[true] < races/10 || outcomes[false] < races/10 {
		t.Fatal("no race", outcomes)
	}
}

// A close waits for operations, but its caller does not for ever.
func TestClose__gives_control_back_when_its_context_is_over(t *testing.T) {
	serve, entered, release := held(t)
	host, address := hosting(t, wws.TransportHTTP, serve)
	proxy := calling(t, address, nil)
	go func() { _, _ = proxy.Call(context.Background(), "urn:a", nil, nil) }()
	await(t, entered)
	ctx, cancel := context.WithCancel(context.Background())
	waiting := &watched{Context: ctx, begun: make(chan struct{}, 1)}
	go func() {
		<-waiting.begun
		cancel()
	}()

	begun := time.Now()
	err := host.Close(waiting)

	is(t, err, context.Canceled, wws.ErrCancelled)
	if took := time.Since(begun); took > patience/2 {
		t.Fatal(took)
	}
	release()
	settles(t, "the host is not closed", func() bool {
		state, err := host.State()
		return err == nil && state == wws.ServiceHostStateClosed
	})
	settles(t, "a frame is left", func() bool { return wws.FramesInUse() == 0 })
	for i := 0; i < 8; i++ {
		err = proxy.Open(context.Background(), address)
		if words := failure(t, err).Strings; len(words) > 1 {
			t.Fatal("another's words", words)
		}
	}
}

func TestTenThousandCalls__wait_on_few_threads(t *testing.T) {
	serve, entered, release := held(t)
	_, address := hosting(t, wws.TransportTCP, serve)
	proxy := calling(t, address, &wws.ServiceProxyOptions{Transport: wws.TransportTCP,
		Encoding: wws.EncodingUTF8, MaxPendingCalls: 20000, CallTimeout: wws.Infinite})
	ctx, cancel := context.WithCancel(context.Background())
	watched := &watched{Context: ctx, begun: make(chan struct{}, crowd)}
	done := make(chan error, crowd)
	for i := 0; i < crowd; i++ {
		go func() {
			_, err := proxy.Call(watched, "urn:a", nil, nil)
			done <- err
		}()
	}
	await(t, entered)
	for i := 0; i < crowd; i++ {
		await(t, watched.begun)
	}

	if count := threads(t); count > 200 {
		t.Fatal("threads:", count)
	}
	cancel()

	for i := 0; i < crowd; i++ {
		is(t, await(t, done), context.Canceled)
	}
	release()
	settles(t, "frames are left", func() bool { return wws.FramesInUse() == 0 })
}

// A watched context tells when somebody begins to wait for its end.
type watched struct {
	context.Context
	begun chan struct{}
}

func (w *watched) Done() <-chan struct{} {
	w.begun <- struct{}{}
	return w.Context.Done()
}

func TestConnecting__is_stopped_by_its_context(t *testing.T) {
	address, connections := silent(t)
	proxy, err := wws.NewServiceProxy(&wws.ServiceProxyOptions{
		Transport: wws.TransportTCP, Encoding: wws.EncodingUTF8})
	must(t, err)
	defer proxy.Free()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- proxy.Open(ctx, strings.Replace(address, "http", "net.tcp", 1)) }()
	connection := await(t, connections)
	_, err = connection.Read(make([]byte, 1))
	must(t, err)

	cancel()
	err = await(t, done)

	is(t, err, context.Canceled, wws.ErrAborted)
	if phase := failure(t, err).Phase; phase != wws.PhaseHandshake {
		t.Fatal(phase)
	}
}
