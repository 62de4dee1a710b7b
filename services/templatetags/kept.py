"""What is the same on page after page, rendered once."""

from collections.abc import Callable
from dataclasses import is_dataclass
from functools import cache
from operator import attrgetter
from typing import Any

from django import template
from django.db.models import Model
from django.template import Context, Node, NodeList
from django.template.base import FilterExpression, Parser, Token
from django.utils.functional import LazyObject, empty
from django.utils.safestring import SafeString
from django.utils.translation import get_language

register = template.Library()

# A part has one text for each language and each version of what it says.
MOST = 100


@register.tag
def kept(parser: Parser, token: Token) -> "Kept":
    """Render what is inside once for each language and all values that are named.

    Name everything that it uses. Nothing can be stale: values are compared, and
    instances of models and of frozen dataclasses field by field.
    """
    names = token.split_contents()[1:]
    inside = parser.parse(("endkept",))
    parser.delete_first_token()
    return Kept(inside, [parser.compile_filter(name) for name in names])


class Kept(Node):
    def __init__(self, nodelist: NodeList, uses: list[FilterExpression]) -> None:
        self.nodelist = nodelist
        self.uses = uses
        self.texts: dict[tuple[Any, ...], SafeString] = {}

    def render(self, context: Context) -> SafeString:
        values = (_value(name.resolve(context)) for name in self.uses)
        key = (get_language(), *values)
        text = self.texts.get(key)
        if text is None:
            text = self.nodelist.render(context)
            if len(self.texts) >= MOST:
                self.texts.clear()
            self.texts[key] = text
        return text


def _value(found: Any) -> Any:
    """Return what two values that look the same have in common."""
    if isinstance(found, LazyObject):
        found = _made(found)
    if type(found) is str:  # mostly
        return found
    if isinstance(found, Model):
        model = type(found)
        # Which texts are marked as English is no field, and may change alone.
        return model, _stored(model)(found), getattr(found, "left_english", None)
    if isinstance(found, list | tuple):
        return tuple(map(_value, found))
    if is_dataclass(found):  # frozen, or it cannot be kept
        return found
    return str(found)


def _made(lazy: Any) -> Any:
    """Return what it stands for, which says all it has several times as fast."""
    if lazy._wrapped is empty:
        lazy._setup()
    return lazy._wrapped


@cache
def _stored(model: type[Model]) -> Callable[[Model], tuple[Any, ...]]:
    """Return what gives all stored values of a row of the model in one go."""
    return attrgetter(*[field.attname for field in model._meta.concrete_fields])
