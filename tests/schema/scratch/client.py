"""Uses what the scratch schema adds, and stops what waits."""
import asyncio
import sys

import wws


async def main(url):
    with wws.ServiceProxy() as proxy:
        print(proxy.try_luck(0)[0])
    async with wws.ServiceProxy(lucky_number=35) as proxy:
        number, state = proxy.try_luck(7)
        lucky = state is wws.ServiceProxyState.LUCKY
        print(number, "lucky" if lucky else "unlucky", flush=True)
        await proxy.open(url)
        task = asyncio.create_task(proxy.ask("urn:scratch/Ask"))
        await asyncio.to_thread(sys.stdin.readline)
        task.cancel()
        try:
            await task
            print("not cancelled")
        except asyncio.CancelledError:
            print("cancelled")


asyncio.run(main(sys.argv[-1]))
