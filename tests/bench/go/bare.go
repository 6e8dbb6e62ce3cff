package main

// #cgo pkg-config: wws
// #include <wws/wws.h>
import "C"

// bare is how long the same function takes when nothing stands between: its
// output lies where it is, and nobody asks what went wrong.
func bare() float64 {
	var none C.wws_error
	var proxy C.wws_service_proxy
	if C.wws_service_proxy_create(C.wws_runtime{}, nil, &proxy, none) < 0 {
		return 0
	}
	defer C.wws_service_proxy_free(proxy)
	state := new(C.wws_service_proxy_state)
	return nanoseconds(func() { C.wws_service_proxy_get_state(proxy, state, none) })
}
