"""The trail: who of the staff saw, searched, exported or changed what.

`kept` stands around every page of the front desk. It writes one event for each page
that showed patients, changed something or was refused, with the patients as its
subjects. The page is answered only when that is written: what cannot be recorded is not
shown.

Each event is sealed to the one before by a keyed digest over both, so that a row that
was changed, left out, added or put elsewhere shows (`broken`). Rows cut off at the end
do not: for that, the head of the chain is in the log once a day.
"""

import hmac
import json
import logging
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import wraps
from hashlib import sha256
from typing import Any

from django.conf import settings
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import AbstractBaseUser, AnonymousUser, User
from django.core.exceptions import PermissionDenied
from django.db import connection, transaction
from django.db.models import Subquery, TextField, Value
from django.db.models.functions import Cast, Coalesce
from django.http import HttpRequest, HttpResponseBase
from django.template.response import SimpleTemplateResponse

from clinic_site.client import client_address

from . import clock
from .models import AppointmentEvent, AuditEvent, AuditSubject
from .noticing import notice, noticing

logger = logging.getLogger(__name__)

Action = AuditEvent.Action
View = Callable[..., HttpResponseBase]
Data = Mapping[str, Any]

# A page that refreshes itself is written down anew for what it shows after this long.
REFRESHED = timedelta(hours=1)
# So many events are read at a time to see whether the chain is whole.
CHUNK = 1000
# Any number would do; nothing else here locks by one.
_LOCK = 20_269_164


# --- Writing it ------------------------------------------------------------------


