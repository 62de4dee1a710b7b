"""The message worker as a process: several at once, killed, and without a database."""

import asyncio
import signal
import time
from collections import Counter
from collections.abc import Callable

import pytest
from aiosmtpd.smtp import SMTP, Envelope, Session

from tests import plugin
from tests.servers import MailServer, Site

OWE = """
from datetime import timedelta
from django.utils import timezone
from booking import clock
from tests import factories
now = clock.now()
visit_type = factories.a_practice(holds_first_choice=False)
today = timezone.localdate(now)
monday = today + timedelta(days=14 - today.weekday())
for _ in range({count}):
    factories.a_request(visit_type, factories.at("10:00", monday), now=now)
"""
LAPSE = """
from booking import clock
from booking.models import Message
Message.objects.owed().update(due_at=clock.now())
"""
OWED = """
from booking.models import Message
print(Message.objects.owed().count())
"""
UNDONE = """
from booking.models import Chore
print(Chore.objects.filter(finished_at=None).count())
"""


def run(office: Site, code: str) -> str:
    return office.manage("shell", "--verbosity=0", "-c", code).strip()


def soon(done: Callable[[], bool], seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_two_workers_send_sixty_messages_each_once(office: Site, smtp: MailServer):
    run(office, OWE.format(count=60))
    with office.worker(), office.worker():
        smtp.wait_for(60, seconds=60)
        time.sleep(2)  # for one too many
    ids = Counter(message["Message-ID"] for message in smtp.messages)
    assert (len(ids), set(ids.values())) == (60, {1})
    assert run(office, OWED) == "0"


def test_a_worker_killed_in_the_middle_sends_the_same_message_again(office: Site):
    class Hangs(MailServer):
        hanging = True

        async def handle_DATA(  # noqa: N802
            self, server: SMTP, session: Session, envelope: Envelope
        ) -> str:
            answer = await super().handle_DATA(server, session, envelope)
            if self.hanging:
                await asyncio.sleep(60)
            return answer

    server = Hangs()
    office.environment["EMAIL_URL"] = server.url
    run(office, OWE.format(count=1))
    worker = office.start("manage.py", "run_worker")
    server.wait_for(1)
    worker.send_signal(signal.SIGKILL)
    worker.wait()
    office.processes.remove(worker)
    assert run(office, OWED) == "1"

    server.hanging = False
    run(office, LAPSE)
    with office.worker():
        first, second = server.wait_for(2)
        soon(lambda: run(office, OWED) == "0")
    server.stop()
    assert [first[name] for name in ("Message-ID", "Date", "Subject")] == [
        second[name] for name in ("Message-ID", "Date", "Subject")
    ]


def test_a_worker_that_is_told_to_stop_finishes_what_it_has_in_hand(office: Site):
    class IsSlow(MailServer):
        async def handle_DATA(  # noqa: N802
            self, server: SMTP, session: Session, envelope: Envelope
        ) -> str:
            answer = await super().handle_DATA(server, session, envelope)
            await asyncio.sleep(2)
            return answer

    server = IsSlow()
    office.environment["EMAIL_URL"] = server.url
    run(office, OWE.format(count=2))
    worker = office.start("manage.py", "run_worker")
    server.wait_for(1)
    office.stop(worker)
    server.stop()
    assert len(server.messages) == 1
    assert run(office, OWED) == "1"


@pytest.mark.postgresql
def test_a_worker_outlives_a_restart_of_the_database(office: Site, smtp: MailServer):
    assert plugin.CLUSTER
    with office.worker():
        run(office, OWE.format(count=1))
        smtp.wait_for(1)
        # One that is broken off is written to the log at length.
        soon(lambda: run(office, UNDONE) == "0")
        plugin.CLUSTER.crash()
        soon(lambda: "The database is away" in office.log)
        plugin.CLUSTER.start()
        run(office, OWE.format(count=1).replace("a_practice(", "a_visit_type("))
        smtp.wait_for(2)
        soon(lambda: run(office, OWED) == "0")
