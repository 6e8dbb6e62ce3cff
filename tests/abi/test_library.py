"""The installed library driven from Python, by its declarations alone.

Wherever the promise is one of every function or every struct, the test goes
through all that are declared.
"""
import os
import queue
import select
import sys
import threading
import unittest

sys.dont_write_bytecode = True

from library import (  # noqa: E402
    DECLARATIONS, ENUMS, FUNCTIONS, HANDLES, LARGEST_STRUCT, REFUSED, STATUSES,
    STRUCTS, VERSIONED, check, copy, counter, create, ffi, free, lib, new, read,
    strings, text)

NONE = {'id': 0}
DEADLINE_S = 30

# What the library gives for a time.
BORROWED = ('wws_operation', 'wws_transport_task')

# What may be zero or null, besides errors and runtimes.
OPTIONAL_HANDLES = {('wws_message_initialize', 'original')}
OPTIONAL_OUTPUTS = {('wws_service_proxy_call', 'call'),
                    ('wws_service_proxy_call', 'reply_body'),
                    ('wws_message_get_custom_header', 'must_understand')}


def next_event(events):
    """The next event; waits for it."""
    fd = ffi.new('int32_t *')
    count = ffi.new('uint32_t *')
    event = new('wws_event')
    check(lib.wws_queue_get_fd(events, fd, NONE))
    while count[0] == 0:
        ready, _, _ = select.select([fd[0]], [], [], DEADLINE_S)
        if not ready:
            raise TimeoutError('no event')
        check(lib.wws_queue_next(events, 1, event, count, NONE))
    return event


class Service:
    """A host that is served through a queue, and a proxy that calls it."""

    def __init__(self, runtime=None):
        runtime = runtime or NONE
        self.events = create('wws_queue', runtime)
        self.host = create('wws_service_host', runtime, ffi.NULL)
        self.proxy = create('wws_service_proxy', runtime, ffi.NULL)
        address, self.keep = text(b'http://127.0.0.1:0/service')
        operations = new('wws_operation_callbacks', queue=self.events)
        endpoint = new('wws_endpoint_options', address=address,
                       operations=operations)
        check(lib.wws_service_host_add_endpoint(self.host, endpoint, NONE))
        check(lib.wws_service_host_open(self.host, ffi.NULL, NONE))
        check(lib.wws_service_proxy_open(self.proxy, self.address(), ffi.NULL,
                                         NONE))

    def address(self):
        buffer = ffi.new('wws_buffer *')
        check(lib.wws_service_host_get_address(self.host, 0, buffer, NONE))
        found, self.keep = text(bytes(ffi.buffer(buffer.data, buffer.size)))
        lib.wws_buffer_release(buffer)
        return found

    def next_event(self):
        return next_event(self.events)

    def call(self, reply, completion=ffi.NULL, call=ffi.NULL, error=None):
        action, keep_action = text(b'urn:echo')
        body, keep_body = text(b'<echo xmlns="urn:x">1</echo>')
        del keep_action, keep_body
        return lib.wws_service_proxy_call(
            self.proxy, action, body, ffi.NULL, call, reply, completion,
            error or NONE)

    def start_call(self, reply):
        return self.call(reply, new('wws_completion', queue=self.events))

    def close(self):
        check(lib.wws_service_proxy_close(self.proxy, ffi.NULL, NONE))
        check(lib.wws_service_host_close(self.host, ffi.NULL, NONE))
        check(free(self.proxy, 'wws_service_proxy'))
        check(free(self.host, 'wws_service_host'))
        check(free(self.events, 'wws_queue'))


def answer(operation, body=b'<echoed xmlns="urn:x"/>'):
    reply, keep = text(body)
    check(lib.wws_operation_set_reply(operation, reply, NONE))
    del keep
    check(lib.wws_operation_complete(operation, lib.WWS_S_OK, NONE))


