"""Text that only this site can read: answers, contact details, message bodies.

What is encrypted looks different each time. To find a row by it all the same, a keyed
digest stands beside it (`digests`): equal text has equal digests, and that is all that
they tell to whoever has the database and not FIELD_KEYS.
"""

import hmac
import json
from collections.abc import Callable
from functools import lru_cache
from hashlib import sha256
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


@lru_cache(maxsize=32)
def _index_key(index: str, key: str) -> bytes:
    """Return the key of one index: no other index, and no ciphertext, has the same."""
    return hmac.digest(key.encode(), f"blind index {index}".encode(), "sha256")


def digests(index: str, text: str) -> list[str]:
    """Return the keyed digest of a text under each of FIELD_KEYS, newest first.

    Equal text has equal digests, in one index; "" has none. A row has that of the first
    key when it was saved, like the ciphertext beside it, so look for any of them.
    """
    if not text:
        return []
    keys = (_index_key(index, key) for key in settings.FIELD_KEYS)
    return [hmac.new(key, text.encode(), sha256).hexdigest()[:32] for key in keys]


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


class DerivedField(TextField):
    """Text that is made from other fields of the row whenever the row is saved.

    Migrations know it as plain text: what it is made of is the model's.
    """

    def __init__(self, make: Callable[[Any], str], **kwargs: Any) -> None:
        self.make = make
        super().__init__(editable=False, default="", **kwargs)

    def right_for(self, row: models.Model) -> list[str]:
        """Return what may stand here; the first is what is written now."""
        return [self.make(row)]

    def pre_save(self, model_instance: models.Model, add: bool) -> str:
        text = self.right_for(model_instance)[0]
        setattr(model_instance, self.attname, text)
        return text

    def deconstruct(self) -> Any:
        name, _path, args, kwargs = super().deconstruct()
        return name, "django.db.models.TextField", args, kwargs

    def clone(self) -> "DerivedField":
        return type(self)(self.make)


class BlindIndexField(DerivedField):
    """The digest by which a row is found, whose text is encrypted; see `digests`."""

    def right_for(self, row: models.Model) -> list[str]:
        return digests(self.name, self.make(row)) or [""]
