"""The two sides of a conversation: programs that run in Mono, and objects of
the library as the tests use them.  Everything that waits here gives up."""
import os
import queue
import select
import socket
import subprocess
import sys
import threading
import xml.etree.ElementTree as ElementTree
from xml.sax.saxutils import escape

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, '..', '..', 'abi'))

from library import (  # noqa: E402
    Failure, check, copy, counter, create, ffi, free, lib, new, read, text)

NONE = {'id': 0}
DEADLINE_S = 30
CALC = 'urn:example:calc'

# Of Mono. What a sanitizer has us preload is not for its programs.
ENVIRONMENT = dict(os.environ, LC_ALL='C.UTF-8', LD_PRELOAD='')


class Program:
    """A program in Mono that is told lines and says lines."""

    def __init__(self, path, *arguments):
        self.process = subprocess.Popen(
            ['mono', path, *arguments], encoding='utf-8', bufsize=1,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=ENVIRONMENT)
        self.lines = queue.Queue()
        self.reader = threading.Thread(target=self.listen, daemon=True)
        self.reader.start()

    def listen(self):
        for line in self.process.stdout:
            self.lines.put(line.rstrip('\n'))
        self.lines.put('gone')

    def tell(self, line):
        self.process.stdin.write(line + '\n')

    def hear(self):
        return self.lines.get(timeout=DEADLINE_S)

    def ask(self, line):
        self.tell(line)
        return self.hear()

    def end(self):
        """Not by asking: Mono may never return from its own exit."""
        self.process.kill()
        self.process.wait()
        self.reader.join()
        self.process.stdin.close()
        self.process.stdout.close()


def free_ports(count):
    """Ports that nobody listens at: Mono cannot be given port 0."""
    sockets = [socket.create_server(('127.0.0.1', 0)) for _ in range(count)]
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


def element(name, /, **members):
    inside = ''.join(f'<{key}>{escape(str(value))}</{key}>'
                     for key, value in members.items())
    return f'<{name} xmlns="{CALC}">{inside}</{name}>'.encode()


def values(body):
    """The texts inside an element, in their order."""
    return [each.text or '' for each in ElementTree.fromstring(body)]


def buffer_text(buffer):
    try:
        return read(buffer)
    finally:
        lib.wws_buffer_release(buffer)


class Queue:
    """Events of the library, one at a time."""

    def __init__(self):
        self.handle = create('wws_queue', NONE)
        fd = ffi.new('int32_t *')
        check(lib.wws_queue_get_fd(self.handle, fd, NONE))
        self.fd = fd[0]

    def next(self, timeout_s=DEADLINE_S):
        """Null when nothing has happened in time."""
        count = ffi.new('uint32_t *')
        event = new('wws_event')
        select.select([self.fd], [], [], timeout_s)
        check(lib.wws_queue_next(self.handle, 1, event, count, NONE))
        return event if count[0] else None

    def free(self):
        check(free(self.handle, 'wws_queue'))


class Pending:
    """A call that goes on while others do."""

    def __init__(self, proxy, action, body):
        self.events = Queue()
        self.call = ffi.new('wws_call *')
        self.reply = ffi.new('wws_buffer *')
        completion = new('wws_completion', queue=self.events.handle)
        check(proxy.start(action, body, NONE, completion, self.call,
                          self.reply))

    def cancel(self):
        check(lib.wws_call_cancel(self.call[0]))

    def status(self):
        event = self.events.next()
        if event is None:
            raise TimeoutError('the call never ended')
        if event.error.id:
            free(event.error, 'wws_error')
        self.events.free()
        return event.status

    def result(self):
        check(self.status())
        return values(buffer_text(self.reply))[0]


