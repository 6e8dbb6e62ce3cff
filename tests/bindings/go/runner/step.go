package main

import (
	"fmt"
	"strconv"
	"time"

	"suite/suite"
	"wws"
)

// An object is one of these.
type object struct {
	proxy    *wws.ServiceProxy
	channel  *wws.Channel
	listener *wws.Listener
	call     *wws.Call
	received *wws.Message // by the channel
}

func (l *line) count(name string) uint32 {
	count, _ := strconv.ParseUint(l.options[name], 10, 32)
	return uint32(count)
}

func (l *line) duration(name string) time.Duration {
	return time.Duration(l.count(name)) * time.Millisecond
}

// create makes an object; what its options leave out is as by default.
func (r *run) create(kind string, l *line) (o *object, err error) {
	o = &object{}
	switch kind {
	case "proxy":
		o.proxy, err = wws.NewServiceProxy(&wws.ServiceProxyOptions{
			Transport:       r.transport,
			Encoding:        wws.EncodingUTF8,
			CallTimeout:     l.duration("call_timeout_ms"),
			MaxPendingCalls: l.count("max_pending_calls"),
			MaxCloseTimeout: l.duration("max_close_timeout_ms"),
			TimeoutAbandons: l.count("timeout_abandons") != 0,
			MaxMessageSize:  l.count("max_message_size"),
		})
	case "channel":
		options := &wws.ChannelOptions{
			Transport:      r.transport,
			Encoding:       wws.EncodingUTF8,
			ReceiveTimeout: l.duration("receive_timeout_ms"),
			CloseTimeout:   l.duration("close_timeout_ms"),
		}
		if name, accepted := l.options["for"]; !accepted {
			o.channel, err = wws.NewChannel(options)
		} else if listener, known := r.objects[name]; known {
			o.channel, err = wws.NewChannelForListener(listener.listener, options)
		} else {
			err = fmt.Errorf("no listener %s", name)
		}
	case "listener":
		o.listener, err = wws.NewListener(&wws.ListenerOptions{
			Transport: r.transport,
			Encoding:  wws.EncodingUTF8,
		})
	case "call":
		o.call, err = wws.NewCall()
	}
	return
}

func (o *object) free() {
	o.proxy.Free()
	o.channel.Free()
	o.listener.Free()
	o.call.Free()
}

func (o *object) state() string {
	var state fmt.Stringer
	var err error
	switch {
	case o.proxy != nil:
		state, err = o.proxy.State()
	case o.channel != nil:
		state, err = o.channel.State()
	default:
		state, err = o.listener.State()
	}
	if err != nil {
		return "unknown"
	}
	return state.String()
}

func (o *object) abort() error {
	switch {
	case o.proxy != nil:
		return o.proxy.Abort()
	case o.channel != nil:
		return o.channel.Abort()
	}
	return o.listener.Abort()
}

func (o *object) reset() error {
	switch {
	case o.proxy != nil:
		return o.proxy.Reset()
	case o.channel != nil:
		return o.channel.Reset()
	}
	return o.listener.Reset()
}

func expect(err error, wanted string) error {
	if wanted == "" {
		wanted = "WWS_S_OK"
	}
	if status := suite.Status(err); status.String() != wanted {
		return fmt.Errorf("%s, not %s", status.String(), wanted)
	}
	return nil
}

func (r *run) stop() {
	r.stopped = time.Now()
	r.told = false
}

// act does something to one object.
func (r *run) act(l *line) error {
	o, known := r.objects[l.word(1)]
	if !known {
		return fmt.Errorf("no such object")
	}
	r.stop()
	switch l.words[0] {
	case "abort":
		return expect(o.abort(), l.word(2))
	case "reset":
		return expect(o.reset(), l.word(2))
	case "free":
		o.free()
		return expect(nil, l.word(2))
	case "abandon":
		group, _ := strconv.ParseUint(l.word(2), 10, 32)
		return expect(o.proxy.AbandonCall(uint32(group)), l.word(3))
	case "cancel":
		return expect(o.call.Cancel(), l.word(2))
	case "cancel-receive":
		return expect(o.channel.CancelReceive(), l.word(2))
	}
	return fmt.Errorf("no such step")
}

func (r *run) look(l *line) error {
	o, known := r.objects[l.word(1)]
	if !known {
		return fmt.Errorf("no such object")
	}
	if state := o.state(); state != l.word(2) {
		return fmt.Errorf("state %s", state)
	}
	return nil
}

func (r *run) step(l *line) (err error) {
	name := l.word(1)
	switch l.words[0] {
	case "start":
		return r.start(name, l.words[2:], l)
	case "await":
		result, err := r.await(name, l.word(2), l)
		if r.stopped.IsZero() || !r.told {
			r.result = result
		}
		r.told = true
		return err
	case "do":
		name = fmt.Sprint("line ", l.number)
		if err = r.start(name, l.words[1:], l); err == nil {
			_, err = r.await(name, "WWS_S_OK", l)
		}
		return err
	case "idiom-cancel":
		r.stop()
		return r.cancel(name)
	case "proxy", "channel", "listener", "call":
		o, err := r.create(l.words[0], l)
		r.objects[name] = o
		return err
	case "state":
		return r.look(l)
	}
	return r.act(l)
}
