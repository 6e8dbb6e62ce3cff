package wws_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log"
	"net"
	"os"
	"reflect"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"wws"
)

// request is a message that can be sent.
func request(t *testing.T, action, body string) *wws.Message {
	t.Helper()
	message, err := wws.NewMessage(nil)
	must(t, err)
	must(t, message.Initialize(wws.MessageInitializationRequest, nil))
	must(t, message.SetHeader(wws.HeaderAction, action))
	must(t, message.SetBody([]byte(body)))
	return message
}

func TestOperation__context_ends_when_the_client_goes_away(t *testing.T) {
	entered := make(chan struct{})
	ended := make(chan error, 1)
	_, address := hosting(t, wws.TransportHTTP,
		func(ctx context.Context, _ *wws.Operation) ([]byte, error) {
			// A context made of it ends with it.
			inner, cancel := context.WithCancel(ctx)
			defer cancel()
			done := inner.Done()
			entered <- struct{}{}
			<-done
			ended <- cause(inner)
			return nil, inner.Err()
		})
	proxy := calling(t, address, nil)
	ctx, cancel := context.WithCancel(context.Background())
	go func() { _, _ = proxy.Call(ctx, "urn:a", nil, nil) }()
	await(t, entered)

	cancel()

	expectReason(t, await(t, ended), wws.CancelReasonChannelFaulted)
}

func TestOperation__context_ends_when_the_host_is_aborted(t *testing.T) {
	quiet(t)
	entered := make(chan struct{})
	ended := make(chan error, 1)
	host, address := hosting(t, wws.TransportHTTP,
		func(ctx context.Context, _ *wws.Operation) ([]byte, error) {
			done := ctx.Done()
			entered <- struct{}{}
			<-done
			ended <- cause(ctx)
			return nil, ctx.Err()
		})
	proxy := calling(t, address, nil)
	outcome := make(chan error, 1)
	go func() {
		_, err := proxy.Call(context.Background(), "urn:a", nil, nil)
		outcome <- err
	}()
	await(t, entered)

	must(t, host.Abort())

	expectReason(t, await(t, ended), wws.CancelReasonHostAborted)
	is(t, await(t, outcome), wws.ErrEndpointDisconnected)
}

func TestOperation__context_ends_when_it_has_been_served(t *testing.T) {
	contexts := make(chan context.Context, 1)
	_, address := hosting(t, wws.TransportHTTP,
		func(ctx context.Context, _ *wws.Operation) ([]byte, error) {
			contexts <- ctx
			return nil, nil
		})
	proxy := calling(t, address, nil)

	_, err := proxy.Call(context.Background(), "urn:a", nil, nil)

	must(t, err)
	ctx := await(t, contexts)
	await(t, ctx.Done())
	is(t, ctx.Err(), context.Canceled)
}

// What a test does that fails within a handler, and what older toolchains take
// for no panic at all.
func TestOperation__is_answered_however_its_handler_ends(t *testing.T) {
	wws.ErrorLog = log.New(io.Discard, "", 0)
	defer func() { wws.ErrorLog = nil }()
	_, address := hosting(t, wws.TransportHTTP,
		func(_ context.Context, o *wws.Operation) ([]byte, error) {
			if info, _ := o.Info(); info.Action == "urn:exit" {
				runtime.Goexit()
			}
			panic(nil)
		})
	proxy := calling(t, address, nil)

	_, exited := proxy.Call(context.Background(), "urn:exit", nil, nil)
	_, panicked := proxy.Call(context.Background(), "urn:panic", nil, nil)

	is(t, exited, wws.ErrEndpointFaultReceived)
	is(t, panicked, wws.ErrEndpointFaultReceived)
}

func TestOperation__panic_becomes_a_fault_and_is_logged(t *testing.T) {
	var lock sync.Mutex
	var logged bytes.Buffer
	wws.ErrorLog = log.New(writer(func(octets []byte) (int, error) {
		lock.Lock()
		defer lock.Unlock()
		return logged.Write(octets)
	}), "", 0)
	defer func() { wws.ErrorLog = nil }()
	_, address := hosting(t, wws.TransportHTTP,
		func(_ context.Context, o *wws.Operation) ([]byte, error) {
			if info, _ := o.Info(); info.Action == "urn:panic" {
				panic("oh dear")
			}
			return nil, nil
		})
	proxy := calling(t, address, nil)

	_, err := proxy.Call(context.Background(), "urn:panic", nil, nil)
	_, next := proxy.Call(context.Background(), "urn:a", nil, nil)

	var fault *wws.Fault
	is(t, err, wws.ErrEndpointFaultReceived)
	if !errors.As(err, &fault) || fault.Code != wws.FaultCodeReceiver ||
		strings.Contains(fault.Reason, "dear") {
		t.Fatal(fault)
	}
	must(t, next)
	lock.Lock()
	defer lock.Unlock()
	if !strings.Contains(logged.String(), "oh dear") {
		t.Fatal(logged.String())
	}
}

