from collections.abc import Iterator

import pytest
from django.core.management import call_command
from pytest_django import DjangoDbBlocker

from tests.shared import made_for_a_file


@pytest.fixture
def content(db: None) -> None:
    """The clinic's own content, as a fresh installation has it."""
    call_command("load_content")


@pytest.fixture(scope="module")
def first_content(
    django_db_setup: None, django_db_blocker: DjangoDbBlocker
) -> Iterator[None]:
    with made_for_a_file(django_db_blocker, lambda: call_command("load_content")):
        yield


@pytest.fixture
def shared_content(first_content: None, db: None) -> None:
    """The same, made once for a file that says so."""