class Carrier:
    """An application's own transport that is asked to connect a channel."""

    def __init__(self):
        self.asked = queue.SimpleQueue()
        self.connect = ffi.callback(
            'wws_status(wws_transport_task, wws_string, void *)',
            self.connecting)
        self.events = create('wws_queue', NONE)
        self.channel = create(
            'wws_channel', NONE,
            new('wws_channel_options', transport=lib.WWS_TRANSPORT_CUSTOM,
                encoding=lib.WWS_ENCODING_UTF8,
                custom=new('wws_custom_transport', connect=self.connect)))

    def connecting(self, task, address, state):
        self.asked.put(copy(task))
        return lib.WWS_S_ASYNC

    def begin(self):
        address, keep = text(b'urn:nowhere')
        status = lib.wws_channel_open(
            self.channel, address, new('wws_completion', queue=self.events),
            NONE)
        del keep
        assert status == lib.WWS_S_ASYNC
        return self.asked.get(timeout=DEADLINE_S)

    def finish(self, task):
        check(lib.wws_transport_task_complete(
            task, lib.WWS_E_ENDPOINT_UNREACHABLE, NONE))
        event = next_event(self.events)
        assert event.status == lib.WWS_E_ENDPOINT_UNREACHABLE

    def close(self):
        check(free(self.channel, 'wws_channel'))
        check(free(self.events, 'wws_queue'))


class World:
    """A live object of every kind, and a stale handle of every kind."""

    def __init__(self):
        self.service = Service()
        self.carrier = Carrier()
        self.reply = ffi.new('wws_buffer *')
        self.live = {kind: self.make(kind) for kind in HANDLES
                     if kind not in BORROWED}
        self.live['wws_operation'] = self.begin()
        self.live['wws_transport_task'] = self.carrier.begin()
        self.stale = {kind: self.make_stale(kind) for kind in HANDLES}
        self.error = self.live['wws_error']
        check(lib.wws_message_initialize(
            self.live['wws_message'], lib.WWS_MESSAGE_INITIALIZATION_BLANK,
            NONE, NONE))

    @staticmethod
    def make(kind):
        if kind in ('wws_error', 'wws_call'):
            return create(kind)
        if kind in ('wws_message', 'wws_runtime'):
            return create(kind, ffi.NULL)
        if kind == 'wws_queue':
            return create(kind, NONE)
        return create(kind, NONE, ffi.NULL)

    def begin(self):
        check(self.service.start_call(self.reply))
        event = self.service.next_event()
        assert event.kind == lib.WWS_EVENT_KIND_OPERATION
        return copy(event.operation)

    def finish(self, operation):
        answer(operation)
        event = self.service.next_event()
        assert event.kind == lib.WWS_EVENT_KIND_COMPLETED
        check(event.status)
        lib.wws_buffer_release(self.reply)

    def make_stale(self, kind):
        if kind == 'wws_transport_task':
            task = self.live[kind]
            self.carrier.finish(task)
            self.live[kind] = self.carrier.begin()
            return task
        if kind == 'wws_operation':
            # One at a time: the other one is alive, and its call pending.
            operation, self.live[kind] = self.live[kind], None
            self.finish(operation)
            self.live[kind] = self.begin()
            return operation
        handle = self.make(kind)
        check(free(handle, kind))
        return handle

    def close(self):
        self.finish(self.live.pop('wws_operation'))
        self.carrier.finish(self.live.pop('wws_transport_task'))
        runtime = self.live.pop('wws_runtime')
        for kind, handle in self.live.items():
            check(free(handle, kind))
        check(lib.wws_runtime_close(runtime, 1000 * DEADLINE_S, NONE))
        check(free(runtime, 'wws_runtime'))
        self.carrier.close()
        self.service.close()


class Arguments:
    """Arguments that a function could be called with, each to be replaced."""

    def __init__(self, world, function):
        self.function = function
        self.keep = []
        self.values = [self.value(world, parameter)
                       for parameter in FUNCTIONS[function]]

    def value(self, world, parameter):
        if parameter.stars:
            return self.pointer(parameter)
        if parameter.type in HANDLES:
            return world.live[parameter.type]
        if parameter.type in ('wws_string', 'wws_bytes'):
            value, keep = text(b'<x xmlns="urn:x"/>'
                               if parameter.type == 'wws_bytes'
                               else b'http://127.0.0.1:0/')
            self.keep.append(keep)
            return value
        return 1

    @staticmethod
    def pointer(parameter):
        if parameter.const or is_address(parameter):
            return ffi.NULL
        if parameter.type in VERSIONED:
            return new(parameter.type)
        return ffi.new(parameter.type + ' *')

    def call(self, index, value):
        values = list(self.values)
        values[index] = value
        return getattr(lib, self.function)(*values)

    def outputs(self):
        """Indexes of pointers to what the function writes."""
        return [index for index, parameter
                in enumerate(FUNCTIONS[self.function])
                if parameter.stars and not parameter.const
                and not is_address(parameter)]


def parameters(predicate):
    """Every parameter of every function of which the predicate holds."""
    for function, found in FUNCTIONS.items():
        for index, parameter in enumerate(found):
            if predicate(parameter):
                yield function, index, parameter