type writer func(octets []byte) (int, error)

func (w writer) Write(octets []byte) (int, error) { return w(octets) }

func TestOperation__error_becomes_a_fault_that_tells_nothing(t *testing.T) {
	quiet(t)
	_, address := hosting(t, wws.TransportHTTP,
		func(context.Context, *wws.Operation) ([]byte, error) {
			return nil, errors.New("the password is geheim")
		})
	proxy := calling(t, address, nil)

	_, err := proxy.Call(context.Background(), "urn:a", nil, nil)

	is(t, err, wws.ErrEndpointFaultReceived)
	if strings.Contains(err.Error(), "geheim") {
		t.Fatal(err)
	}
}

func TestOperation__sends_the_fault_it_returns(t *testing.T) {
	sent := &wws.Fault{
		Code:             wws.FaultCodeSender,
		SubcodeNamespace: "urn:a",
		SubcodeName:      "Refused",
		Reason:           "not you",
		Language:         "en",
		Detail:           []byte(`<detail xmlns="urn:a"/>`),
		Node:             "urn:node",
		Action:           "urn:act",
		Headers:          []byte(`<h xmlns="urn:h"/>`),

		OuterSubcodeNamespaces: []string{"urn:b", "urn:c"},
		OuterSubcodeNames:      []string{"Far", "Near"},
		FurtherReasons:         []string{"nicht du"},
		FurtherLanguages:       []string{"de"},
	}
	_, address := hosting(t, wws.TransportHTTP,
		func(context.Context, *wws.Operation) ([]byte, error) { return nil, sent })
	proxy := calling(t, address, nil)

	_, err := proxy.Call(context.Background(), "urn:a", nil, nil)

	var fault *wws.Fault
	if !errors.As(err, &fault) || !reflect.DeepEqual(fault, sent) {
		t.Fatal(fault, err)
	}
}

// What it has received itself is not the client's business.
func TestOperation__does_not_pass_on_faults_by_mistake(t *testing.T) {
	quiet(t)
	_, behind := hosting(t, wws.TransportHTTP,
		func(context.Context, *wws.Operation) ([]byte, error) {
			return nil, &wws.Fault{Code: wws.FaultCodeSender, Reason: "inner"}
		})
	inner := calling(t, behind, nil)
	_, address := hosting(t, wws.TransportHTTP,
		func(ctx context.Context, _ *wws.Operation) ([]byte, error) {
			return inner.Call(ctx, "urn:a", nil, nil)
		})
	proxy := calling(t, address, nil)

	_, err := proxy.Call(context.Background(), "urn:a", nil, nil)

	var fault *wws.Fault
	if !errors.As(err, &fault) || fault.Code != wws.FaultCodeReceiver || fault.Reason == "inner" {
		t.Fatal(fault, err)
	}
}

func TestOperation__refuses_a_reply_that_is_no_xml(t *testing.T) {
	quiet(t)
	_, address := hosting(t, wws.TransportHTTP,
		func(context.Context, *wws.Operation) ([]byte, error) { return []byte("<a>"), nil })
	proxy := calling(t, address, nil)

	_, err := proxy.Call(context.Background(), "urn:a", nil, nil)

	is(t, err, wws.ErrEndpointFaultReceived)
}

func TestOperation__is_stale_when_it_has_completed(t *testing.T) {
	operations := make(chan *wws.Operation, 1)
	requests := make(chan *wws.Message, 1)
	_, address := hosting(t, wws.TransportHTTP,
		func(_ context.Context, o *wws.Operation) ([]byte, error) {
			message, err := o.Request()
			operations <- o
			requests <- message
			return nil, err
		})
	proxy := calling(t, address, nil)

	_, err := proxy.Call(context.Background(), "urn:a", []byte("<a/>"), nil)

	must(t, err)
	operation, message := await(t, operations), await(t, requests)
	settles(t, "the operation lives on", func() bool {
		_, err = operation.Body()
		return err != nil
	})
	is(t, err, wws.ErrHandle)
	_, err = message.Body()
	is(t, err, wws.ErrHandle)
	is(t, operation.SetReply(nil), wws.ErrHandle)
	is(t, operation.Complete(wws.StatusOK), wws.ErrHandle)
	message.Free()
}

