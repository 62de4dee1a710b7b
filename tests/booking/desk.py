"""Somebody of the staff at the pages of the admin."""

import html
import re
from base64 import b32decode
from datetime import datetime
from io import StringIO
from typing import Any

from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.totp import TOTP
from django.contrib.auth.models import Group, User
from django.contrib.messages import get_messages
from django.core.management import call_command
from django.http import HttpResponse
from django.urls import reverse

from booking.models import Appointment
from tests.factories import patient_details


def a_colleague(group: str = "Front desk", **values: Any) -> User:
    """Make an account of one of the groups, or of none; by default Ana's."""
    if not Group.objects.exists():
        call_command("load_groups", stdout=StringIO())
    defaults = {"username": "ana", "first_name": "Ana", "last_name": "Demo"}
    user = User.objects.create_user(is_staff=True, **defaults | values)
    if group:
        user.groups.add(Group.objects.get(name=group))
    return user


def named(name: str) -> dict[str, Any]:
    """Return the details of a patient with that family name."""
    return patient_details(family_name=name)


def address(act: str, visit: Appointment) -> str:
    return reverse(f"admin:booking_appointment_{act}", args=[visit.pk])


def said(response: HttpResponse) -> list[str]:
    """Return what the page says was done, each as one line."""
    found = get_messages(response.wsgi_request)
    return [" ".join(str(message).split()) for message in found]


def text_of(response: HttpResponse) -> str:
    """Return the words of a page, as one line."""
    body = re.sub(r"(?s)<(script|style).*?</\1>", "", response.content.decode())
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", body)).split())


def code_of(secret: str, at: datetime) -> str:
    """Return what an app on the phone shows at that moment."""
    totp = TOTP(b32decode(secret), 6, SHA1(), 30)  # noqa: S303 -- as apps have it
    return totp.generate(int(at.timestamp())).decode()
