"""The library against WCF as Mono has it, each as the client of the other.

Mono is not .NET, and where it departs from what .NET does and MC-NMF says,
nothing here asks for it: over TCP its services send faults without RelatesTo
and end sessions without an End record, they do not look at the via or the
encoding of a session, and serve one request of it at a time; its clients take
whatever comes next for the reply they wait for; and neither of them reads
text that is streamed over TCP.

Takes the folder to build the programs in.
"""
import os
import subprocess
import sys
import unittest
from contextlib import closing, contextmanager

sys.dont_write_bytecode = True

from sides import (  # noqa: E402
    DEADLINE_S, ENVIRONMENT, HERE, NONE, Channel, Failure, Host, Listener,
    Program, Proxy, check, counter, element, free_ports, lib, values)

FOLDER = sys.argv.pop(1)
LARGEST = 1024 * 1024
FRAMING_FAULTS = 'http://schemas.microsoft.com/ws/2006/05/framing/faults/'
TCP = {'transport': lib.WWS_TRANSPORT_TCP, 'encoding': lib.WWS_ENCODING_UTF8,
       'max_message_size': LARGEST}
HTTP = {'max_message_size': LARGEST}
BASIC = {'envelope_version': lib.WWS_ENVELOPE_VERSION_SOAP_1_1,
         'addressing_version': lib.WWS_ADDRESSING_VERSION_TRANSPORT}
BINDINGS = {'tcp': TCP, 'http': HTTP, 'basic': BASIC}
SCHEMES = {'tcp': 'net.tcp', 'streamed': 'net.tcp'}


def url(binding, port=0):
    return f'{SCHEMES.get(binding, "http")}://127.0.0.1:{port}/calc'


def build(name):
    path = os.path.join(FOLDER, name + '.exe')
    sources = [os.path.join(HERE, source + '.cs') for source in (name, 'calc')]
    subprocess.run(['mcs', '-r:System.ServiceModel.dll', '-out:' + path,
                    *sources], check=True, env=ENVIRONMENT, timeout=DEADLINE_S)
    return path


def setUpModule():
    unittest.addModuleCleanup(nothing_is_left, counter('HANDLES'))
    os.makedirs(FOLDER, exist_ok=True)
    for name in ('host', 'client'):
        build(name)


def nothing_is_left(before):
    if counter('HANDLES') != before:
        raise AssertionError('handles were left behind')


class Service:
    """A service in Mono, at an address for each binding."""

    def __init__(self, *bindings):
        ports = free_ports(len(bindings))
        self.urls = {binding: url(binding, port)
                     for binding, port in zip(bindings, ports)}
        self.program = Program(
            os.path.join(FOLDER, 'host.exe'),
            *[f'{binding}={at}' for binding, at in self.urls.items()])
        heard = self.program.hear()
        if heard != 'ready':
            self.program.end()
            raise RuntimeError(heard)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.program.end()

    def hear(self):
        """Without what Mono itself says of connections that are reset."""
        while (line := self.program.hear()).startswith('I/O Error'):
            pass
        return line


