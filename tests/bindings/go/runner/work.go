package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"suite/suite"
	"wws"
)

// A watched context tells when somebody begins to wait for its end.
type watched struct {
	context.Context
	once    sync.Once
	waiting chan struct{}
}

func (w *watched) Done() <-chan struct{} {
	w.once.Do(func() { close(w.waiting) })
	return w.Context.Done()
}

// Work goes on in the background, on a goroutine of its own.
type work struct {
	ctx   *watched
	stop  context.CancelFunc
	over  chan struct{}
	from  time.Time
	ended time.Time
	reply []byte
	err   error
}

func expanded(text string) string {
	if !strings.HasPrefix(text, "*") {
		return text
	}
	many, _ := strconv.Atoi(text[1:])
	return strings.Repeat("x", many)
}

func (r *run) address(o *object, l *line) (string, error) {
	at, elsewhere := l.options["at"]
	if !elsewhere && o.listener != nil {
		return r.scheme + "://127.0.0.1:0/suite", nil
	}
	if !elsewhere {
		return r.url, nil
	}
	if at == "wrong" {
		return "wrong://127.0.0.1/", nil
	}
	if listener, known := r.objects[at]; known {
		return listener.listener.Address()
	}
	place := os.Getenv("SUITE_" + strings.ToUpper(strings.ReplaceAll(at, "-", "_")))
	if place == "" {
		return "", fmt.Errorf("no peer %s", at)
	}
	return r.scheme + "://" + place + "/", nil
}

func open(ctx context.Context, o *object, address string) error {
	switch {
	case o.proxy != nil:
		return o.proxy.Open(ctx, address)
	case o.channel != nil:
		return o.channel.Open(ctx, address)
	}
	return o.listener.Open(ctx, address)
}

func closeObject(ctx context.Context, o *object) error {
	switch {
	case o.proxy != nil:
		return o.proxy.Close(ctx)
	case o.channel != nil:
		return o.channel.Close(ctx)
	}
	return o.listener.Close(ctx)
}

// message is one with that action and body.
func message(kind wws.MessageInitialization, original *wws.Message, operation, text string) (
	m *wws.Message, err error) {
	if m, err = wws.NewMessage(nil); err != nil {
		return
	}
	if err = m.Initialize(kind, original); err != nil {
		return
	}
	if err = m.SetHeader(wws.HeaderAction, suite.Namespace+"/"+operation); err != nil {
		return
	}
	return m, m.SetBody(suite.Body(operation, expanded(text)))
}

// call calls the service, or the controls of the host.
func (r *run) call(ctx context.Context, o *object, operation, text string, l *line) ([]byte, error) {
	options := &wws.CallOptions{CallID: l.count("group"), Timeout: l.duration("timeout_ms")}
	action := suite.Namespace + "/" + operation
	if l.options["action"] != "" {
		action = ""
	}
	body := suite.Body(operation, expanded(text))
	if handle, given := r.objects[l.options["handle"]]; given {
		return o.proxy.Call(ctx, action, body, options, handle.call)
	}
	return o.proxy.Call(ctx, action, body, options)
}

func receive(ctx context.Context, o *object) ([]byte, error) {
	m, err := wws.NewMessage(nil)
	if err != nil {
		return nil, err
	}
	o.received = m
	if err = o.channel.Receive(ctx, m, wws.ReceiveOptionOptional); err != nil {
		return nil, err
	}
	return m.Body()
}

func exchange(ctx context.Context, o *object, operation, text string) ([]byte, error) {
	request, err := message(wws.MessageInitializationRequest, nil, operation, text)
	if err != nil {
		return nil, err
	}
	reply, err := wws.NewMessage(nil)
	if err != nil {
		return nil, err
	}
	if err = o.channel.RequestReply(ctx, request, reply); err != nil {
		return nil, err
	}
	return reply.Body()
}

func send(ctx context.Context, o *object, operation, text string) error {
	m, err := message(wws.MessageInitializationRequest, nil, operation, text)
	if err != nil {
		return err
	}
	return o.channel.Send(ctx, m)
}

func answer(ctx context.Context, o *object, text string) error {
	m, err := message(wws.MessageInitializationReply, o.received, "Reply", text)
	if err != nil {
		return err
	}
	return o.channel.SendReply(ctx, m)
}

