import pytest

from warren.errors import Problem
from warren.supervisor.words import Leave, Orders, Report, Seen, Standing

REPORTS = [
    Report(Standing.READY, "0123abcd.sock"),
    Report(Standing.STARTING, problems=(Problem("a.b", 3, "x\n", "write y"), Problem("", None, "", "é"))),
]
ORDERS = [
    Orders(),
    Orders((1, 3), Leave.POLITELY, (Seen(1, 17, "0123abcd.sock", ""), Seen(2, 0, "", "it is starting"))),
]


@pytest.mark.parametrize("report", REPORTS)
def test_a_report_arrives_as_it_was_said(report: Report) -> None:
    assert report.line().count(b"\n") == 1
    assert Report.read(report.line()) == report


@pytest.mark.parametrize("orders", ORDERS)
def test_orders_arrive_as_they_were_given(orders: Orders) -> None:
    assert orders.line().count(b"\n") == 1
    assert Orders.read(orders.line()) == orders