def is_address(parameter):
    """What the library keeps and never looks into."""
    return parameter.stars == '*' and parameter.type == 'void'


def is_handle(parameter):
    return not parameter.stars and parameter.type in HANDLES


def is_struct(parameter):
    return parameter.stars and parameter.type in VERSIONED


def resized(kind, size, tail=b''):
    """A struct that says it is so large, in memory that is large enough; its
    own members are zero and the tail follows them."""
    memory = ffi.new('uint64_t[]', LARGEST_STRUCT)
    struct = ffi.cast(kind + ' *', memory)
    struct.struct_size = size
    struct.version = lib.wws_version()
    own = ffi.sizeof(kind)
    ffi.memmove(ffi.cast('char *', memory) + own, tail, len(tail))
    return struct, memory


class Names(unittest.TestCase):
    def test_library__implements_version_1(self):
        self.assertEqual(lib.wws_version(), 1)

    def test_status__has_the_name_it_is_declared_by(self):
        self.assertGreater(len(STATUSES), 40)
        for name, value in STATUSES.items():
            found = ffi.string(lib.wws_status_name(value)).decode()
            self.assertEqual(found, name)

    def test_status__that_is_unknown_is_named_so(self):
        for value in (-1, 1, 0x7FFFFFFF, -0x80000000):
            found = ffi.string(lib.wws_status_name(value))
            self.assertEqual(found, b'unknown')

    def test_declarations__are_all_exported_and_found(self):
        self.assertEqual(
            {name for name in dir(lib) if name.startswith('wws_')},
            set(FUNCTIONS) | {'wws_version', 'wws_status_name',
                              'wws_buffer_release'})
        self.assertEqual(len(HANDLES), 11)
        self.assertEqual(DECLARATIONS.count('uint32_t struct_size;'),
                         len(VERSIONED))


