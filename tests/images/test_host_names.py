"""Looking names up with a bounded number of threads, and own addresses."""

import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import closing
from ipaddress import ip_address

import pytest

from app.domain.errors import PictureRefused
from app.images import addresses, fetch
from app.images.addresses import AddressPolicy
from app.images.deadline import Deadline
from app.images.fetch import PictureFetcher, Terms
from app.images.host_names import MOST, MOST_EACH, HostNames
from app.images.own_addresses import is_own, leads_back

WAITED = 60.0
"""Seconds at most for what should happen at once."""


class SlowResolver:
    """Answers when the test says so."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.may_answer = threading.Event()

    def __call__(self, host: str, port: int) -> list[str]:
        self.asked.append(host)
        self.may_answer.wait(WAITED)
        return ["127.0.0.1"]


@pytest.fixture
def slow() -> Iterator[SlowResolver]:
    resolver = SlowResolver()
    yield resolver
    resolver.may_answer.set()


def lookups() -> int:
    return sum(thread.name.startswith("resolve ") for thread in threading.enumerate())


def test_slow_names_take_no_more_threads_than_may_be(slow: SlowResolver) -> None:
    names, before = HostNames(slow), lookups()
    with ThreadPoolExecutor(100) as threads:
        asking = [
            threads.submit(names.resolve, f"{n}.test", 80, Deadline(0.3), owner)
            for owner in ("a", "b")
            for n in range(100)
        ]
        assert all(isinstance(each.exception(WAITED), TimeoutError) for each in asking)
    # Abandoned, and still counted.
    assert lookups() - before == len(slow.asked) == MOST
    with pytest.raises(TimeoutError):
        names.resolve("one more.test", 80, Deadline(0.05))
    slow.may_answer.set()
    assert names.resolve("one more.test", 80, Deadline(WAITED)) == ["127.0.0.1"]


def test_one_account_leaves_lookups_to_others(slow: SlowResolver) -> None:
    names = HostNames(slow)
    with ThreadPoolExecutor(MOST) as threads:
        asking = [threads.submit(names.resolve, f"{n}.test", 80, Deadline(0.2), "a") for n in range(MOST)]
        wait(asking)
        assert len(slow.asked) == MOST_EACH
        other = threads.submit(names.resolve, "other.test", 80, Deadline(WAITED), "b")
        slow.may_answer.set()
        assert other.result(WAITED) == ["127.0.0.1"]


def test_the_same_name_is_asked_for_once(slow: SlowResolver) -> None:
    names = HostNames(slow)
    with ThreadPoolExecutor(16) as threads:
        asking = [threads.submit(names.resolve, "same.test", 80, Deadline(WAITED)) for _ in range(16)]
        assert not wait(asking, 0.2).done
        slow.may_answer.set()
        assert [each.result(WAITED) for each in asking] == [["127.0.0.1"]] * 16
    assert slow.asked == ["same.test"]


def test_who_stops_waiting_stops_at_once(slow: SlowResolver) -> None:
    deadline = Deadline(WAITED)
    with ThreadPoolExecutor(1) as threads:
        asking = threads.submit(HostNames(slow).resolve, "slow.test", 80, Deadline(WAITED, within=deadline))
        deadline.end()
        assert isinstance(asking.exception(5), TimeoutError)


def test_a_connection_that_is_read_from_is_broken_off() -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as listener, ThreadPoolExecutor(1) as threads:
        fetcher, deadline = PictureFetcher(["127.0.0.1"], WAITED, 1000), Deadline(WAITED)
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/"
        fetching = threads.submit(fetcher.fetch, url, Terms(within=deadline))
        silent, _ = listener.accept()
        with silent:
            assert silent.recv(1000)
            deadline.end()
            assert isinstance(fetching.exception(5), PictureRefused)
        fetcher.close()


@pytest.mark.parametrize("text", ["127.0.0.1", "127.8.9.10"])
def test_own_addresses(text: str) -> None:
    assert is_own(ip_address(text))


@pytest.mark.parametrize("text", ["1.1.1.1", "192.0.2.1", "2606:4700:4700::1111"])
def test_addresses_of_others(text: str) -> None:
    assert not is_own(ip_address(text))


def test_the_address_that_packets_leave_from_is_an_own_one() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
        except OSError:
            pytest.skip("no network")
        assert is_own(ip_address(probe.getsockname()[0]))


def test_a_public_address_of_this_machine_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """As there is none here, the loopback address is said to be public."""
    monkeypatch.setattr(addresses, "is_public", lambda address: True)
    for text in ("127.0.0.1", "::ffff:127.0.0.1", "64:ff9b::127.0.0.1"):
        assert not AddressPolicy([]).permits("own.test", ip_address(text))
        assert AddressPolicy(["own.test"]).permits("own.test", ip_address(text))
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        port = listener.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port)) as connected:
            assert leads_back(connected)
        # Where binding tells nothing the connection itself does.
        monkeypatch.setattr(addresses, "is_own", lambda address: False)
        with pytest.raises(PictureRefused, match="no public address"):
            PictureFetcher([], 5, 1000).fetch(f"http://127.0.0.1:{port}/")


def test_ports(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetch, "connected", None)
    fetcher = PictureFetcher(["127.0.0.1"], 5, 1000, ports={80, 443})
    for port in (22, 79, 81, 5432, 6379, 8080, 65535):
        for scheme in ("http", "https"):
            with pytest.raises(PictureRefused, match=f"port {port}.*LOOKALIKE_URL_PORTS"):
                fetcher.fetch(f"{scheme}://127.0.0.1:{port}/")