class Proxy:
    """A service proxy of the library, for the contract of the test."""

    def __init__(self, url, **options):
        self.error = create('wws_error')
        self.handle = create(
            'wws_service_proxy', NONE,
            new('wws_service_proxy_options', **options))
        address, keep = text(url.encode())
        try:
            check(lib.wws_service_proxy_open(
                self.handle, address, ffi.NULL, self.error))
        except Failure:
            self.free()
            raise
        del keep

    def start(self, action, body, error, completion=ffi.NULL, call=ffi.NULL,
              reply=ffi.NULL):
        asked, keep_asked = text(f'{CALC}/{action}'.encode())
        content, keep_content = text(body)
        status = lib.wws_service_proxy_call(
            self.handle, asked, content, ffi.NULL, call, reply, completion,
            error)
        del keep_asked, keep_content
        return status

    def call(self, action, /, **members):
        check(lib.wws_error_reset(self.error))
        reply = ffi.new('wws_buffer *')
        check(self.start(action, element(action, **members), self.error,
                         reply=reply))
        body = buffer_text(reply)
        return values(body)[0] if body else ''

    def begin(self, action, /, **members):
        return Pending(self, action, element(action, **members))

    def fault(self):
        """The subcode and the reason of the fault that came last."""
        fault = new('wws_fault_info')
        check(lib.wws_error_get_fault(self.error, fault))
        return read(fault.subcode_name), read(fault.reason)

    def abandon(self):
        check(lib.wws_service_proxy_abandon_call(self.handle, 0, NONE))

    def abort(self):
        check(lib.wws_service_proxy_abort(self.handle))

    def state(self):
        state = ffi.new('wws_service_proxy_state *')
        check(lib.wws_service_proxy_get_state(self.handle, state, NONE))
        return state[0]

    def close(self):
        try:
            check(lib.wws_service_proxy_close(self.handle, ffi.NULL, NONE))
        finally:
            self.free()

    def free(self):
        check(free(self.handle, 'wws_service_proxy'))
        check(free(self.error, 'wws_error'))


def message(kind, action, /, **members):
    """A message of the contract, to be sent."""
    handle = create('wws_message', ffi.NULL)
    name, keep_name = text(f'{CALC}/{action}'.encode())
    body, keep_body = text(element(action, **members))
    check(lib.wws_message_initialize(handle, kind, NONE, NONE))
    check(lib.wws_message_set_header(handle, lib.WWS_HEADER_ACTION, name,
                                     NONE))
    check(lib.wws_message_set_body(handle, body, NONE))
    del keep_name, keep_body
    return handle


class Channel:
    """One session of the library with a service."""

    def __init__(self, url, **options):
        self.handle = create('wws_channel', NONE,
                             new('wws_channel_options', **options))
        address, keep = text(url.encode())
        check(lib.wws_channel_open(self.handle, address, ffi.NULL, NONE))
        del keep

    def send(self, action, /, **members):
        """Sends what nobody answers."""
        sent = message(lib.WWS_MESSAGE_INITIALIZATION_BLANK, action,
                       **members)
        check(lib.wws_channel_send(self.handle, sent, ffi.NULL, NONE))
        check(free(sent, 'wws_message'))

    def request(self, action, /, **members):
        sent = message(lib.WWS_MESSAGE_INITIALIZATION_REQUEST, action,
                       **members)
        reply = create('wws_message', ffi.NULL)
        body = ffi.new('wws_bytes *')
        check(lib.wws_channel_request_reply(self.handle, sent, reply,
                                            ffi.NULL, NONE))
        check(lib.wws_message_get_body(reply, body, NONE))
        result = values(read(body))[0]
        check(free(sent, 'wws_message'))
        check(free(reply, 'wws_message'))
        return result

    def close(self):
        check(lib.wws_channel_close(self.handle, ffi.NULL, NONE))
        check(free(self.handle, 'wws_channel'))


class Listener:
    """Accepts messages that come in pieces."""

    def __init__(self, url, **options):
        self.handle = create(
            'wws_listener', NONE,
            new('wws_listener_options', **options,
                transfer_mode=lib.WWS_TRANSFER_MODE_STREAMED))
        address, keep = text(url.encode())
        check(lib.wws_listener_open(self.handle, address, ffi.NULL, NONE))
        del keep

    def address(self):
        buffer = ffi.new('wws_buffer *')
        check(lib.wws_listener_get_address(self.handle, buffer, NONE))
        return buffer_text(buffer)

    def accept(self):
        events = Queue()
        channel = ffi.new('wws_channel *')
        check(lib.wws_channel_create_for_listener(self.handle, ffi.NULL,
                                                  channel, NONE))
        check(lib.wws_listener_accept(
            self.handle, channel[0],
            new('wws_completion', queue=events.handle), NONE))
        event = events.next()
        if event is None:
            check(lib.wws_listener_abort(self.handle))
            event = events.next()
        check(event.status)
        events.free()
        return Stream(channel[0])

    def close(self):
        check(lib.wws_listener_close(self.handle, ffi.NULL, NONE))
        check(free(self.handle, 'wws_listener'))