// carry does the work that words say.
func (r *run) carry(ctx context.Context, words []string, l *line) ([]byte, error) {
	words = append(append([]string(nil), words...), "", "", "")
	if words[0] == "host" {
		return r.call(ctx, r.controls, words[1], words[2], l)
	}
	o, known := r.objects[words[1]]
	if !known {
		return nil, fmt.Errorf("no object %s", words[1])
	}
	switch words[0] {
	case "open":
		address, err := r.address(o, l)
		if err != nil {
			return nil, err
		}
		return nil, open(ctx, o, address)
	case "close":
		return nil, closeObject(ctx, o)
	case "call":
		return r.call(ctx, o, words[2], words[3], l)
	case "accept":
		return nil, o.listener.Accept(ctx, r.objects[words[2]].channel)
	case "send":
		return nil, send(ctx, o, words[2], words[3])
	case "receive":
		return receive(ctx, o)
	case "answer":
		return nil, answer(ctx, o, words[2])
	case "exchange":
		return exchange(ctx, o, words[2], words[3])
	}
	return nil, fmt.Errorf("no such work")
}

// start begins work, and returns when it is pending or over.
func (r *run) start(name string, words []string, l *line) error {
	times := l.count("times")
	for i := uint32(0); i == 0 || i < times; i++ {
		ctx, stop := context.WithCancel(context.Background())
		if deadline := l.duration("deadline"); deadline > 0 {
			ctx, stop = context.WithTimeout(context.Background(), deadline)
		}
		w := &work{
			ctx:  &watched{Context: ctx, waiting: make(chan struct{})},
			stop: stop,
			over: make(chan struct{}),
			from: time.Now().Add(l.duration("deadline") + l.duration("timeout_ms")),
		}
		r.works[name] = append(r.works[name], w)
		go func() {
			w.reply, w.err = r.carry(w.ctx, words, l)
			w.ended = time.Now()
			close(w.over)
		}()
		select {
		case <-w.ctx.waiting:
		case <-w.over:
		}
	}
	return nil
}

func (r *run) cancel(name string) error {
	if len(r.works[name]) == 0 {
		return fmt.Errorf("no work %s", name)
	}
	for _, w := range r.works[name] {
		w.stop()
	}
	return nil
}

func compare(l *line, name, there string) error {
	wanted, said := l.options[name]
	if !said {
		return nil
	}
	for _, one := range strings.Split(expanded(wanted), "|") {
		if one == there {
			return nil
		}
	}
	return fmt.Errorf("%s %.80s, not %.80s", name, there, wanted)
}

// compareAll compares with what the options say of work that is over.
func compareAll(w *work, l *line, r *result) error {
	var failure *wws.Error
	var fault *wws.Fault
	r.phase, r.progress = "-", "-"
	if !errors.As(w.err, &failure) {
		return compare(l, "reply", suite.Text(w.reply))
	}
	r.phase, r.progress = failure.Phase.String(), failure.Progress.String()
	said := map[string]string{"phase": r.phase, "progress": r.progress,
		"fault": "-", "code": "-", "detail": "-"}
	if errors.As(w.err, &fault) {
		said["fault"] = fault.SubcodeName
		said["code"] = fault.Code.String()
		said["detail"] = suite.Text(fault.Detail)
	}
	for name, there := range said {
		if err := compare(l, name, there); err != nil {
			return err
		}
	}
	return nil
}

// await waits for the end of all work of a name.
func (r *run) await(name, status string, l *line) (told result, err error) {
	if len(r.works[name]) == 0 {
		return told, fmt.Errorf("no work %s", name)
	}
	patience := time.After(suite.Patience)
	for _, w := range r.works[name] {
		select {
		case <-w.over:
		case <-patience:
			return told, fmt.Errorf("%s is not over", name)
		}
		told.status = suite.Status(w.err)
		if told.from = r.stopped; w.from.After(told.from) {
			told.from = w.from
		}
		if w.ended.After(told.ended) {
			told.ended = w.ended
		}
		if told.status.String() != status {
			return told, fmt.Errorf("%s, not %s: %v", told.status.String(), status, w.err)
		}
		if err = compareAll(w, l, &told); err != nil {
			return told, err
		}
	}
	return told, nil
}
