from typing import Any

from django.contrib import admin
from django.utils.translation import gettext_lazy as _

from booking import clock
from booking.messages import in_words
from booking.models import Message
from booking.words import phone
from services.list_filters import OnlyRead

from .long_lists import LongList
from .words import state, text


@admin.register(Message)
class MessageAdmin(OnlyRead, LongList):
    """What was said to patients and what became of it: to read, never to change."""

    list_display = ["kind", "appointment", "channel", "created_at", "state"]
    list_filter = ["kind", "channel"]
    list_select_related = ["appointment", "called_by"]
    fields = [
        "appointment", "kind", "channel", "said_to", "subject", "said", "state",
        "created_at", "attempts", "last_error",
    ]  # fmt: skip
    ordering = ["-pk"]

    def get_object(self, *args: Any, **kwargs: Any) -> Message | None:
        message = super().get_object(*args, **kwargs)
        return in_words(message) if isinstance(message, Message) else None

    @admin.display(description=_("recipient"))
    def said_to(self, message: Message) -> str:
        return phone(message.recipient)

    @admin.display(description=_("text"))
    def said(self, message: Message) -> str:
        return text(message)

    @admin.display(description=_("state"))
    def state(self, message: Message) -> str:
        return state(message, clock.now())