// Whoever looks at an operation while another goroutine completes it sees all
// of it or nothing.
func TestOperation__can_be_looked_at_while_it_completes(t *testing.T) {
	body := `<a xmlns="urn:a">` + strings.Repeat("x", 60000) + "</a>"
	var lookers sync.WaitGroup
	wrong := make(chan string, 1000)
	_, address := hosting(t, wws.TransportHTTP,
		func(_ context.Context, o *wws.Operation) ([]byte, error) {
			for i := 0; i < 4; i++ {
				lookers.Add(1)
				go func() {
					defer lookers.Done()
					for {
						seen, err := o.Body()
						if err != nil {
							return
						}
						if string(seen) != body {
							wrong <- string(seen)
						}
					}
				}()
			}
			return nil, nil
		})
	proxy := calling(t, address, nil)

	for i := 0; i < 300; i++ {
		_, err := proxy.Call(context.Background(), "urn:a", []byte(body), nil)
		must(t, err)
	}

	lookers.Wait()
	if len(wrong) > 0 {
		t.Fatal(<-wrong)
	}
}

func TestOperation__tells_a_callback_that_it_is_cancelled(t *testing.T) {
	entered := make(chan struct{})
	told := make(chan wws.CancelReason, 1)
	second := make(chan error, 1)
	_, address := hosting(t, wws.TransportHTTP,
		func(_ context.Context, o *wws.Operation) ([]byte, error) {
			stop := make(chan struct{})
			err := o.RegisterForCancel(&wws.CancelCallbacks{
				Cancelled: func(reason wws.CancelReason) {
					told <- reason
					close(stop)
				}})
			second <- o.RegisterForCancel(&wws.CancelCallbacks{
				Cancelled: func(wws.CancelReason) {}})
			entered <- struct{}{}
			<-stop
			return nil, err
		})
	proxy := calling(t, address, nil)
	ctx, cancel := context.WithCancel(context.Background())
	go func() { _, _ = proxy.Call(ctx, "urn:a", nil, nil) }()
	is(t, await(t, second), wws.ErrInvalidOperation)
	await(t, entered)

	cancel()

	if reason := await(t, told); reason != wws.CancelReasonChannelFaulted {
		t.Fatal(reason)
	}
}

func TestHost__refuses_an_endpoint_without_a_handler(t *testing.T) {
	host, err := wws.NewServiceHost(nil)
	must(t, err)
	defer host.Free()

	is(t, host.AddEndpoint(&wws.EndpointOptions{Address: "http://127.0.0.1:0/"}),
		wws.ErrInvalidArg)
	is(t, host.AddEndpoint(nil), wws.ErrInvalidArg)
}

// A body of any size, in pieces, until there is no more.
func TestChannel__streams(t *testing.T) {
	ctx := context.Background()
	listener, err := wws.NewListener(&wws.ListenerOptions{TransferMode: wws.TransferModeStreamed})
	must(t, err)
	defer listener.Free()
	must(t, listener.Open(ctx, "http://127.0.0.1:0/"))
	address, err := listener.Address()
	must(t, err)
	accepted, err := wws.NewChannelForListener(listener, nil)
	must(t, err)
	defer accepted.Free()
	channel, err := wws.NewChannel(&wws.ChannelOptions{TransferMode: wws.TransferModeStreamed})
	must(t, err)
	defer channel.Free()
	must(t, channel.Open(ctx, address))
	sent := "<a>" + strings.Repeat("x", 200000) + "</a>"
	wrote := make(chan error, 1)
	go func() {
		message, err := wws.NewMessage(nil)
		if err == nil {
			err = message.Initialize(wws.MessageInitializationRequest, nil)
		}
		if err == nil {
			err = message.SetHeader(wws.HeaderAction, "urn:a")
		}
		if err == nil {
			err = channel.WriteMessageStart(ctx, message)
		}
		for at := 0; at < len(sent) && err == nil; at += 1000 {
			end := at + 1000
			if end > len(sent) {
				end = len(sent)
			}
			err = channel.WriteBody(ctx, message, []byte(sent[at:end]))
		}
		if err == nil {
			err = channel.WriteMessageEnd(ctx, message)
		}
		wrote <- err
	}()
	must(t, listener.Accept(ctx, accepted))
	message, err := wws.NewMessage(nil)
	must(t, err)
	must(t, accepted.ReadMessageStart(ctx, message, wws.ReceiveOptionOptional))

	var received []byte
	for {
		piece, err := accepted.ReadBody(ctx, message)
		if errors.Is(err, io.EOF) {
			break
		}
		must(t, err)
		received = append(received, piece...)
	}

	must(t, await(t, wrote))
	must(t, accepted.ReadMessageEnd(ctx, message))
	if count := bytes.Count(received, []byte("x")); count < 200000 || count > 200010 {
		t.Fatal(count)
	}
}