class Misuse(unittest.TestCase):
    """Nothing here may change anything: all objects are there afterwards, and
    nothing is left behind."""

    def setUp(self):
        self.world = World()
        self.addCleanup(self.world.close)
        self.before = self.counters()
        self.addCleanup(self.nothing_changed)

    def counters(self):
        check(lib.wws_error_reset(self.world.error))
        return [counter(name) for name in ('HANDLES', 'SOCKETS', 'THREADS',
                                           'CALLS_STARTED')]

    def nothing_changed(self):
        self.assertEqual(self.counters(), self.before)

    def said(self):
        """The outermost string, after which the error is empty again."""
        found = strings(self.world.error)
        check(lib.wws_error_reset(self.world.error))
        return found[0] if found else ''

    def forged(self, kind):
        """Handles that never were, and one of another kind."""
        live = self.world.live[kind]
        other = 'wws_queue' if kind != 'wws_queue' else 'wws_message'
        same_slot = live.id & 0xFFFFFFFF
        return [
            self.world.stale[kind],
            {'id': self.world.live[other].id},
            {'id': live.id + (2 << 32)},
            {'id': live.id - (1 << 32)},
            {'id': live.id | 0xFFFFFF},
            {'id': same_slot | 0xFFFFFFFF << 32},
            {'id': live.id & ~(0xFF << 24)},
            {'id': 1},
            {'id': 0xFFFFFFFFFFFFFFFF},
        ]

    def test_function__refuses_a_handle_that_is_stale_or_of_another_kind(self):
        for function, index, parameter in parameters(is_handle):
            arguments = Arguments(self.world, function)
            for handle in self.forged(parameter.type):
                with self.subTest(function, parameter=parameter.name,
                                  handle=handle):
                    status = arguments.call(index, handle)

                    self.assertEqual(status, lib.WWS_E_HANDLE)
                    if parameter.type != 'wws_error':
                        said = self.said()
                        self.assertTrue(
                            said == '' and index + 1 == len(arguments.values)
                            or said == '' and function.startswith('wws_error')
                            or said.startswith(parameter.name + ':'), said)

    def test_function__refuses_zero_where_a_handle_is_required(self):
        for function, index, parameter in parameters(is_handle):
            optional = (parameter.name == 'error' and index > 0
                        or parameter.type == 'wws_runtime'
                        or (function, parameter.name) in OPTIONAL_HANDLES)
            if optional or function.endswith('_free'):
                continue
            with self.subTest(function, parameter=parameter.name):
                status = Arguments(self.world, function).call(index, NONE)

                self.assertEqual(status, lib.WWS_E_INVALIDARG)

    def test_free__of_zero_is_done(self):
        found = [name for name in FUNCTIONS if name.endswith('_free')]
        self.assertEqual(len(found), len(HANDLES) - len(BORROWED))
        for function in found:
            self.assertEqual(getattr(lib, function)(NONE), lib.WWS_S_OK)

    def test_call__refuses_a_call_handle_that_is_no_call(self):
        for handle in self.forged('wws_call'):
            call = ffi.new('wws_call *', handle)

            status = self.world.service.call(ffi.NULL, call=call)

            self.assertEqual(status, lib.WWS_E_HANDLE)
            self.assertEqual(call.id, ffi.new('wws_call *', handle).id)

    def test_struct__with_a_stale_handle_in_it_is_refused(self):
        for function, index, parameter in parameters(is_struct):
            inside = [member for member in STRUCTS[parameter.type]
                      if is_handle(member)]
            for member in inside if parameter.const else []:
                arguments = Arguments(self.world, function)
                stale = self.world.stale[member.type]
                struct = new(parameter.type, **{member.name: stale})
                with self.subTest(function, member=member.name):
                    status = arguments.call(index, struct)

                    # Some find out first that another argument, or the state
                    # of the object, is wrong.
                    self.assertIn(status, (lib.WWS_E_HANDLE,
                                           lib.WWS_E_INVALIDARG,
                                           lib.WWS_E_INVALID_OPERATION))

    def test_function__refuses_to_write_to_nowhere(self):
        for function in FUNCTIONS:
            arguments = Arguments(self.world, function)
            for index in arguments.outputs():
                name = FUNCTIONS[function][index].name
                with self.subTest(function, output=name):
                    status = arguments.call(index, ffi.NULL)

                    if (function, name) in OPTIONAL_OUTPUTS:
                        self.assertNotEqual(status, lib.WWS_E_INVALIDARG)
                    else:
                        self.assertEqual(status, lib.WWS_E_INVALIDARG)
                    check(lib.wws_error_reset(self.world.error))

    def test_function__refuses_text_that_is_no_utf_8(self):
        wrong = [text(octets) for octets in (
            b'\xff', b'a\x80', b'\xc3', b'\xc0\x80', b'\xed\xa0\x80', b'a\0')]
        wrong.append(({'data': ffi.NULL, 'size': 1}, None))
        for function, index, parameter in parameters(
                lambda parameter: parameter.type == 'wws_string'
                and not parameter.stars):
            for string, _ in wrong:
                with self.subTest(function, parameter=parameter.name):
                    status = Arguments(self.world, function).call(index,
                                                                  string)

                    self.assertEqual(status, lib.WWS_E_INVALIDARG)
                    self.said()

    def test_function__refuses_octets_that_are_nowhere(self):
        for function, index, parameter in parameters(
                lambda parameter: parameter.type == 'wws_bytes'
                and not parameter.stars):
            with self.subTest(function, parameter=parameter.name):
                status = Arguments(self.world, function).call(
                    index, {'data': ffi.NULL, 'size': 1})

                self.assertEqual(status, lib.WWS_E_INVALIDARG)
                self.said()

    def refuses_struct(self, function, index, parameter, struct):
        """Whether just this struct is what the function refuses."""
        arguments = Arguments(self.world, function)
        status = arguments.call(index, struct)
        said = self.said()
        self.undo(function, arguments, status)
        name = parameter.type[4:] if parameter.const else parameter.name
        if FUNCTIONS[function][-1].name == 'error':
            return status == lib.WWS_E_INVALIDARG and said == REFUSED % name
        return status == lib.WWS_E_INVALIDARG

    def undo(self, function, arguments, status):
        if status < 0 or not function.endswith(('_create', '_for_listener')):
            return
        created = arguments.outputs()[0]
        kind = FUNCTIONS[function][created].type
        handle = arguments.values[created][0]
        if kind == 'wws_runtime':
            check(lib.wws_runtime_close(handle, 1000 * DEADLINE_S, NONE))
        check(free(handle, kind))

    def test_struct__of_a_size_that_never_was_is_refused(self):
        for function, index, parameter in parameters(is_struct):
            own = ffi.sizeof(parameter.type)
            for size in (0, 1, 7, 8, own - 8, own - 1, LARGEST_STRUCT + 1,
                         0xFFFFFFFF):
                with self.subTest(function, struct=parameter.type, size=size):
                    struct, _ = resized(parameter.type, size)

                    self.assertTrue(self.refuses_struct(
                        function, index, parameter, struct))

    def test_struct__of_a_newer_caller_who_asks_for_nothing_new_is_taken(self):
        for function, index, parameter in parameters(is_struct):
            own = ffi.sizeof(parameter.type)
            # What is required is not there either: who refuses that must be
            # able to say so.
            if parameter.const and FUNCTIONS[function][-1].name != 'error':
                continue
            for size in (own, own + 1, own + 8, LARGEST_STRUCT):
                with self.subTest(function, struct=parameter.type, size=size):
                    struct, _ = resized(parameter.type, size)

                    self.assertFalse(self.refuses_struct(
                        function, index, parameter, struct))
                    self.assertEqual(struct.struct_size, size)

    def test_struct__of_a_newer_caller_who_asks_for_more_is_refused(self):
        for function, index, parameter in parameters(is_struct):
            for tail in (b'\1', b'\0\0\0\0\0\0\0\1', bytes(15) + b'\1'):
                with self.subTest(function, struct=parameter.type, tail=tail):
                    size = ffi.sizeof(parameter.type) + len(tail)
                    struct, _ = resized(parameter.type, size, tail)
                    refused = self.refuses_struct(function, index, parameter,
                                                  struct)

                    # What is only written is never looked at.
                    self.assertEqual(refused, bool(parameter.const))

    def test_record__of_a_newer_caller_ends_in_zeros(self):
        size = ffi.sizeof('wws_error_info')
        struct, memory = resized('wws_error_info', size + 16, b'\xff' * 32)
        octets = ffi.buffer(memory)

        check(lib.wws_error_get_info(self.world.error, struct))

        self.assertEqual(octets[size:size + 16], bytes(16))
        self.assertEqual(octets[size + 16:size + 32], b'\xff' * 16)

    def test_enum__of_an_unknown_value_is_refused(self):
        for function, index, parameter in parameters(
                lambda parameter: parameter.type in ENUMS
                and not parameter.stars):
            for value in (max(ENUMS[parameter.type]) + 1, 0xFFFFFFFF):
                with self.subTest(function, parameter=parameter.name):
                    status = Arguments(self.world, function).call(index, value)

                    self.assertEqual(status, lib.WWS_E_INVALIDARG)
                    self.assertEqual(self.said(), REFUSED % parameter.name)

    def test_enum__in_a_struct_of_an_unknown_value_is_refused(self):
        for function, index, parameter in parameters(is_struct):
            inside = [member for member in STRUCTS[parameter.type]
                      if member.type in ENUMS]
            for member in inside if parameter.const else []:
                with self.subTest(function, member=member.name):
                    # What is required comes first.
                    struct, keep = self.filled(parameter.type)
                    setattr(struct, member.name,
                            max(ENUMS[member.type]) + 1)
                    status = Arguments(self.world, function).call(index,
                                                                  struct)

                    self.assertEqual(status, lib.WWS_E_INVALIDARG)
                    if FUNCTIONS[function][-1].name == 'error':
                        self.assertEqual(self.said(), REFUSED % member.name)
                    del keep

    def filled(self, kind):
        string, keep = text(b'http://127.0.0.1:0/')
        callbacks = new('wws_operation_callbacks',
                        queue=self.world.live['wws_queue'])
        struct = new(kind)
        for member in STRUCTS[kind]:
            if member.type == 'wws_string' and not member.stars:
                setattr(struct, member.name, string)
            elif member.type == 'wws_operation_callbacks':
                setattr(struct, member.name, callbacks)
        return struct, (keep, callbacks)


