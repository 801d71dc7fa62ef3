"""A crowd of clients in a process of its own: `python -m tests.journeys.load URL CLIENTS SECONDS` or `… idle URL COUNT`."""

import asyncio
import json
import resource
import sys
import time

import uvloop

from tests.journeys.scene import USER, Connection

ARRIVING = 0.25
"""Of the time of a crowd's statements, so much passes until all are submitted: thousands in one moment would only show
how slow simulated clusters are.
"""


async def crowd(url: str, clients: int, seconds: float) -> dict[str, object]:
    """Each client runs one slow statement and polls it to its end: counts of statuses, and how long polls took."""
    statuses: dict[int, int] = {}
    took: list[float] = []

    async def client(number: int) -> None:
        await asyncio.sleep(number / clients * ARRIVING * seconds)
        async with await Connection.to(url) as connection:
            sql = f"SELECT 1 /* simulate: seconds={seconds} */"
            answered = await connection.ask("POST", "/v1/statement", sql, USER)
            while True:
                statuses[answered.status] = statuses.get(answered.status, 0) + 1
                following = answered.json().get("nextUri") if answered.status == 200 else None
                if following is None:
                    return
                began = time.monotonic()
                answered = await connection.ask("GET", "/" + following.split("/", 3)[3])
                took.append(time.monotonic() - began)

    await asyncio.gather(*(client(number) for number in range(clients)))
    took.sort()
    return {"statuses": statuses, "polls": len(took), "p99": took[int(len(took) * 0.99)]}


async def idle(url: str, count: int) -> dict[str, object]:
    """Open so many connections, use each once, keep them until a line comes on standard input, use each again."""
    connections = [await Connection.to(url) for _ in range(count)]
    first = [(await each.ask("GET", "/trino-gateway/livez")).status for each in connections]
    sys.stdout.write("open\n")
    sys.stdout.flush()
    await asyncio.to_thread(sys.stdin.readline)
    again = [(await each.ask("GET", "/trino-gateway/livez")).status for each in connections]
    for each in connections:
        await each.close()
    return {"first": first.count(200), "again": again.count(200)}


def main() -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    match sys.argv[1:]:
        case ["idle", url, count]:
            result = uvloop.run(idle(url, int(count)))
        case [url, clients, seconds]:
            result = uvloop.run(crowd(url, int(clients), float(seconds)))
        case _:
            sys.exit(__doc__)
    sys.stdout.write(json.dumps(result) + "\n")


if __name__ == "__main__":
    main()
