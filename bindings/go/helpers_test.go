package wws_test

import (
	"context"
	"errors"
	"io"
	"log"
	"net"
	"os"
	"runtime"
	"testing"
	"time"

	"wws"
)

// patience is how long a test waits before it fails.
const patience = 20 * time.Second

type handler = func(ctx context.Context, operation *wws.Operation) ([]byte, error)

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func is(t *testing.T, err error, targets ...error) {
	t.Helper()
	for _, target := range targets {
		if !errors.Is(err, target) {
			t.Fatalf("%v is not %v", err, target)
		}
	}
}

func failure(t *testing.T, err error) *wws.Error {
	t.Helper()
	var failure *wws.Error
	if !errors.As(err, &failure) {
		t.Fatalf("%v is no failure", err)
	}
	return failure
}

func await[T any](t *testing.T, c <-chan T) (value T) {
	t.Helper()
	select {
	case value = <-c:
	case <-time.After(patience):
		t.Fatal("nothing came")
	}
	return
}

// settles waits until something that others bring about holds.
func settles(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !holds(); runtime.Gosched() {
		if time.Now().After(end) {
			t.Fatal(what)
		}
		time.Sleep(time.Millisecond)
	}
}

func quiet(t *testing.T) {
	before := wws.ErrorLog
	wws.ErrorLog = log.New(io.Discard, "", 0)
	t.Cleanup(func() { wws.ErrorLog = before })
}

// endpoint is one at a free port.
func endpoint(transport wws.Transport, serve handler) *wws.EndpointOptions {
	address := "http://127.0.0.1:0/"
	if transport == wws.TransportTCP {
		address = "net.tcp://127.0.0.1:0/"
	}
	return &wws.EndpointOptions{
		Address:    address,
		Operations: wws.OperationCallbacks{Serve: serve},
		Transport:  transport,
		Encoding:   wws.EncodingUTF8,

		MaxConcurrency: 64,
	}
}

// hosting serves until the test is over.
func hosting(t *testing.T, transport wws.Transport, serve handler) (*wws.ServiceHost, string) {
	t.Helper()
	return hostingAt(t, endpoint(transport, serve))
}

func hostingAt(t *testing.T, endpoint *wws.EndpointOptions) (*wws.ServiceHost, string) {
	t.Helper()
	host, err := wws.NewServiceHost(nil)
	must(t, err)
	t.Cleanup(func() {
		_ = host.Abort()
		host.Free()
	})
	must(t, host.AddEndpoint(endpoint))
	must(t, host.Open(context.Background()))
	address, err := host.Address(0)
	must(t, err)
	return host, address
}

// calling is a proxy that is open.
func calling(t *testing.T, address string, options *wws.ServiceProxyOptions) *wws.ServiceProxy {
	t.Helper()
	proxy, err := wws.NewServiceProxy(options)
	must(t, err)
	t.Cleanup(proxy.Free)
	must(t, proxy.Open(context.Background(), address))
	return proxy
}

func echo(_ context.Context, operation *wws.Operation) ([]byte, error) {
	return operation.Body()
}

// held serves by waiting until the test lets go, and tells when it has begun.
func held(t *testing.T) (serve handler, entered chan struct{}, release func()) {
	entered = make(chan struct{}, 20000)
	gate := make(chan struct{})
	released := false
	release = func() {
		if !released {
			close(gate)
		}
		released = true
	}
	t.Cleanup(release)
	return func(context.Context, *wws.Operation) ([]byte, error) {
		entered <- struct{}{}
		<-gate
		return []byte("<held/>"), nil
	}, entered, release
}

// silent takes connections and says nothing; it gives them to the test.
func silent(t *testing.T) (address string, connections chan net.Conn) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	t.Cleanup(func() { listener.Close() })
	connections = make(chan net.Conn, 20000)
	go func() {
		for {
			connection, err := listener.Accept()
			if err != nil {
				return
			}
			connections <- connection
		}
	}()
	return "http://" + listener.Addr().String() + "/", connections
}

// requested reads until a request has come whole.
func requested(t *testing.T, connection net.Conn) {
	t.Helper()
	octets := make([]byte, 0, 4096)
	for !contains(octets, "Envelope>") {
		piece := make([]byte, 4096)
		size, err := connection.Read(piece)
		must(t, err)
		octets = append(octets, piece[:size]...)
	}
}

func contains(octets []byte, text string) bool {
	for i := 0; i+len(text) <= len(octets); i++ {
		if string(octets[i:i+len(text)]) == text {
			return true
		}
	}
	return false
}

// threads is how many the process has.
func threads(t *testing.T) int {
	t.Helper()
	tasks, err := os.ReadDir("/proc/self/task")
	must(t, err)
	return len(tasks)
}
