"""Whether the clinic is ready for patients: what is missing, untested or stale."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import reduce
from operator import or_

from django.conf import settings
from django.db.models import Q
from django.urls import reverse
from django.utils.formats import date_format
from django.utils.timesince import timesince
from django.utils.translation import gettext as _

from services.astray import Site
from services.languages import english_name
from services.models import (
    Clinic,
    Clinician,
    Draft,
    Page,
    Service,
    Translated,
    Translation,
)
from services.translation import Key, Standing, rows_to_translate, standing
from services.versions import EMERGENCY, OF_REVIEWER

from .models import Message, Practice, Schedule, VisitType
from .models.chore import GRACE
from .words import local, moment

# So many days ahead, each kind of visit should have a free time.
AHEAD = timedelta(days=30)
STALE = timedelta(days=365)
# A draft that nobody approved or published by then may have been forgotten.
LONG = timedelta(days=3)
# What a page says of a text that only the clinic has.
TO_COME = "not on this website yet"
# So many of a long list are named.
NAMED = 5


@dataclass(frozen=True, slots=True)
class Gap:
    """Something to do: a code that stays the same, and a sentence that says what.

    `there` is the address of the page in the admin where it is done, if there is one.
    """

    code: str
    sentence: str
    there: str = ""

    def __str__(self) -> str:
        return f"{self.code}: {self.sentence}"


def gaps(now: datetime) -> list[Gap]:
    """Return all that is not as patients need it, what hinders them most first.

    A constant number of queries, and two for each week of those 30 days in which any
    kind of visit has no time yet.
    """
    return [Gap(*found) for look in _LOOKS for found in look(now)]


Found = Iterator[tuple[str, ...]]


def _form_of(clinic: Clinic) -> str:
    return reverse("admin:services_clinic_change", args=[clinic.pk])


def _versions(kind: str, pk: int) -> str:
    return reverse(f"admin:services_{kind}_versions", args=[pk])


def _clinic(now: datetime) -> Found:
    clinic = Clinic.objects.prefetch_related("opening_hours").first()
    if clinic is None:
        yield "no_clinic", _("There is no clinic yet. Run manage.py load_content.")
        return
    if not clinic.phone:
        yield (
            "no_phone",
            _("The clinic has no phone number: patients cannot call."),
            _form_of(clinic),
        )
    if not clinic.opening_hours.all():
        yield (
            "no_opening_hours",
            _("It is not said when the phone is answered. Add the opening hours."),
            _form_of(clinic),
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
    online = [one for one in bookable if not one.by_phone_only]
    for visit_type in _without_times(online, today, now, practice):
        yield (
            "no_times",
            _("%(visit)s: no time is free within 30 days.") % {"visit": visit_type},
        )


def _without_times(
    visit_types: list[VisitType], today: date, now: datetime, practice: Practice
) -> list[VisitType]:
    """Look a week at a time, for all that have none yet: mostly the first has one."""
    left = visit_types
    for week in range(0, AHEAD.days, 7):
        if not left:
            break
        first = today + timedelta(days=week)
        last = min(first + timedelta(days=6), today + AHEAD)
        schedule = Schedule.read(first, last, now=now, practice=practice)
        left = [
            one
            for one in left
            if not any(
                day.slots
                for day in one.availability(
                    first, last, now=now, has_referral=True, schedule=schedule
                )
            )
        ]
    return left


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
    clinic = Clinic.objects.first()
    if clinic and not clinic.getting_here:
        yield (
            "no_way",
            _(
                "It is not said how to get here. Write down the subway, the bus, "
                "the door and the floor."
            ),
            _form_of(clinic),
        )
    if clinic and not clinic.step_free_access:
        yield (
            "no_step_free_access",
            _(
                "It is not said if there is a way in without steps. "
                "Write down how it goes, or that there is none."
            ),
            _form_of(clinic),
        )
    for page in Page.objects.published().filter(body__contains=TO_COME):
        yield (
            "text_to_come",
            _(
                "%(page)s: it tells patients that something is not on this website yet."
                " Put it there, and take the sentence out."
            )
            % {"page": page},
            _versions("page", page.pk),
        )
    for service in Service.objects.published().filter(preparation=""):
        yield (
            "no_preparation",
            _("%(service)s: it is not said how to get ready.")
            % {"service": service.name},
            _versions("service", service.pk),
        )


def _reviews(now: datetime) -> Found:
    """Name pages that nobody qualified has read, or not for long enough."""
    unsigned = reduce(or_, (Q(**{name: ""}) for name in OF_REVIEWER))
    for care in (
        *Service.objects.published().filter(unsigned),
        *Page.objects.published().filter(unsigned, slug=EMERGENCY),
    ):
        yield (
            "not_reviewed",
            _("%(service)s: nobody qualified is named who has read the page.")
            % {"service": care},
            _versions(care.content_kind(), care.pk),
        )
    for model in (Service, Page):
        due = model._default_manager.filter(
            is_published=True, next_review__lt=local(now).date()
        )
        for row in due:
            day = date_format(row.next_review, "F j, Y")  # type: ignore[arg-type]  # see above
            sentence = _(
                "%(page)s was to be read again by %(day)s. Read last by: %(who)s."
            )
            who = row.reviewer or _("nobody who is named")
            said = {"page": row, "day": day, "who": who}
            yield "review_due", sentence % said, _versions(row.content_kind(), row.pk)
        old = model._default_manager.filter(
            is_published=True, updated_at__lt=now - STALE
        )
        for row in old:
            yield (
                "stale",
                _("%(page)s was last changed %(age)s ago. Read it again.")
                % {"page": row, "age": timesince(row.updated_at, now, depth=1)},
                _versions(row.content_kind(), row.pk),
            )


def _drafts(now: datetime) -> Found:
    """Name what patients were to read by now, and what waits to be read by somebody."""
    long_ago = Q(publish_at=None, at__lt=now - LONG)
    drafts = Draft.objects.filter(Q(publish_at__lte=now) | long_ago)
    for draft in drafts.order_by("publish_at", "at", "pk"):
        at = draft.publish_at or draft.at
        said = {"page": draft.title, "at": moment(at), "by": draft.by}
        there = _versions(draft.kind, draft.row)
        if not draft.publish_at:
            sentence = _(
                "%(page)s: a draft that %(by)s wrote on %(at)s waits to be approved or"
                " published. Open the draft to see what is left to do."
            )
            yield "draft_waits", sentence % said, there
        elif draft.stopped:
            sentence = _("%(page)s: the draft was not published on %(at)s. %(why)s")
            yield "not_published", sentence % {**said, "why": draft.stopped}, there
        elif at < now - GRACE:
            sentence = _(
                "%(page)s: the draft was to be published on %(at)s. Look whether the"
                " worker runs, and how often it publishes."
            )
            yield "not_published", sentence % said, there


def _translations(now: datetime) -> Found:
    """Name what patients read in English in place of another language."""
    there = rows_to_translate()
    found: dict[tuple[str, Standing], list[str]] = {}
    for one in Translation.objects.all():
        if row := there.get((one.model, one.row)):
            stands = standing(row, one)
            found.setdefault((one.language, stands), []).append(str(row))
    sentences = {
        Standing.MISSING: (
            "translation_missing",
            _("In %(language)s, not said at all: %(texts)s"),
        ),
        Standing.STALE: (
            "translation_stale",
            _("In %(language)s, older than the English: %(texts)s"),
        ),
        Standing.DRAFT: (
            "translation_not_reviewed",
            _("In %(language)s, not reviewed by anybody: %(texts)s"),
        ),
    }
    listed = reverse("admin:services_translation_changelist")
    for language, _own_name in settings.LANGUAGES:
        for stands, (code, sentence) in sentences.items():
            if texts := found.get((language, stands)):
                few = "; ".join(texts[:NAMED])
                more = len(texts) - NAMED
                named = _("%(few)s; and %(n)s more") % {"few": few, "n": more}
                texts_said = named if more > 0 else few
                said = {"language": english_name(language), "texts": texts_said}
                yield code, sentence % said, f"{listed}?stands={stands.value}"


def _links(now: datetime) -> Found:
    """Name links that patients follow to where nothing is, in each language."""
    there, site = rows_to_translate(), Site()
    read = {key: row for key, row in there.items() if _is_read(row, there)}
    texts = [(row, text) for row in read.values() for text in row.in_english().values()]
    for one in Translation.objects.all():
        row = read.get((one.model, one.row))
        if row and standing(row, one) in (Standing.DRAFT, Standing.REVIEWED):
            texts += [(row, text) for text in one.texts.values()]
    sentence = _("%(text)s: the link “%(address)s” leads astray. %(why)s")
    for row, text in texts:
        page = _page_of(row, there)
        own = None
        if isinstance(page, Service | Page):
            own = site.parts(page.get_absolute_url())
        for flag in site.astray(text, own):
            said = {"text": row, "address": flag.words, "why": flag.why}
            yield "link_astray", sentence % said


def _is_read(row: Translated, there: dict[Key, Translated]) -> bool:
    """Tell whether patients read the page on which a text stands."""
    return bool(getattr(_page_of(row, there), "is_published", True))


def _page_of(row: Translated, there: dict[Key, Translated]) -> Translated:
    """Return the service that a row hangs from, else the row."""
    return there.get((Service.content_kind(), getattr(row, "service_id", 0)), row)


def _mail(now: datetime) -> Found:
    if not Message.objects.filter(
        channel=Message.Channel.EMAIL, sent_at__isnull=False
    ).exists():
        yield (
            "mail_untested",
            _("No mail has been sent yet. Ask for a visit yourself, and see it come."),
        )


_LOOKS = (
    _clinic,
    _hours,
    _free_times,
    _mail,
    _drafts,
    _texts,
    _reviews,
    _links,
    _translations,
)