func TestChannel__gives_up_a_message_that_it_writes(t *testing.T) {
	address, connections := silent(t)
	channel, err := wws.NewChannel(&wws.ChannelOptions{TransferMode: wws.TransferModeStreamed})
	must(t, err)
	defer channel.Free()
	ctx := context.Background()
	must(t, channel.Open(ctx, address))
	message, err := wws.NewMessage(nil)
	must(t, err)
	must(t, message.Initialize(wws.MessageInitializationRequest, nil))
	must(t, message.SetHeader(wws.HeaderAction, "urn:a"))
	must(t, channel.WriteMessageStart(ctx, message))
	connection := await(t, connections)
	must(t, connection.SetReadDeadline(time.Now().Add(patience)))

	must(t, channel.AbandonMessage(message))

	is(t, channel.WriteBody(ctx, message, []byte("<a/>")), wws.ErrInvalidOperation)
	if _, err = io.Copy(io.Discard, connection); errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatal("the connection goes on")
	}
	must(t, channel.Close(ctx))
}

func TestFault__is_a_message_where_that_is_wanted(t *testing.T) {
	_, address := hosting(t, wws.TransportHTTP,
		func(context.Context, *wws.Operation) ([]byte, error) {
			return nil, &wws.Fault{Reason: "no"}
		})
	channel, err := wws.NewChannel(&wws.ChannelOptions{FaultsAsErrors: wws.Set(false)})
	must(t, err)
	defer channel.Free()
	must(t, channel.Open(context.Background(), address))
	reply, err := wws.NewMessage(nil)
	must(t, err)

	must(t, channel.RequestReply(context.Background(), request(t, "urn:a", "<a/>"), reply))

	fault, err := reply.Fault()
	must(t, err)
	if fault.Reason != "no" {
		t.Fatal(fault)
	}
	if info, err := reply.Info(); err != nil || !info.IsFault ||
		info.State != wws.MessageStateDone && info.State != wws.MessageStateReading {
		t.Fatal(info, err)
	}
}

func TestConnection__of_a_host_that_is_freed_is_closed(t *testing.T) {
	host, address := hosting(t, wws.TransportHTTP, echo)
	connection, err := net.Dial("tcp", strings.TrimSuffix(strings.TrimPrefix(address, "http://"), "/"))
	must(t, err)

	host.Free()

	if _, err = connection.Read(make([]byte, 1)); err == nil {
		t.Fatal("there is something to read")
	}
	is(t, host.Abort(), wws.ErrHandle)
}

func TestOperation__kinds_come_to_the_handler(t *testing.T) {
	quiet(t)
	for _, transport := range []wws.Transport{wws.TransportHTTP, wws.TransportTCP} {
		var mutex sync.Mutex
		channels := map[uint64]int{} // and how many calls came through each
		ended := make(chan int, 10)
		serve := func(_ context.Context, operation *wws.Operation) ([]byte, error) {
			info, err := operation.Info()
			if err != nil {
				return nil, err
			}
			mutex.Lock()
			defer mutex.Unlock()
			switch info.Kind {
			case wws.OperationKindAcceptChannel:
				channels[info.Channel] = 0
			case wws.OperationKindAuthorize:
				if info.Action == "urn:other" {
					return nil, errors.New("not this one")
				}
			case wws.OperationKindCloseChannel:
				ended <- channels[info.Channel]
				delete(channels, info.Channel)
			default:
				channels[info.Channel]++
				return []byte(`<y xmlns="urn:y"/>`), nil
			}
			return nil, nil
		}
		options := endpoint(transport, serve)
		options.ChannelEvents = true
		options.Authorizes = true
		_, address := hostingAt(t, options)
		proxy := calling(t, address, &wws.ServiceProxyOptions{
			Transport: transport, Encoding: wws.EncodingUTF8})

		_, err := proxy.Call(context.Background(), "urn:a", nil, nil)
		must(t, err)
		_, err = proxy.Call(context.Background(), "urn:other", nil, nil)
		is(t, err, wws.ErrEndpointDisconnected)

		calls := await(t, ended)
		if transport == wws.TransportHTTP {
			calls += await(t, ended)
		}
		if calls != 1 {
			t.Fatalf("%d calls were let in over %v", calls, transport)
		}
	}
}

func TestOperation__can_abort_its_channel(t *testing.T) {
	reasons := make(chan error, 1)
	_, address := hosting(t, wws.TransportHTTP,
		func(ctx context.Context, operation *wws.Operation) ([]byte, error) {
			done := ctx.Done()
			if err := operation.AbortChannel(); err != nil {
				return nil, err
			}
			<-done
			reasons <- cause(ctx)
			return nil, nil
		})
	proxy := calling(t, address, nil)

	_, err := proxy.Call(context.Background(), "urn:a", nil, nil)

	is(t, err, wws.ErrEndpointDisconnected)
	expectReason(t, await(t, reasons), wws.CancelReasonChannelFaulted)
}
