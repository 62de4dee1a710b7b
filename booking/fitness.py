"""Whether the clinic is ready for patients: what is missing, untested or stale."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.conf import settings
from django.utils.timesince import timesince
from django.utils.translation import gettext as _

from services.models import Clinic, Clinician, Page, Service

from .models import Message, Practice, VisitType
from .words import local

# So many days ahead, each kind of visit should have a free time.
AHEAD = timedelta(days=30)
STALE = timedelta(days=365)


@dataclass(frozen=True, slots=True)
class Gap:
    """Something to do: a code that stays the same, and a sentence that says what."""

    code: str
    sentence: str

    def __str__(self) -> str:
        return f"{self.code}: {self.sentence}"


def gaps(now: datetime) -> list[Gap]:
    """Return all that is not as patients need it, what hinders them most first.

    One look at free times for each kind of visit, else a constant number of queries.
    """
    return [Gap(*found) for look in _LOOKS for found in look(now)]


Found = Iterator[tuple[str, str]]


def _clinic(now: datetime) -> Found:
    clinic = Clinic.objects.prefetch_related("opening_hours").first()
    if clinic is None:
        yield "no_clinic", _("There is no clinic yet. Run manage.py load_content.")
        return
    if not clinic.phone:
        yield "no_phone", _("The clinic has no phone number: patients cannot call.")
    if not clinic.opening_hours.all():
        yield (
            "no_opening_hours",
            _("It is not said when the phone is answered. Add the opening hours."),
        )
    if not settings.DEBUG:
        demo = [clinic.name] if clinic.is_demo else []
        demo += Clinician.objects.filter(is_demo=True).values_list("name", flat=True)
        for name in demo:
            yield "demo", _("%(name)s is demo data.") % {"name": name}


def _free_times(now: datetime) -> Found:
    practice = Practice.read()
    today = local(now).date()
    bookable = [one for one in practice.visit_types if one.is_bookable]
    for service in Service.objects.published():
        if all(one.service_id != service.pk for one in bookable):
            yield (
                "not_bookable",
                _("%(service)s: no kind of visit can be booked.")
                % {"service": service.name},
            )
    for visit_type in bookable:
        if not visit_type.by_phone_only and not _has_time(
            visit_type, today, now, practice
        ):
            yield (
                "no_times",
                _("%(visit)s: no time is free within 30 days.") % {"visit": visit_type},
            )


def _has_time(
    visit_type: VisitType, today: date, now: datetime, practice: Practice
) -> bool:
    """Look a week at a time: mostly the first has one."""
    for week in range(0, AHEAD.days, 7):
        first = today + timedelta(days=week)
        last = min(first + timedelta(days=6), today + AHEAD)
        days = visit_type.availability(
            first, last, now=now, has_referral=True, practice=practice
        )
        if any(day.slots for day in days):
            return True
    return False


def _hours(now: datetime) -> Found:
    today, practice = local(now).date(), Practice.read()
    for resource in practice.resources:
        hours = practice.weekly(resource)
        if hours is not None and not any(
            (row.valid_from or today) <= today + AHEAD
            and (row.valid_until or today) >= today
            for row in hours
        ):
            yield (
                "no_hours",
                _("%(name)s has no hours within 30 days.") % {"name": resource.name},
            )


def _texts(now: datetime) -> Found:
    for service in Service.objects.published().filter(preparation=""):
        yield (
            "no_preparation",
            _("%(service)s: it is not said how to get ready.")
            % {"service": service.name},
        )
    for model in (Service, Page):
        old = model._default_manager.filter(
            is_published=True, updated_at__lt=now - STALE
        )
        for row in old:
            yield (
                "stale",
                _("%(page)s was last changed %(age)s ago. Read it again.")
                % {"page": row, "age": timesince(row.updated_at, now, depth=1)},
            )


def _mail(now: datetime) -> Found:
    if not Message.objects.filter(
        channel=Message.Channel.EMAIL, sent_at__isnull=False
    ).exists():
        yield (
            "mail_untested",
            _("No mail has been sent yet. Ask for a visit yourself, and see it come."),
        )


_LOOKS = (_clinic, _hours, _free_times, _mail, _texts)
