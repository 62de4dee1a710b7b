"""Text that only this site can read: answers, contact details, message bodies."""

import json
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings
from django.db import models

PREFIX = "enc1:"


class Unreadable(Exception):
    """A stored value cannot be decrypted with any of FIELD_KEYS."""


@lru_cache(maxsize=4)
def _box(keys: tuple[str, ...]) -> MultiFernet:
    return MultiFernet([Fernet(key) for key in keys])


def encrypt(text: str) -> str:
    """Return `text` encrypted with the first of FIELD_KEYS."""
    token = _box(tuple(settings.FIELD_KEYS)).encrypt(text.encode())
    return PREFIX + token.decode()


def decrypt(text: str) -> str:
    """Return what `encrypt` was given.

    Raises Unreadable when no key fits: wrong data is never shown as if it were right.
    """
    try:
        if not text.startswith(PREFIX):
            raise InvalidToken
        token = text.removeprefix(PREFIX)
        return _box(tuple(settings.FIELD_KEYS)).decrypt(token).decode()
    except InvalidToken:
        raise Unreadable("No key in FIELD_KEYS opens this value.") from None


if TYPE_CHECKING:  # Fields are generic for the type checker only.
    TextField = models.TextField[Any, Any]
else:
    TextField = models.TextField


class EncryptedTextField(TextField):
    """A text column that holds ciphertext: it can be tested for null, not searched."""

    def get_prep_value(self, value: Any) -> Any:
        value = super().get_prep_value(value)
        return encrypt(value) if value else value

    def from_db_value(self, value: Any, expression: Any, connection: Any) -> Any:
        return decrypt(value) if value else value

    def get_lookup(self, lookup_name: str) -> Any:
        if lookup_name != "isnull":
            raise TypeError(f"{self.name} is encrypted and cannot be looked up.")
        return super().get_lookup(lookup_name)


class EncryptedJSONField(EncryptedTextField):
    """A dict that is stored as encrypted JSON."""

    _pyi_private_set_type: Any
    _pyi_private_get_type: Any

    def get_prep_value(self, value: Any) -> Any:
        return encrypt(json.dumps(value)) if value else ""

    def from_db_value(self, value: Any, expression: Any, connection: Any) -> Any:
        return json.loads(decrypt(value)) if value else {}

    def to_python(self, value: Any) -> Any:
        return json.loads(value) if isinstance(value, str) and value else value or {}
