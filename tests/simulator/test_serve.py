"""The simulator as a process."""

import http.client
import importlib.util
import json
import signal
import subprocess
import sys

import pytest

from warren.simulator import serve

PROGRAM = "from warren.simulator.serve import serve; serve(port=0, coordinator_id='abcde')"


@pytest.mark.slow
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_it_says_where_it_listens_and_stops_when_told(how: signal.Signals) -> None:
    with subprocess.Popen([sys.executable, "-c", PROGRAM], stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout
            line = process.stdout.readline()
            address = line.rsplit("http://", 1)[1].strip()
            connection = http.client.HTTPConnection(address, timeout=10)
            connection.request("GET", "/v1/info")
            info = json.loads(connection.getresponse().read())
            connection.close()
            process.send_signal(how)
            ended = process.wait(10)
        finally:
            process.kill()

    assert line.startswith("simulated Trino coordinator abcde at http://127.0.0.1:")
    assert info["coordinatorId"] == "abcde"
    assert ended == 0


def test_a_missing_library_is_named_with_its_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    found = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "duckdb" else found(name))

    with pytest.raises(serve.MissingLibraries, match=r"needs duckdb: pip install warren\[demo\]"):
        serve.serve(port=0)
