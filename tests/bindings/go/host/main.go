// The host of Go: the service that scenarios call, and the controls by which a
// runner learns what has happened in it, and makes it happen. README.md one
// folder up has the words.
package main

import (
	"context"
	"fmt"
	"io"
	"log"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"suite/suite"
	"wws"
)

const crowd = 256

// counts are what is known of the calls of a service.
type counts struct {
	entered, cancelled, ended int
	reason                    wws.CancelReason
}

// service is what the controls are about. Whatever changes closes changed.
var service struct {
	sync.Mutex
	host     *wws.ServiceHost
	counts   counts
	released chan struct{}
	changed  chan struct{}
}

var runtime *wws.Runtime

type operation = func(ctx context.Context, operation *wws.Operation, text string) (string, error)

// The service.

func change(what func(*counts)) {
	service.Lock()
	defer service.Unlock()
	what(&service.counts)
	close(service.changed)
	service.changed = make(chan struct{})
}

func add(_ context.Context, _ *wws.Operation, text string) (string, error) {
	var a, b int
	if _, err := fmt.Sscanf(text, "%d+%d", &a, &b); err != nil {
		return "", err
	}
	return strconv.Itoa(a + b), nil
}

func echo(_ context.Context, _ *wws.Operation, text string) (string, error) {
	return text, nil
}

func fail(_ context.Context, _ *wws.Operation, text string) (string, error) {
	return "", &wws.Fault{
		Code:             wws.FaultCodeSender,
		SubcodeNamespace: suite.Namespace,
		SubcodeName:      "Refused",
		Reason:           "refused",
		Detail:           suite.Body("Detail", text),
	}
}

func crash(context.Context, *wws.Operation, string) (string, error) {
	panic("crash")
}

func cut(_ context.Context, o *wws.Operation, text string) (string, error) {
	return text, o.AbortChannel()
}

func wait(ctx context.Context, o *wws.Operation, _ string) (string, error) {
	reason := cancellation(ctx, o)
	change(func(c *counts) { c.entered++ })
	why := reason()
	change(func(c *counts) { c.cancelled++; c.reason = why })
	// The answer is given when this returns, which nobody can count before.
	defer change(func(c *counts) { c.ended++ })
	return "", ctx.Err()
}

func hold(_ context.Context, _ *wws.Operation, text string) (string, error) {
	service.Lock()
	released := service.released
	service.Unlock()
	change(func(c *counts) { c.entered++ })
	<-released
	defer change(func(c *counts) { c.ended++ })
	return text, nil
}

// The controls.

func begin(ctx context.Context, _ *wws.Operation, text string) (string, error) {
	end(ctx)
	service.Lock()
	service.counts = counts{}
	service.released = make(chan struct{})
	service.Unlock()
	host, address, err := open(text, serve(operations))
	service.host = host
	return address, err
}

// until waits until so many were counted.
func until(text string, counter func(counts) int) error {
	wanted, err := strconv.Atoi(text)
	patience := time.After(suite.Patience)
	for err == nil {
		service.Lock()
		reached, changed := counter(service.counts), service.changed
		service.Unlock()
		if reached >= wanted {
			return nil
		}
		select {
		case <-changed:
		case <-patience:
			return wws.ErrTimedOut
		}
	}
	return err
}

func entered(_ context.Context, _ *wws.Operation, text string) (string, error) {
	return text, until(text, func(c counts) int { return c.entered })
}

func ended(_ context.Context, _ *wws.Operation, text string) (string, error) {
	return text, until(text, func(c counts) int { return c.ended })
}

func cancelled(_ context.Context, _ *wws.Operation, text string) (string, error) {
	err := until(text, func(c counts) int { return c.cancelled })
	service.Lock()
	defer service.Unlock()
	return service.counts.reason.String(), err
}

func release(_ context.Context, _ *wws.Operation, text string) (string, error) {
	service.Lock()
	defer service.Unlock()
	select {
	case <-service.released:
	default:
		close(service.released)
	}
	return text, nil
}

func abort(_ context.Context, _ *wws.Operation, text string) (string, error) {
	return text, service.host.Abort()
}

func closeService(context.Context, *wws.Operation, string) (string, error) {
	err := service.host.Close(context.Background())
	return suite.Status(err).String(), nil
}

var operations = map[string]operation{
	"Add": add, "Echo": echo, "Fail": fail, "Crash": crash, "Cut": cut, "Wait": wait,
	"Hold": hold,
}

var controls = map[string]operation{
	"Begin": begin, "Entered": entered, "Cancelled": cancelled, "Ended": ended,
	"Release": release, "Abort": abort, "Close": closeService,
}

// Both.

func serve(all map[string]operation) wws.OperationCallbacks {
	one := func(ctx context.Context, o *wws.Operation) ([]byte, error) {
		info, err := o.Info()
		if err != nil {
			return nil, err
		}
		body, err := o.Body()
		if err != nil {
			return nil, err
		}
		what, known := all[strings.TrimPrefix(info.Action, suite.Namespace+"/")]
		if !known {
			what = crash
		}
		text, err := what(ctx, o, suite.Text(body))
		if err != nil {
			return nil, err
		}
		return suite.Body("Reply", text), nil
	}
	return wws.OperationCallbacks{Serve: one}
}

func open(transport string, operations wws.OperationCallbacks) (*wws.ServiceHost, string, error) {
	kind, scheme := suite.Transport(transport)
	host, err := runtime.NewServiceHost(&wws.ServiceHostOptions{
		CloseTimeout: 300 * time.Millisecond,
	})
	if err != nil {
		return nil, "", err
	}
	err = host.AddEndpoint(&wws.EndpointOptions{
		Address:        scheme + "://127.0.0.1:0/suite",
		Operations:     operations,
		Transport:      kind,
		Encoding:       wws.EncodingUTF8,
		MaxChannels:    crowd,
		MaxConcurrency: crowd,
	})
	if err == nil {
		err = host.Open(context.Background())
	}
	if err != nil {
		return nil, "", err
	}
	address, err := host.Address(0)
	return host, address, err
}

// end lets all calls end, and the service.
func end(ctx context.Context) {
	if service.host == nil {
		return
	}
	_, _ = release(ctx, nil, "")
	_ = service.host.Abort()
	_ = service.host.Close(context.Background())
	service.host.Free()
	service.host = nil
}

func run() error {
	service.changed = make(chan struct{})
	service.released = make(chan struct{})
	var err error
	if runtime, err = wws.NewRuntime(nil); err != nil {
		return err
	}
	host, address, err := open("http", serve(controls))
	if err != nil {
		return err
	}
	fmt.Println(address)
	_, _ = io.Copy(io.Discard, os.Stdin)

	end(context.Background())
	_ = host.Close(context.Background())
	host.Free()
	defer runtime.Free()
	return runtime.Close(suite.Patience)
}

func main() {
	wws.ErrorLog = log.New(io.Discard, "", 0)
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "host:", err)
		os.Exit(1)
	}
}
