"""What the suppliers who carry our messages report. They prove who they are first."""

import hmac
import json
import logging
from hashlib import sha256
from typing import Any

from anymail.exceptions import AnymailError
from anymail.signals import EventType
from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.utils.crypto import constant_time_compare
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from booking import clock, delivery, messages, texting
from booking.models import Message, Patient, TextPurpose
from services.languages import left_to_right
from services.models import Clinic

logger = logging.getLogger(__name__)

# What means that the patient did not read it, or does not want it.
UNDELIVERED = {
    EventType.REJECTED, EventType.FAILED, EventType.BOUNCED, EventType.COMPLAINED,
}  # fmt: skip


# What is answered to a text, in the language of whom it goes to.
STOPPED = {
    TextPurpose.ALL: _(
        "%(clinic)s: you get no more texts from us. Your appointment stays as it is. To"
        " cancel it, call %(phone)s."
    ),
    TextPurpose.REMINDERS: _(
        "%(clinic)s: you get no more reminders by text. Your appointment stays as it"
        " is. Reply STOPALL to end all texts."
    ),
    TextPurpose.CHANGES: _(
        "%(clinic)s: you get no more texts about changes. Your appointment stays as it"
        " is. Reply STOPALL to end all texts."
    ),
}
STARTED = _(
    "%(clinic)s: you get texts about your appointments again. Reply STOP to end texts."
)
HELP = _(
    "%(clinic)s: we send texts about appointments to those who agreed. Nobody reads"
    " answers. For help, call %(phone)s. Reply STOP to end texts."
)


@csrf_exempt
@require_POST
def mail_events(request: HttpRequest) -> HttpResponse:
    """Take from the supplier of mail what became of messages; said again, once.

    Of what is still being sent, it has to tell us again later.
    """
    if "Authorization" not in request.headers:
        # Amazon SNS proves who it is only when it was asked to.
        return HttpResponse(status=401, headers={"WWW-Authenticate": "Basic"})
    hook = _hook()
    try:
        hook.run_validators(request)
        events = hook.parse_events(request)
    except (
        AnymailError,
        AttributeError,
        LookupError,
        TypeError,
        ValueError,
    ) as error:
        logger.warning("A report on mail was refused: %s", type(error).__name__)
        return HttpResponse(status=403)
    known = True
    for event in events:
        if event.event_type in UNDELIVERED:
            said = (event.metadata or {}).get("message") or event.message_id or ""
            known &= delivery.bounced(said, event.event_type, clock.now())
    return HttpResponse(status=200 if known else 503)


@csrf_exempt
@require_POST
def text_received(request: HttpRequest) -> HttpResponse:
    """Take from the supplier of texts what somebody wrote back: from, and text.

    What means stop or start is done, and confirmed by the one text that may be sent for
    it, which the supplier finds in our answer as `reply`; who asks for help is told who
    we are. Other texts are read by nobody here.
    """
    proof = hmac.new(settings.TEXT_SECRET.encode(), request.body, sha256).hexdigest()
    if not constant_time_compare(proof, request.headers.get("X-Signature", "")):
        logger.warning("A text was refused: it is not signed.")
        return HttpResponse(status=403)
    try:
        said = json.loads(request.body)
        number, words = str(said["from"]), str(said["text"])
    except (ValueError, LookupError, TypeError):
        return HttpResponse(status=400)
    if not number or (reply := _done(words, number)) is None:
        return JsonResponse({})
    clinic = Clinic.objects.first()
    patient = Patient.objects.with_phone(number).order_by("-pk").first()
    patient = patient or Patient(message_language=texting.language_of(words))
    with messages.spoken_to(patient, Message.Channel.TEXT):
        said = str(reply) % {
            "clinic": clinic.name if clinic else "",
            "phone": left_to_right(clinic.phone if clinic else settings.CLINIC_PHONE),
        }
    return JsonResponse({"reply": said})


def _done(words: str, number: str) -> Promise | None:
    """Do what somebody wrote; return what to answer, if anything."""
    now = clock.now()
    if texting.means_stop(words):
        purpose = texting.stopped_by(words, number)
        is_new = texting.stop(number, now, purpose=purpose)
        return STOPPED[purpose] if is_new else None
    if texting.means_start(words):
        return STARTED if texting.start(number, now) else None
    return HELP if texting.means_help(words) else None


def _hook() -> Any:
    """Return the one that reads what our supplier writes."""
    from anymail.urls import urlpatterns  # noqa: PLC0415 -- reads all suppliers

    name = f"{settings.MAIL_SUPPLIER}_tracking_webhook"
    for pattern in urlpatterns:
        if pattern.name == name:
            return pattern.callback.view_class()
    raise Http404
