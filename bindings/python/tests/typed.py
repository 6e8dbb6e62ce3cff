"""A program that a strict checker of types must find nothing wrong with."""
import asyncio
import logging

import wws


async def attend(operation: wws.Operation) -> bytes:
    operation.on_cancel(lambda reason: print(reason.name))
    if operation.cancelled or operation.action == "urn:no":
        raise wws.Fault("no", code=wws.FaultCode.SENDER)
    return operation.body


def serve(operation: wws.Operation) -> None:
    operation.set_reply(b"")


class Threads(wws.ThreadCallbacks):
    def started(self) -> None:
        print("a thread")


async def main() -> bytes:
    runtime = wws.Runtime(threads=Threads())
    runtime.set_log(wws.LogLevel.INFO, wws.log_to(logging.getLogger()))
    reply = b""
    async with wws.ServiceHost(runtime=runtime) as host, \
            wws.ServiceProxy(call_timeout_ms=5) as proxy:
        host.add_endpoint("http://127.0.0.1:0/", attend)
        host.add_endpoint("http://127.0.0.1:0/", serve)
        await host.open()
        await proxy.open(host.get_address(0))
        try:
            reply = await proxy.call("urn:a", b"", deadline=5.0)
        except wws.TimedOut as error:
            print(error.phase.name, error.progress.name)
        except wws.Error as error:
            print(error.status, error.fault.reason if error.fault else "")
    with wws.Message() as message, wws.Channel() as channel:
        text: "str | None" = message.get_header(wws.Header.TO)
        more: bool = channel.receive_sync(message)
        print(text, more)
    return reply


if __name__ == "__main__":
    asyncio.run(main())