class Stream:
    """A request that comes in pieces."""

    def __init__(self, channel):
        self.channel = copy(channel)
        self.request = create('wws_message', ffi.NULL)

    def read(self):
        """The body, and how many pieces it came in."""
        pieces = []
        check(lib.wws_channel_read_message_start(
            self.channel, self.request, lib.WWS_RECEIVE_OPTION_OPTIONAL,
            ffi.NULL, NONE))
        while (piece := self.piece()) is not None:
            pieces.append(piece)
        check(lib.wws_channel_read_message_end(
            self.channel, self.request, ffi.NULL, NONE))
        return ''.join(pieces), len(pieces)

    def piece(self):
        buffer = ffi.new('wws_buffer *')
        status = check(lib.wws_channel_read_body(
            self.channel, self.request, buffer, ffi.NULL, NONE))
        return None if status == lib.WWS_S_END else buffer_text(buffer)

    def reply(self, body):
        reply = create('wws_message', ffi.NULL)
        content, keep = text(body)
        action, keep_action = text(f'{CALC}/Reply'.encode())
        check(lib.wws_message_initialize(
            reply, lib.WWS_MESSAGE_INITIALIZATION_REPLY, self.request, NONE))
        check(lib.wws_message_set_header(reply, lib.WWS_HEADER_ACTION, action,
                                         NONE))
        check(lib.wws_message_set_body(reply, content, NONE))
        check(lib.wws_channel_send_reply(self.channel, reply, ffi.NULL, NONE))
        check(free(reply, 'wws_message'))
        del keep, keep_action

    def close(self):
        check(lib.wws_channel_close(self.channel, ffi.NULL, NONE))
        check(free(self.request, 'wws_message'))
        check(free(self.channel, 'wws_channel'))


class Host:
    """A service host of the library that serves the contract of the test; its
    operations are served by a thread of ours."""

    def __init__(self, url, **options):
        self.operations = Queue()
        self.cancels = Queue()
        self.waiting = queue.Queue()
        self.notes = queue.Queue()
        self.handle = create('wws_service_host', NONE, ffi.NULL)
        address, keep = text(url.encode())
        callbacks = new('wws_operation_callbacks',
                        queue=self.operations.handle)
        check(lib.wws_service_host_add_endpoint(
            self.handle, new('wws_endpoint_options', address=address,
                             operations=callbacks, **options), NONE))
        del keep
        check(lib.wws_service_host_open(self.handle, ffi.NULL, NONE))
        self.running = True
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def address(self):
        buffer = ffi.new('wws_buffer *')
        check(lib.wws_service_host_get_address(self.handle, 0, buffer, NONE))
        return buffer_text(buffer)

    def serve(self):
        while self.running:
            event = self.operations.next(0.1)
            if event is not None:
                self.begin(copy(event.operation))

    def begin(self, operation):
        info = new('wws_operation_info')
        body = ffi.new('wws_bytes *')
        check(lib.wws_operation_get_info(operation, info, NONE))
        check(lib.wws_operation_get_body(operation, body, NONE))
        action = read(info.action).rpartition('/')[2]
        getattr(self, 'on_' + action)(operation, *values(read(body)))

    @staticmethod
    def answer(operation, action, result):
        members = {action + 'Result': result}
        body, keep = text(element(action + 'Response', **members))
        check(lib.wws_operation_set_reply(operation, body, NONE))
        check(lib.wws_operation_complete(operation, lib.WWS_S_OK, NONE))
        del keep

    def on_Add(self, operation, a, b):
        self.answer(operation, 'Add', int(a) + int(b))

    def on_Echo(self, operation, what):
        self.answer(operation, 'Echo', what)

    def on_Note(self, operation, what):
        self.notes.put(what)
        check(lib.wws_operation_complete(operation, lib.WWS_S_OK, NONE))

    def on_Fail(self, operation, reason):
        reason, keep_reason = text(reason.encode())
        name, keep_name = text(b'Odd')
        namespace, keep_namespace = text(CALC.encode())
        fault = new('wws_fault', code=lib.WWS_FAULT_CODE_SENDER,
                    reason=reason, subcode_name=name,
                    subcode_namespace=namespace)
        check(lib.wws_operation_set_fault(operation, fault, NONE))
        check(lib.wws_operation_complete(
            operation, lib.WWS_E_INVALID_OPERATION, NONE))
        del keep_reason, keep_name, keep_namespace

    def on_Wait(self, operation, name):
        check(lib.wws_operation_register_for_cancel(
            operation,
            new('wws_cancel_callbacks', queue=self.cancels.handle), NONE))
        self.waiting.put((operation, name))

    def close(self):
        while not self.waiting.empty():
            self.answer(self.waiting.get()[0], 'Wait', 'closed')
        status = lib.wws_service_host_close(self.handle, ffi.NULL, NONE)
        self.running = False
        self.thread.join()
        check(free(self.handle, 'wws_service_host'))
        self.operations.free()
        self.cancels.free()
        check(status)