def kept(view: View) -> View:
    """Write down what a page of the front desk showed, changed or refused."""

    @wraps(view)
    def inner(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        user = request.user  # who signs out is somebody else afterwards
        posted = request.method == "POST"
        before = _newest(user) if posted and user.is_authenticated else {}
        try:
            with noticing() as patients:
                response = view(request, *args, **kwargs)
                # Lists are read only while they are written out.
                if isinstance(response, SimpleTemplateResponse):
                    response.render()
        except PermissionDenied:
            record(request, user, Action.DENIED)
            raise
        if user.is_authenticated:
            _keep(request, user, response, patients, before)
        return response

    return inner


def searched(request: HttpRequest, **data: Any) -> None:
    """Say that the page is the answer to a search: by which fields, not for what."""
    request.trail = (Action.SEARCH, data)  # type: ignore[attr-defined]


def changed(request: HttpRequest, patient: int | None = None, **data: Any) -> None:
    """Say that something was changed that neither a visit nor Django keeps."""
    if patient is not None:
        notice(patient)
    request.trail = (Action.CHANGE, data)  # type: ignore[attr-defined]


def exported(request: HttpRequest, patients: Collection[int], **data: Any) -> None:
    """Write down an export before its first byte leaves. Not inside a transaction."""
    record(request, request.user, Action.EXPORT, patients, data)


def record(
    request: HttpRequest,
    user: AbstractBaseUser | AnonymousUser | None,
    action: AuditEvent.Action,
    patients: Collection[int] = (),
    data: Data | None = None,
) -> AuditEvent:
    """Add an event to the chain, in a transaction of its own."""
    match = request.resolver_match
    event = AuditEvent(
        at=clock.now(),
        user_id=user.pk if user else None,
        username=user.get_username() if isinstance(user, User) else "",
        action=action,
        route=(match and match.url_name) or "",
        object_id=_object(match.kwargs if match else {}),
        address=client_address(request)[:45],
        data=dict(data or {}),
    )
    with transaction.atomic(durable=True):
        if connection.vendor == "postgresql":  # SQLite's transaction is such a lock
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
        last = AuditEvent.objects.values_list("pk", "digest").first()
        pk, digest = last or (0, "")
        event.pk = pk + 1
        event.digest = seal(_sealed(event), patients, digest, _keys()[0])
        event.save(force_insert=True)
        AuditSubject.objects.bulk_create(
            AuditSubject(event=event, patient_id=patient)
            for patient in sorted(patients)
        )
    return event


def _keep(
    request: HttpRequest,
    user: AbstractBaseUser | AnonymousUser,
    response: HttpResponseBase,
    patients: set[int],
    before: Mapping[type, int],
) -> None:
    """Write what the answer means, if it means anything."""
    action, data = getattr(request, "trail", (Action.VIEW, {}))
    if before:
        theirs, objects = _changed_since(before, user)
        if action == Action.CHANGE:
            theirs = theirs or patients
        if theirs or objects or action == Action.CHANGE:
            data = {**data, "objects": objects} if objects else data
            record(request, user, Action.CHANGE, theirs, data)
            action, data, patients = Action.VIEW, {}, patients - theirs
    # Where it leads is written down there; that somebody searched, only here.
    if 300 <= response.status_code < 400 and action != Action.SEARCH:
        return
    if request.headers.get("X-Refresh") == "1":
        patients = _not_shown_lately(request, user, patients)
    if patients or action == Action.SEARCH:
        record(request, user, action, patients, data)


def _newest(user: AbstractBaseUser) -> dict[type, int]:
    """Return the newest key of each table in which changes are kept.

    They are read beside the user's own row, since a row is needed to ask both at once.
    """
    tables = (AppointmentEvent, LogEntry)
    newest = [
        Coalesce(Subquery(table.objects.order_by("-pk").values("pk")[:1]), 0)
        for table in tables
    ]
    keys = User.objects.filter(pk=user.pk).values_list(*newest)[0]
    return dict(zip(tables, keys, strict=True))


def _changed_since(
    before: Mapping[type, int], user: AbstractBaseUser | AnonymousUser
) -> tuple[set[int], list[list[str]]]:
    """Return the patients whose visits the user changed, and what else they did."""
    events = AppointmentEvent.objects.filter(
        user=user.pk, pk__gt=before[AppointmentEvent]
    )
    entries = LogEntry.objects.filter(user=user.pk, pk__gt=before[LogEntry])
    # Both at once: a patient is the row without a model.
    patients = events.order_by().values_list(
        Value(""), Value(""), Cast("appointment__patient", TextField())
    )
    objects = entries.order_by().values_list(
        "content_type__app_label", "content_type__model", "object_id"
    )
    found = list(patients.union(objects, all=True))
    return (
        {int(pk) for app, _model, pk in found if app == ""},
        sorted([f"{app}.{model}", pk or ""] for app, model, pk in found if app != ""),
    )


def _not_shown_lately(
    request: HttpRequest, user: AbstractBaseUser | AnonymousUser, patients: set[int]
) -> set[int]:
    match = request.resolver_match
    shown = AuditSubject.objects.filter(
        patient_id__in=patients,
        event__user_id=user.pk,
        event__route=(match and match.url_name) or "",
        event__at__gt=clock.now() - REFRESHED,
    )
    return patients - set(shown.values_list("patient_id", flat=True))


def _object(kwargs: Mapping[str, Any]) -> str:
    """Return the key of what the page is about, from its address."""
    return str(kwargs.get("object_id", kwargs.get("pk", "")))[:40]


def signed_in(request: HttpRequest, user: User, **kwargs: Any) -> None:
    record(request, user, Action.SIGN_IN)


def signed_out(request: HttpRequest, user: User | None, **kwargs: Any) -> None:
    if user is not None:
        record(request, user, Action.SIGN_OUT)


def not_signed_in(
    request: HttpRequest | None, credentials: Mapping[str, Any], **kwargs: Any
) -> None:
    """Write down a wrong password; a name only if it is an account's.

    What else stands there may be a password, typed into the wrong field.
    """
    if request is not None:
        name = credentials.get("username", "")
        user = User.objects.filter(username=name).first()
        record(request, user, Action.SIGN_IN_FAILED)


# --- Sealing it ------------------------------------------------------------------


def _keys() -> list[str]:
    keys: list[str] = settings.FIELD_KEYS
    return keys


def _sealed(event: AuditEvent) -> list[Any]:
    at = event.at.astimezone(UTC).isoformat()
    return [
        event.pk, at, event.user_id, event.username, event.action, event.route,
        event.object_id, event.address, event.data,
    ]  # fmt: skip


def seal(row: list[Any], patients: Collection[int], before: str, key: str) -> str:
    """Return the digest of an event, its subjects and the digest before it."""
    text = json.dumps([row, sorted(patients), before], sort_keys=True)
    return hmac.new(f"trail {key}".encode(), text.encode(), sha256).hexdigest()


@dataclass(frozen=True, slots=True)
class Head:
    """The end of the chain: compare it with what was written down elsewhere."""

    events: int
    digest: str


def head() -> Head:
    last = AuditEvent.objects.values_list("pk", "digest").first()
    return Head(*last) if last else Head(0, "")


def broken() -> Iterator[int]:
    """Yield the number of each event that is not as it was written, or not there.

    Of several in a row that are not there, the first.
    """
    last, before = 0, ""
    while events := list(AuditEvent.objects.filter(pk__gt=last).order_by("pk")[:CHUNK]):
        pairs = AuditSubject.objects.filter(event__gt=last, event__lte=events[-1].pk)
        subjects: dict[int, list[int]] = {}
        for event_id, patient in pairs.order_by().values_list("event", "patient_id"):
            subjects.setdefault(event_id, []).append(patient)
        for event in events:
            if event.pk != last + 1:
                yield last + 1
            row, patients = _sealed(event), subjects.get(event.pk, [])
            seals = (seal(row, patients, before, key) for key in _keys())
            if not any(hmac.compare_digest(event.digest, s) for s in seals):
                yield event.pk
            last, before = event.pk, event.digest


def log_head(now: datetime) -> None:
    """Write the head of the chain to the log, where nobody with the database can."""
    end = head()
    logger.info("Trail: %s events, head %s", end.events, end.digest or "-")
