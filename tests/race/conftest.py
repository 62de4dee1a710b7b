"""What the races share."""

import re
from collections.abc import Iterator

import pytest

from tests.servers import Site, running_site

from . import scenes
from .crew import PROCESSES, Crew, new_database, running_crew
from .visitors import Colleague, Person

# How gunicorn logs an answer that is its own fault: status, then the size.
FAILED = re.compile(r"^\w+ \S+ 5\d\d \S+B \S+ms$", re.M)


@pytest.fixture(scope="module")
def crew() -> Iterator[Crew]:
    """Give clients on a database that the races of one file share."""
    with new_database() as url, running_crew(PROCESSES, url) as crew:
        yield crew


@pytest.fixture
def no_faults_afterwards(crew: Crew) -> Iterator[None]:
    """Check all that the races of one file have written so far."""
    yield
    assert crew.do(scenes.faults) == []


# --- Over HTTP -------------------------------------------------------------------


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    """Give a site that the races of one file share."""
    # Patients have addresses of their own here, as behind a proxy.
    with running_site(TRUSTED_PROXIES="1") as site:
        yield site


@pytest.fixture(scope="module")
def insider(site: Site) -> Iterator[Crew]:
    """Give a client who works on the site's own database."""
    with running_crew(1, site.environment["DATABASE_URL"]) as insider:
        yield insider


@pytest.fixture(scope="module")
def desk(site: Site, insider: Crew) -> list[Colleague]:
    """Give two colleagues at the front desk, signed in."""
    return [Colleague(site.url, insider.do(scenes.desk_account)) for _ in range(2)]


@pytest.fixture(scope="module")
def manager(site: Site, insider: Crew) -> Person:
    """Give somebody who may do everything in the admin, signed in."""
    return Colleague(site.url, insider.do(scenes.superuser))


@pytest.fixture
def site_is_sound_afterwards(site: Site) -> Iterator[None]:
    """Check all that is written, and that nobody was answered with a failure of ours.

    Being busy for too long is such a failure: 503.
    """
    yield
    assert "No faults." in site.manage("integrity_check")
    assert FAILED.findall(site.log) == []
    assert "Traceback" not in site.log
