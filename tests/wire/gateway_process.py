"""The gateway of a stage as a process of its own: `python -m tests.wire.gateway_process CLUSTER_PORT DESCRIPTORS`.

It prints its port, then serves until it is ended.
"""

import asyncio
import resource
import sys

import uvloop

from tests.wire.stage import Script, make_upstream
from warren.tasks import Tasks
from warren.wire.body import Budget
from warren.wire.inbound import ClientConnection
from warren.wire.serving import Serving, ServingLimits
from warren.wire.syntax.forwarded import Forwarding
from warren.wire.ticker import Ticker


async def serve(cluster_port: int) -> None:
    async with asyncio.TaskGroup() as group:
        ticker = Ticker()
        upstream = make_upstream(ticker, port=cluster_port)
        ticker.watch(upstream.tick)
        serving = Serving(
            Script(lambda exchange: exchange.forward_to(upstream, 25.0), remembers=False),
            limits=ServingLimits(),
            forwarding=Forwarding(pseudonym=b"warren-1"),
            budget=Budget(1 << 20),
            ticker=ticker,
            tasks=Tasks(group),
        )
        group.create_task(ticker.run())
        server = await asyncio.get_running_loop().create_server(
            lambda: ClientConnection(serving), "127.0.0.1", 0, backlog=1024
        )
        sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
        sys.stdout.flush()
        await server.serve_forever()


if __name__ == "__main__":
    descriptors = int(sys.argv[2])
    resource.setrlimit(resource.RLIMIT_NOFILE, (descriptors, descriptors))
    uvloop.run(serve(int(sys.argv[1])))
