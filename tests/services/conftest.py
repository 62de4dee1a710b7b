import pytest
from django.core.management import call_command


@pytest.fixture
def content(db: None) -> None:
    """The clinic's own content, as a fresh installation has it."""
    call_command("load_content")