class Calls(unittest.TestCase):
    """Services of WCF, called by the library."""

    # One each, for Mono may take no session for a while after one was reset.
    def setUp(self):
        self.service = Service(*BINDINGS)
        self.addCleanup(self.service.program.end)

    def proxy(self, binding):
        return Proxy(self.service.urls[binding], **BINDINGS[binding])

    def hears(self, line):
        self.assertEqual(self.service.hear(), line)

    def leave(self, name):
        self.service.program.tell('go')
        self.hears('leaves ' + name)

    def test_proxy__calls_services_of_wcf(self):
        for binding in BINDINGS:
            with self.subTest(binding), closing(self.proxy(binding)) as proxy:
                self.assertEqual(proxy.call('Add', a=2, b=3), '5')
                self.assertEqual(proxy.call('Echo', text='h\u00e9 <&>'),
                                 'h\u00e9 <&>')

    def test_proxy__carries_large_messages(self):
        large = 'x' * (LARGEST // 2)
        for binding in ('tcp', 'http'):
            with self.subTest(binding), closing(self.proxy(binding)) as proxy:
                self.assertEqual(proxy.call('Echo', text=large), large)

    def test_proxy__has_several_calls_in_flight(self):
        for binding in BINDINGS:
            with self.subTest(binding), closing(self.proxy(binding)) as proxy:
                calls = [proxy.begin('Add', a=number, b=1)
                         for number in range(5)]

                self.assertEqual([call.result() for call in calls],
                                 ['1', '2', '3', '4', '5'])

    def test_proxy__is_told_of_faults(self):
        for binding in ('http', 'basic'):
            with self.subTest(binding), closing(self.proxy(binding)) as proxy:
                with self.assertRaises(Failure) as failed:
                    proxy.call('Fail', reason='too odd')

                self.assertEqual(failed.exception.status,
                                 lib.WWS_E_ENDPOINT_FAULT_RECEIVED)
                self.assertEqual(proxy.fault(), ('Odd', 'too odd'))

    def stop_a_call(self, binding, stop, status):
        """The service answers what nobody waits for any more, while another
        call waits: that one has an answer of its own."""
        with self.subTest(binding), closing(self.proxy(binding)) as proxy:
            call = proxy.begin('Wait', name='long')
            self.hears('waits long')

            stop(proxy, call)
            self.assertEqual(call.status(), status)
            other = proxy.begin('Add', a=20, b=3)
            self.leave('long')

            self.assertEqual(other.result(), '23')
            self.assertEqual(proxy.call('Echo', text='same'), 'same')

    def test_call__that_is_cancelled_leaves_the_proxy_to_others(self):
        for binding in BINDINGS:
            self.stop_a_call(binding, lambda proxy, call: call.cancel(),
                             lib.WWS_E_OPERATION_CANCELLED)

    def test_call__that_is_abandoned_leaves_the_proxy_to_others(self):
        for binding in BINDINGS:
            self.stop_a_call(binding, lambda proxy, call: proxy.abandon(),
                             lib.WWS_E_OPERATION_ABANDONED)

    def test_abort__ends_a_call_that_a_service_of_wcf_serves(self):
        for binding in BINDINGS:
            with self.subTest(binding), Service(binding) as service:
                proxy = Proxy(service.urls[binding], **BINDINGS[binding])
                call = proxy.begin('Wait', name='lost')
                self.assertEqual(service.hear(), 'waits lost')

                proxy.abort()

                self.assertEqual(call.status(), lib.WWS_E_OPERATION_ABORTED)
                self.assertEqual(proxy.state(),
                                 lib.WWS_SERVICE_PROXY_STATE_FAULTED)
                proxy.free()

    def test_call__without_an_answer_ends_when_it_was_taken(self):
        for binding in ('http', 'basic'):
            with self.subTest(binding), closing(self.proxy(binding)) as proxy:
                self.assertEqual(proxy.call('Note', text='one way'), '')

                self.hears('noted one way')

    def test_channel__sends_what_has_no_answer(self):
        with closing(Channel(self.service.urls['tcp'], **TCP)) as channel:
            channel.send('Note', text='first')
            self.hears('noted first')

            self.assertEqual(channel.request('Add', a=1, b=1), '2')

    def test_calls__end_when_the_service_dies(self):
        with Service('tcp') as service:
            proxy = Proxy(service.urls['tcp'], **TCP)
            calls = [proxy.begin('Wait', name=name) for name in ('one', 'two')]
            self.assertEqual(service.hear(), 'waits one')

            service.program.end()

            for call in calls:
                self.assertEqual(call.status(),
                                 lib.WWS_E_ENDPOINT_DISCONNECTED)
            self.assertEqual(proxy.state(),
                             lib.WWS_SERVICE_PROXY_STATE_FAULTED)
            proxy.free()


class Serves(unittest.TestCase):
    """Clients of WCF, served by the library."""

    @classmethod
    def setUpClass(cls):
        cls.client = Program(os.path.join(FOLDER, 'client.exe'))
        cls.addClassCleanup(cls.client.end)

    def ask(self, line):
        return self.client.ask(line)

    def host(self, binding):
        return closing(Host(url(binding), max_concurrency=8,
                            **BINDINGS[binding]))

    @contextmanager
    def talk(self, binding):
        """The client at a host, on a session that it ends in order."""
        with self.subTest(binding), self.host(binding) as host:
            self.assertEqual(self.ask(f'open {binding} {host.address()}'),
                             'opened')
            yield host
            self.assertEqual(self.ask('close'), 'closed')

    def test_host__serves_clients_of_wcf(self):
        for binding in BINDINGS:
            with self.talk(binding):
                self.assertEqual(self.ask('add 2 3'), '5')
                self.assertEqual(self.ask('echo h\u00e9<&>'), 'h\u00e9<&>')
                self.assertEqual(self.ask('large 30000'), '30000')

    def test_host__serves_large_messages(self):
        for binding in ('tcp', 'http'):
            with self.talk(binding):
                self.assertEqual(self.ask('large 500000'), '500000')

    def test_host__serves_many_calls_at_once(self):
        for binding in ('http', 'basic'):
            with self.talk(binding):
                # Mono is not safe when the first calls are made at once.
                self.assertEqual(self.ask('add 1 1'), '2')

                self.assertEqual(self.ask('many 8'), '8')

    def test_host__tells_of_faults(self):
        codes = {'tcp': 'Sender', 'http': 'Sender', 'basic': 'Odd'}
        for binding, code in codes.items():
            with self.talk(binding):
                self.assertEqual(self.ask('fail strange'),
                                 f'fault {code} strange')
                self.assertEqual(self.ask('add 1 1'), '2')

    def test_host__takes_what_wants_no_answer(self):
        for binding in BINDINGS:
            with self.talk(binding) as host:
                self.assertEqual(self.ask('note here'), 'noted')
                self.assertEqual(host.notes.get(timeout=DEADLINE_S), 'here')

    def test_session__follows_one_that_was_ended(self):
        with self.talk('tcp'):
            for number in range(3):
                self.assertEqual(self.ask(f'add {number} 1'), str(number + 1))
                self.assertEqual(self.ask('close'), 'closed')
                self.assertEqual(self.ask('again'), 'opened')

    def test_session__for_another_address_is_refused(self):
        with self.host('tcp') as host:
            self.assertEqual(self.ask(f'open tcp {host.address()}x'),
                             f'fault  {FRAMING_FAULTS}EndpointNotFound')

    def test_session__with_another_encoding_is_refused(self):
        with self.host('tcp') as host:
            self.assertEqual(self.ask(f'open nettcp {host.address()}'),
                             f'fault  {FRAMING_FAULTS}ContentTypeInvalid')

    def lose_client(self, binding, host):
        """An operation whose client dies, and what the operation is told."""
        client = Program(os.path.join(FOLDER, 'client.exe'))
        self.assertEqual(client.ask(f'open {binding} {host.address()}'),
                         'opened')
        client.tell('wait long')
        operation, _ = host.waiting.get(timeout=DEADLINE_S)
        client.end()
        told = host.cancels.next()
        check(lib.wws_operation_complete(operation, lib.WWS_S_OK, NONE))
        return operation, told

    def test_operation__is_told_when_its_client_dies(self):
        for binding in BINDINGS:
            with self.subTest(binding), self.host(binding) as host:
                operation, told = self.lose_client(binding, host)

                self.assertEqual(told.kind, lib.WWS_EVENT_KIND_CANCELLED)
                self.assertEqual(told.operation.id, operation.id)
                self.assertEqual(told.reason,
                                 lib.WWS_CANCEL_REASON_CHANNEL_FAULTED)


class Streams(unittest.TestCase):
    """What clients of WCF send in pieces, read piece by piece."""

    def setUp(self):
        self.client = Program(os.path.join(FOLDER, 'client.exe'))
        self.addCleanup(self.client.end)

    def listen(self, binding, **options):
        listener = Listener(url(binding), **options)
        self.addCleanup(listener.close)
        self.assertEqual(
            self.client.ask(f'open {binding} {listener.address()}'), 'opened')
        return listener

    def test_stream__over_tcp_is_read(self):
        listener = self.listen('streamed', transport=lib.WWS_TRANSPORT_TCP,
                               encoding=lib.WWS_ENCODING_UTF8)

        # It does not know text when it reads the end that answers it.
        self.client.tell('dictate 500000')
        stream = listener.accept()
        body, count = stream.read()
        stream.close()

        self.assertEqual(values(body), ['x' * 500000])
        self.assertGreater(count, 5)

    def test_stream__over_http_is_read_and_answered(self):
        listener = self.listen('chunked')

        self.client.tell('large 500000')
        stream = listener.accept()
        body, count = stream.read()
        stream.reply(element('EchoResponse', EchoResult='short'))

        self.assertEqual(self.client.hear(), str(len('short')))
        self.assertEqual(values(body), ['x' * 500000])
        self.assertGreater(count, 5)
        stream.close()


if __name__ == '__main__':
    unittest.main()