class Calls(unittest.TestCase):
    def test_call__is_served_through_a_queue_by_one_thread(self):
        service = Service()
        reply = ffi.new('wws_buffer *')
        body = ffi.new('wws_bytes *')

        self.assertEqual(service.start_call(reply), lib.WWS_S_ASYNC)
        asked = service.next_event()
        self.assertEqual(asked.kind, lib.WWS_EVENT_KIND_OPERATION)
        check(lib.wws_operation_get_body(asked.operation, body, NONE))
        self.assertIn('>1</', read(body))
        answer(asked.operation, b'<two xmlns="urn:x"/>')
        done = service.next_event()

        self.assertEqual(done.kind, lib.WWS_EVENT_KIND_COMPLETED)
        self.assertEqual(done.status, lib.WWS_S_OK)
        self.assertIn('two', read(reply))
        lib.wws_buffer_release(reply)
        self.assertEqual(reply.data, ffi.NULL)
        service.close()

    def cancel_a_call(self, service, error=None):
        """A call that another thread cancels while it is being served; the
        operation hears of it, too."""
        call = ffi.new('wws_call *')
        failures = []

        def cancel():
            try:
                asked = service.next_event()
                check(lib.wws_operation_register_for_cancel(
                    asked.operation,
                    new('wws_cancel_callbacks', queue=service.events), NONE))
                check(lib.wws_call_cancel(call[0]))
                told = service.next_event()
                assert told.kind == lib.WWS_EVENT_KIND_CANCELLED
                assert told.operation.id == asked.operation.id
                assert told.reason == lib.WWS_CANCEL_REASON_CHANNEL_FAULTED
                check(lib.wws_operation_complete(asked.operation,
                                                 lib.WWS_S_OK, NONE))
            except BaseException as failure:
                failures.append(failure)
                lib.wws_service_proxy_abort(service.proxy)

        thread = threading.Thread(target=cancel)
        thread.start()
        status = service.call(ffi.NULL, call=call, error=error)
        thread.join()
        self.assertEqual(failures, [])
        self.assertEqual(lib.wws_call_cancel(call[0]), lib.WWS_E_HANDLE)
        return status

    def test_call__that_another_thread_cancels_ends_as_cancelled(self):
        service = Service()
        error = create('wws_error')
        info = new('wws_error_info')

        status = self.cancel_a_call(service, error)

        self.assertEqual(status, lib.WWS_E_OPERATION_CANCELLED)
        check(lib.wws_error_get_info(error, info))
        self.assertEqual(info.status, status)
        self.assertEqual(info.progress, lib.WWS_PROGRESS_SENT)
        self.assertGreater(info.string_count, 0)
        check(free(error, 'wws_error'))
        service.close()

    def test_counters__return_to_where_they_were(self):
        self.everything_once()
        before = self.alive()

        self.everything_once()

        self.assertEqual(self.alive(), before)

    def everything_once(self):
        runtime = create('wws_runtime', ffi.NULL)
        service = Service(runtime)
        reply = ffi.new('wws_buffer *')
        check(service.start_call(reply))
        answer(service.next_event().operation)
        check(service.next_event().status)
        lib.wws_buffer_release(reply)
        self.cancel_a_call(service)
        self.assertEqual(counter('CALLS_STARTED', runtime), 2)
        self.assertEqual(counter('CALLS_COMPLETED', runtime), 2)
        self.assertEqual(counter('OPERATIONS', runtime), 2)
        self.assertEqual(counter('CANCEL_WON', runtime), 1)
        service.close()
        check(lib.wws_runtime_close(runtime, 1000 * DEADLINE_S, NONE))
        self.assertEqual(counter('SOCKETS', runtime), 0)
        self.assertEqual(counter('THREADS', runtime), 0)
        check(free(runtime, 'wws_runtime'))

    @staticmethod
    def alive():
        return [counter(name) for name in ('MEMORY_BLOCKS', 'HANDLES')] + [
            len(os.listdir('/proc/self/fd'))]


