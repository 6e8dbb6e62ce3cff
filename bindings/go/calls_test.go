package wws_test

import (
	"bytes"
	"context"
	"testing"

	"wws"
)

var wires = []wws.Transport{wws.TransportHTTP, wws.TransportTCP}

func wireOptions(transport wws.Transport) *wws.ServiceProxyOptions {
	return &wws.ServiceProxyOptions{Transport: transport, Encoding: wws.EncodingUTF8}
}

func TestCall__one_way_has_no_reply(t *testing.T) {
	for _, transport := range wires {
		served := make(chan struct{}, 1)
		_, address := hosting(t, transport,
			func(context.Context, *wws.Operation) ([]byte, error) {
				served <- struct{}{}
				return []byte("<nobody-hears/>"), nil
			})
		proxy := calling(t, address, wireOptions(transport))
		options := wws.CallOptions{OneWay: true}

		reply, err := proxy.Call(context.Background(), "urn:a", []byte("<a/>"), &options)

		must(t, err)
		if len(reply) != 0 {
			t.Errorf("one way, and %q came back", reply)
		}
		await(t, served)
	}
}

func TestCall__shows_its_messages(t *testing.T) {
	for _, transport := range wires {
		_, address := hosting(t, transport,
			func(_ context.Context, operation *wws.Operation) ([]byte, error) {
				request, err := operation.Request()
				if err != nil {
					return nil, err
				}
				note, _, err := request.CustomHeader("n", "urn:n", 0)
				if err != nil || !bytes.Contains(note, []byte("seen")) {
					t.Errorf("no note: %q, %v", note, err)
				}
				return operation.Body()
			})
		proxy := calling(t, address, wireOptions(transport))
		related := make(chan string, 1)
		options := wws.CallOptions{Callbacks: &wws.CallCallbacks{
			Sending: func(message *wws.Message) error {
				return message.AddCustomHeader([]byte(`<n xmlns="urn:n">seen</n>`), false)
			},
			Received: func(message *wws.Message) error {
				to, err := message.Header(wws.HeaderRelatesTo)
				related <- to
				return err
			},
		}}

		_, err := proxy.Call(context.Background(), "urn:a", []byte("<a/>"), &options)

		must(t, err)
		if await(t, related) == "" {
			t.Error("the reply relates to nothing")
		}
	}
}

func TestCall__fails_as_its_callback_says(t *testing.T) {
	_, address := hosting(t, wws.TransportHTTP, echo)
	proxy := calling(t, address, nil)
	options := wws.CallOptions{Callbacks: &wws.CallCallbacks{
		Sending: func(*wws.Message) error { return wws.StatusQuotaExceeded },
	}}

	_, err := proxy.Call(context.Background(), "urn:a", []byte("<a/>"), &options)

	is(t, err, wws.StatusQuotaExceeded)
}

func TestCall__fails_by_a_panic_without_a_value(t *testing.T) {
	_, address := hosting(t, wws.TransportHTTP, echo)
	proxy := calling(t, address, nil)
	options := wws.CallOptions{Callbacks: &wws.CallCallbacks{
		Sending: func(*wws.Message) error { panic(nil) },
	}}

	_, err := proxy.Call(context.Background(), "urn:a", []byte("<a/>"), &options)

	is(t, err, wws.StatusOther)
}
