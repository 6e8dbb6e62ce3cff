// What the package of Go costs: its calls beside those of a client of net/http
// and encoding/xml, against the same host, and what lies between Go and C beside
// a bare call of cgo. The host is this program once more, in a process of its
// own. Prints a JSON object for each figure.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"sort"
	"strings"
	"sync"
	"time"

	"wws"
)

const (
	action  = "urn:bench/Add"
	request = `<Add xmlns="urn:bench"><a>2</a><b>3</b></Add>`
	reply   = `<AddResponse xmlns="urn:bench"><sum>5</sum></AddResponse>`

	rounds  = 5
	flight  = 64
	warmUp  = 200 * time.Millisecond
	measure = 600 * time.Millisecond
)

// A row is one figure.
type row struct {
	Bench  string   `json:"bench"`
	Wire   string   `json:"wire,omitempty"`
	Figure string   `json:"figure"`
	Ours   float64  `json:"ours"`
	Peer   string   `json:"peer,omitempty"`
	Theirs *float64 `json:"theirs,omitempty"`
}

func (r row) print() {
	text, err := json.Marshal(r)
	check(err)
	fmt.Println(string(text))
}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// The host

func serve() {
	host, err := wws.NewServiceHost(nil)
	check(err)
	add := func(context.Context, *wws.Operation) ([]byte, error) { return []byte(reply), nil }
	for _, address := range []string{"http://127.0.0.1:0/", "net.tcp://127.0.0.1:0/"} {
		transport := wws.TransportHTTP
		if strings.HasPrefix(address, "net.tcp") {
			transport = wws.TransportTCP
		}
		check(host.AddEndpoint(&wws.EndpointOptions{
			Address:        address,
			Operations:     wws.OperationCallbacks{Serve: add},
			Transport:      transport,
			Encoding:       wws.EncodingUTF8,
			MaxConcurrency: flight,
		}))
	}
	check(host.Open(context.Background()))
	for i := uint32(0); i < 2; i++ {
		address, err := host.Address(i)
		check(err)
		fmt.Println(address)
	}
	_, _ = io.Copy(io.Discard, os.Stdin)
}

// start runs the host, and tells its addresses and how to end it.
func start() (http, tcp string, end func()) {
	program, err := os.Executable()
	check(err)
	command := exec.Command(program, "host")
	command.Stderr = os.Stderr
	input, err := command.StdinPipe()
	check(err)
	output, err := command.StdoutPipe()
	check(err)
	check(command.Start())
	lines := bufio.NewScanner(output)
	lines.Scan()
	http = lines.Text()
	lines.Scan()
	return http, lines.Text(), func() {
		input.Close()
		_ = command.Wait()
	}
}

// Calls

func client(transport wws.Transport, address string) func() error {
	proxy, err := wws.NewServiceProxy(&wws.ServiceProxyOptions{
		Transport: transport, Encoding: wws.EncodingUTF8})
	check(err)
	check(proxy.Open(context.Background(), address))
	return func() error {
		body, err := proxy.Call(context.Background(), action, []byte(request), nil)
		if err == nil && string(body) != reply {
			err = fmt.Errorf("%s", body)
		}
		return err
	}
}

// drive calls from so many goroutines, for so long; how long each call took.
func drive(call func() error, callers int, length time.Duration) []time.Duration {
	var wait sync.WaitGroup
	var lock sync.Mutex
	var all []time.Duration
	end := time.Now().Add(length)
	for i := 0; i < callers; i++ {
		wait.Add(1)
		go func() {
			defer wait.Done()
			var own []time.Duration
			for begun := time.Now(); begun.Before(end); {
				check(call())
				now := time.Now()
				own = append(own, now.Sub(begun))
				begun = now
			}
			lock.Lock()
			defer lock.Unlock()
			all = append(all, own...)
		}()
	}
	wait.Wait()
	return all
}

func median(values []float64) float64 {
	sort.Float64s(values)
	return values[len(values)/2]
}

// compare takes turns, so that both have the same machine; medians of rounds.
func compare(calls []func() error, callers int) (perSecond, p50us []float64) {
	rates := make([][]float64, len(calls))
	halves := make([][]float64, len(calls))
	for _, call := range calls {
		drive(call, callers, warmUp)
	}
	for round := 0; round < rounds; round++ {
		for i, call := range calls {
			all := drive(call, callers, measure)
			sort.Slice(all, func(i, j int) bool { return all[i] < all[j] })
			rates[i] = append(rates[i], float64(len(all))/measure.Seconds())
			halves[i] = append(halves[i], float64(all[len(all)/2].Nanoseconds())/1000)
		}
	}
	for i := range calls {
		perSecond = append(perSecond, median(rates[i]))
		p50us = append(p50us, median(halves[i]))
	}
	return
}

func benchCalls(http, tcp string) {
	ours, theirs := client(wws.TransportHTTP, http), peer(http)
	calls := []func() error{ours, theirs}
	rates, halves := compare(calls, 1)
	row{"go-call", "http", "p50 us", halves[0], "net/http", &halves[1]}.print()
	row{"go-call", "http", "calls/s", rates[0], "net/http", &rates[1]}.print()
	rates, _ = compare(calls, flight)
	row{"go-flight", "http", "calls/s", rates[0], "net/http", &rates[1]}.print()

	session := []func() error{client(wws.TransportTCP, tcp)}
	rates, halves = compare(session, 1)
	row{Bench: "go-call", Wire: "tcp", Figure: "p50 us", Ours: halves[0]}.print()
	rates, _ = compare(session, flight)
	row{Bench: "go-flight", Wire: "tcp", Figure: "calls/s", Ours: rates[0]}.print()
}

// crossings is how often one call goes from Go to C.
func crossings(call func() error) float64 {
	const count = 1000
	check(call())
	before := runtime.NumCgoCall()
	for i := 0; i < count; i++ {
		check(call())
	}
	return float64(runtime.NumCgoCall()-before) / count
}

// nanoseconds that one of many takes.
func nanoseconds(what func()) float64 {
	const count = 200000
	var all []float64
	for round := 0; round < rounds; round++ {
		begun := time.Now()
		for i := 0; i < count; i++ {
			what()
		}
		all = append(all, float64(time.Since(begun).Nanoseconds())/count)
	}
	return median(all)
}

// A function that only looks at an object is all boundary.
func benchBoundary(http string) {
	row{Bench: "go-boundary", Wire: "http", Figure: "crossings a call",
		Ours: crossings(client(wws.TransportHTTP, http))}.print()
	proxy, err := wws.NewServiceProxy(nil)
	check(err)
	ours := nanoseconds(func() { _, _ = proxy.State() })
	theirs := bare()
	row{"go-boundary", "", "get_state ns", ours, "cgo", &theirs}.print()
}

func main() {
	if len(os.Args) > 1 && os.Args[1] == "host" {
		serve()
		return
	}
	http, tcp, end := start()
	defer end()
	benchBoundary(http)
	benchCalls(http, tcp)
}