class Fork(unittest.TestCase):
    def in_child(self, body):
        """Runs the body in a child process, which must return true."""
        child = os.fork()
        if child == 0:
            try:
                os._exit(0 if body() else 1)
            except BaseException as failure:
                os.write(2, f'{failure!r}\n'.encode())
                os._exit(2)
        self.assertEqual(os.waitpid(child, 0)[1], 0)

    def test_handle__of_the_parent_answers_that_it_is_the_parents(self):
        world = World()

        def body():
            for function, index, _ in parameters(is_handle):
                arguments = Arguments(world, function)
                expected = (lib.WWS_S_OK if function.endswith('_free')
                            else lib.WWS_E_FORKED)
                status = arguments.call(index, arguments.values[index])
                if status != expected:
                    raise AssertionError(function, status)
            return True

        self.in_child(body)
        world.close()

    def test_child__can_serve_and_call_anew(self):
        parent = Service()

        def body():
            child = Service()
            reply = ffi.new('wws_buffer *')
            check(child.start_call(reply))
            answer(child.next_event().operation)
            check(child.next_event().status)
            child.close()
            return True

        self.in_child(body)

        reply = ffi.new('wws_buffer *')
        check(parent.start_call(reply))
        answer(parent.next_event().operation)
        check(parent.next_event().status)
        lib.wws_buffer_release(reply)
        parent.close()


if __name__ == '__main__':
    unittest.main()
