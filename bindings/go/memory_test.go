package wws_test

import (
	"errors"
	"sync"

	"wws"
)

// memory is a transport of its own for an application, in memory: what one end
// sends waits in a queue until the other asks for it. One lock is enough, for
// what tasks are told calls nobody back.
type memory struct {
	sync.Mutex
	doors map[string]*door
}

// way is one direction of a connection.
type way struct {
	pieces   []piece
	end      error
	receiver *wws.TransportTask
}

type piece struct {
	octets []byte
	more   bool
}

func (w *way) serve() {
	task := w.receiver
	if task == nil || len(w.pieces) == 0 && w.end == nil {
		return
	}
	w.receiver = nil
	if len(w.pieces) == 0 {
		_ = task.Complete(status(w.end))
		return
	}
	_ = task.GivePiece(w.pieces[0].octets, w.pieces[0].more)
	w.pieces = w.pieces[1:]
	_ = task.Complete(wws.StatusOK)
}

func status(err error) (status wws.Status) {
	errors.As(err, &status)
	return
}

func (m *memory) finish(w *way, end error) {
	m.Lock()
	defer m.Unlock()
	w.end = end
	w.serve()
}

func (m *memory) send(to *way, octets []byte, more bool) error {
	m.Lock()
	defer m.Unlock()
	if to.end != nil {
		return errors.New("the other end has gone")
	}
	to.pieces = append(to.pieces, piece{octets, more})
	to.serve()
	return nil
}

func (m *memory) receive(from *way, task *wws.TransportTask) error {
	m.Lock()
	defer m.Unlock()
	from.receiver = task
	from.serve()
	return wws.StatusAsync
}

func (m *memory) connection(from, to *way) *wws.CustomConnection {
	return &wws.CustomConnection{
		Send: func(_ *wws.TransportTask, octets []byte, more bool) error {
			return m.send(to, octets, more)
		},
		Receive: func(task *wws.TransportTask) error { return m.receive(from, task) },
		ShutDown: func(*wws.TransportTask) error {
			m.finish(to, wws.End)
			return nil
		},
		Close: func(*wws.TransportTask) error { return nil },
		Abort: func() {
			m.finish(to, wws.ErrEndpointDisconnected)
			m.finish(from, wws.ErrAborted)
		},
	}
}

// door is where somebody listens: clients wait for an accept, or it for them.
type door struct {
	clients []*wws.CustomConnection
	accept  *wws.TransportTask
}

func (d *door) serve() {
	if task := d.accept; task != nil && len(d.clients) != 0 {
		d.accept = nil
		_ = task.GiveConnection(d.clients[0], "memory", "")
		d.clients = d.clients[1:]
		_ = task.Complete(wws.StatusOK)
	}
}

func (m *memory) connect(task *wws.TransportTask, address string) error {
	m.Lock()
	defer m.Unlock()
	door := m.doors[address]
	if door == nil {
		_ = task.GiveReason("nobody listens there")
		return wws.ErrEndpointNotFound
	}
	there, back := new(way), new(way)
	if err := task.GiveConnection(m.connection(back, there), "memory", ""); err != nil {
		return err
	}
	door.clients = append(door.clients, m.connection(there, back))
	door.serve()
	return nil
}

func (m *memory) listen(task *wws.TransportTask, address string) error {
	m.Lock()
	defer m.Unlock()
	if m.doors[address] != nil {
		return wws.ErrAddressInUse
	}
	d := new(door)
	m.doors[address] = d
	return task.GiveListener(&wws.CustomListener{
		Accept: func(task *wws.TransportTask) error {
			m.Lock()
			defer m.Unlock()
			d.accept = task
			d.serve()
			return wws.StatusAsync
		},
		Stop: func() { m.stop(address, d) },
	}, "")
}

func (m *memory) stop(address string, d *door) {
	m.Lock()
	delete(m.doors, address)
	accept, clients := d.accept, d.clients
	d.accept, d.clients = nil, nil
	m.Unlock()
	if accept != nil {
		_ = accept.Complete(status(wws.ErrAborted))
	}
	for _, client := range clients {
		client.Abort()
	}
}

func newMemory() *wws.CustomTransport {
	m := &memory{doors: map[string]*door{}}
	return &wws.CustomTransport{Connect: m.connect, Listen: m.listen}
}
