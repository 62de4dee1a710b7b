import pytest

# What people do asserts too, and should say what it found.
pytest.register_assert_rewrite(f"{__name__}.steps")
