import asyncio
import errno
import socket
from collections.abc import Iterator

import pytest

from warren.doors import Doors, Listening, Serve
from warren.process import open_port

PATIENCE = 5.0


@pytest.fixture
def sockets() -> Iterator[dict[int, tuple[Listening, ...]]]:
    """Of two slots, on two ports each."""
    ports = [open_port("127.0.0.1", 0, 2, key="k") for _ in range(2)]
    yield {slot: tuple(Listening(port[slot - 1], False) for port in ports) for slot in (1, 2)}
    for each in (each for port in ports for each in port):
        each.close()


def port_of(listening: Listening) -> int:
    port: int = listening.socket.getsockname()[1]
    return port


class Greeter(asyncio.Protocol):
    """Says its name to everybody who connects."""

    def __init__(self, name: bytes) -> None:
        self._name = name

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert hasattr(transport, "write")
        transport.write(self._name)
        transport.close()


def greeting(name: bytes) -> Serve:
    async def serve(listening: Listening) -> asyncio.Server:
        return await asyncio.get_running_loop().create_server(lambda: Greeter(name), sock=listening.socket)

    return serve


async def open_as(name: bytes, doors: Doors) -> None:
    await doors.open(greeting(name))


def copy(slots: dict[int, tuple[Listening, ...]]) -> dict[int, tuple[Listening, ...]]:
    """As another process has them."""
    return {slot: tuple(Listening(each.socket.dup(), each.secure) for each in found) for slot, found in slots.items()}


async def crowd(port: int, count: int = 30) -> list[socket.socket]:
    """So many clients that some are in the queue of every slot."""
    found = []
    for _ in range(count):
        client = socket.socket()
        client.setblocking(False)
        await asyncio.get_running_loop().sock_connect(client, ("127.0.0.1", port))
        found.append(client)
    return found


async def told(clients: list[socket.socket]) -> set[bytes]:
    """What they hear, once each of them was greeted."""
    heard = set()
    async with asyncio.timeout(PATIENCE):
        for client in clients:
            with client:
                heard.add(await asyncio.get_running_loop().sock_recv(client, 10))
    return heard


async def test_one_alone_takes_from_its_own_sockets_until_it_closes() -> None:
    listening = Listening(open_port("127.0.0.1", 0, 1, key="k")[0], False)
    doors = Doors.alone((listening,))
    port = port_of(listening)
    await open_as(b"me", doors)
    assert doors.are_open
    assert await told(await crowd(port)) == {b"me"}
    doors.close()
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection("127.0.0.1", port)


async def test_those_in_the_queue_of_a_slot_without_worker_are_taken_by_a_neighbour(
    sockets: dict[int, tuple[Listening, ...]],
) -> None:
    one = Doors(copy(sockets), own=1, opened=())
    await open_as(b"one", one)
    for listening in sockets[1]:
        waiting = await crowd(port_of(listening))
        await one.take_from((1,))
        await one.take_from((1, 2))
        assert await told(waiting) == {b"one"}
        await one.take_from(())
    one.close()


async def test_a_slot_is_handed_over_without_losing_anybody(sockets: dict[int, tuple[Listening, ...]]) -> None:
    one, two = (Doors(copy(sockets), own=slot, opened=()) for slot in (1, 2))
    await open_as(b"one", one)
    await open_as(b"two", two)
    await one.take_from((1, 2))
    port = port_of(sockets[1][0])
    heard: set[bytes] = set()
    for taking in ((1, 2), (1,)) * 10:
        waiting = await crowd(port, 10)
        await two.take_from((2,) if taking == (1,) else ())
        await one.take_from(taking)
        heard |= await told(waiting)
    assert heard == {b"one", b"two"}
    one.close()
    two.close()


async def test_a_wish_from_before_it_opens_is_kept_and_after_the_end_there_are_none(
    sockets: dict[int, tuple[Listening, ...]],
) -> None:
    doors = Doors(copy(sockets), own=1, opened=())
    await doors.take_from((2, 1))
    await open_as(b"me", doors)
    assert await told(await crowd(port_of(sockets[1][0]))) == {b"me"}
    doors.close()
    await doors.take_from((1,))
    with pytest.raises(OSError, match="Bad file descriptor"):
        doors.own[0].socket.getsockname()


async def test_what_the_system_refuses_can_be_tried_again(sockets: dict[int, tuple[Listening, ...]]) -> None:
    doors = Doors(copy(sockets), own=1, opened=())
    refusals = [False, True]

    async def serve(listening: Listening) -> asyncio.Server:
        if refusals and refusals.pop(0):
            raise OSError(errno.EMFILE, "Too many open files")
        return await greeting(b"me")(listening)

    await doors.open(serve)
    waiting = await crowd(port_of(sockets[1][1]))
    with pytest.raises(OSError, match="Too many open files"):
        await doors.take_from((1, 2))
    await doors.take_from((1, 2))
    assert await told(waiting) == {b"me"}
    doors.close()
