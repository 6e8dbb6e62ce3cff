// Uses what the scratch schema adds, and stops what waits.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	"wws"
)

func must(err error) {
	if err != nil {
		panic(err)
	}
}

func tryLuck(options *wws.ServiceProxyOptions, more uint32) (*wws.ServiceProxy, uint32, wws.ServiceProxyState) {
	proxy, err := wws.NewServiceProxy(options)
	must(err)
	number, state, err := proxy.TryLuck(more)
	must(err)
	return proxy, number, state
}

func main() {
	unlucky, number, _ := tryLuck(nil, 0)
	unlucky.Free()
	fmt.Println(number)

	proxy, number, state := tryLuck(&wws.ServiceProxyOptions{LuckyNumber: 35}, 7)
	defer proxy.Free()
	fmt.Println(number, state)
	ctx, cancel := context.WithCancel(context.Background())
	must(proxy.Open(ctx, os.Args[len(os.Args)-1]))
	go func() {
		fmt.Scanln()
		cancel()
	}()
	_, err := proxy.Ask(ctx, "urn:scratch/Ask")
	if errors.Is(err, context.Canceled) {
		fmt.Println("cancelled")
	} else {
		fmt.Println("not cancelled:", err)
	}
}
