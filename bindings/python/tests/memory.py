"""A transport of its own for an application, in memory: what one end sends
waits in a queue until the other asks for it.
"""
import collections
import threading

import wws

ASYNC, END, OK = wws.Status.S_ASYNC, wws.Status.S_END, wws.Status.S_OK


class Way:
    """One direction of a connection."""

    def __init__(self):
        self.lock = threading.Lock()
        self.pieces = collections.deque()
        self.end = None
        self.receiver = None

    def put(self, piece=None, end=None):
        with self.lock:
            if piece and self.end is not None:
                raise ConnectionError("the other end has gone")
            if piece:
                self.pieces.append(piece)
            self.end = self.end if end is None else end
            self.serve()

    def take(self, task):
        with self.lock:
            self.receiver = task
            self.serve()
        return ASYNC

    def serve(self):
        """Tasks call nobody back, so that this may hold the lock."""
        if not self.receiver or not self.pieces and self.end is None:
            return
        task, self.receiver = self.receiver, None
        if self.pieces:
            task.give_piece(*self.pieces.popleft())
            task.complete(OK)
        else:
            task.complete(self.end)


class Connection:
    def __init__(self, there, back):
        self.there, self.back = there, back

    def send(self, task, octets, more):
        self.there.put((octets, more))

    def receive(self, task):
        return self.back.take(task)

    def shut_down(self, task):
        self.there.put(end=END)

    def close(self, task):
        pass

    def abort(self):
        self.there.put(end=wws.Status.E_ENDPOINT_DISCONNECTED)
        self.back.put(end=wws.Status.E_OPERATION_ABORTED)


class Door:
    """Who listens: clients wait for an accept, or it for them."""

    def __init__(self, close):
        self.close = close
        self.lock = threading.Lock()
        self.clients = collections.deque()
        self.waiting = None

    def offer(self, client=None, accept=None):
        with self.lock:
            if client:
                self.clients.append(client)
            self.waiting = accept or self.waiting
            if self.clients and self.waiting:
                task, self.waiting = self.waiting, None
                task.give_connection(self.clients.popleft(), "memory")
                task.complete(OK)

    def accept(self, task):
        self.offer(accept=task)
        return ASYNC

    def stop(self):
        self.close()
        with self.lock:
            self.waiting = None  # a task that nobody has any more has failed
            clients, self.clients = self.clients, ()
        for client in clients:
            client.abort()


class Memory:
    def __init__(self):
        self.doors = {}

    def connect(self, task, address):
        door = self.doors.get(address)
        if door is None:
            raise wws.EndpointNotFound("nobody listens there")
        there, back = Way(), Way()
        task.give_connection(Connection(there, back), "memory")
        door.offer(client=Connection(back, there))

    def listen(self, task, address):
        door = Door(lambda: self.doors.pop(address, None))
        if self.doors.setdefault(address, door) is not door:
            raise wws.AddressInUse("somebody listens there")
        task.give_listener(door)
