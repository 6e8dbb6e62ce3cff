package wws_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"strings"

	"wws"
)

// greet answers a greeting.
func greet(ctx context.Context, operation *wws.Operation) ([]byte, error) {
	body, err := operation.Body()
	if err != nil {
		return nil, err
	}
	if !strings.Contains(string(body), "name") {
		return nil, &wws.Fault{Code: wws.FaultCodeSender, Reason: "who is there?"}
	}
	return []byte(`<greeting xmlns="urn:greet">hello</greeting>`), nil
}

// open begins to serve at a free port, and tells where.
func open(serve func(context.Context, *wws.Operation) ([]byte, error)) (*wws.ServiceHost, string) {
	host, err := wws.NewServiceHost(nil)
	if err != nil {
		log.Fatal(err)
	}
	err = host.AddEndpoint(&wws.EndpointOptions{
		Address:    "http://127.0.0.1:0/",
		Operations: wws.OperationCallbacks{Serve: serve},
	})
	if err != nil {
		log.Fatal(err)
	}
	if err = host.Open(context.Background()); err != nil {
		log.Fatal(err)
	}
	address, err := host.Address(0)
	if err != nil {
		log.Fatal(err)
	}
	return host, address
}

func Example() {
	ctx := context.Background()
	host, address := open(greet)
	defer host.Free()

	proxy, err := wws.NewServiceProxy(nil)
	if err != nil {
		log.Fatal(err)
	}
	defer proxy.Free()
	if err = proxy.Open(ctx, address); err != nil {
		log.Fatal(err)
	}
	reply, err := proxy.Call(ctx, "urn:greet", []byte(`<name xmlns="urn:greet"/>`), nil)
	fmt.Println(string(reply), err)
	fmt.Println(proxy.Close(ctx), host.Close(ctx))
	// Output:
	// <greeting xmlns="urn:greet">hello</greeting> <nil>
	// <nil> <nil>
}

// A context that ends stops the call itself, and the service is told.
func ExampleServiceProxy_Call_cancelled() {
	begun, told := make(chan struct{}), make(chan struct{})
	host, address := open(func(ctx context.Context, _ *wws.Operation) ([]byte, error) {
		done := ctx.Done()
		close(begun)
		<-done
		close(told)
		return nil, ctx.Err()
	})
	defer host.Free()
	proxy, _ := wws.NewServiceProxy(nil)
	defer proxy.Free()
	_ = proxy.Open(context.Background(), address)

	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		<-begun
		cancel()
	}()
	_, err := proxy.Call(ctx, "urn:wait", nil, nil)
	<-told

	var failure *wws.Error
	fmt.Println(errors.Is(err, context.Canceled), errors.Is(err, wws.ErrCancelled))
	fmt.Println(errors.As(err, &failure), failure.Phase, failure.Progress)
	// Output:
	// true true
	// true wait sent
}

// A fault is an error of its own.
func ExampleFault() {
	host, address := open(greet)
	defer host.Free()
	proxy, _ := wws.NewServiceProxy(nil)
	defer proxy.Free()
	_ = proxy.Open(context.Background(), address)

	_, err := proxy.Call(context.Background(), "urn:greet", nil, nil)
	var fault *wws.Fault
	if errors.As(err, &fault) {
		fmt.Println(fault.Code, fault.Reason)
	}
	// Output:
	// sender who is there?
}
