"""What the suppliers who carry our messages report. They prove who they are first."""

import hmac
import json
import logging
from hashlib import sha256
from typing import Any

from anymail.exceptions import AnymailWebhookValidationFailure
from anymail.signals import EventType
from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.utils.crypto import constant_time_compare
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from booking import clock, delivery, messages, texting
from booking.models import Message, Patient
from services.models import Clinic

logger = logging.getLogger(__name__)

# What means that the patient did not read it, or does not want it.
UNDELIVERED = {
    EventType.REJECTED, EventType.FAILED, EventType.BOUNCED, EventType.COMPLAINED,
}  # fmt: skip


@csrf_exempt
@require_POST
def mail_events(request: HttpRequest) -> HttpResponse:
    """Take from the supplier of mail what became of messages; said again, once.

    Of what is still being sent, it has to tell us again later.
    """
    hook = _hook()
    try:
        hook.run_validators(request)
        events = hook.parse_events(request)
    except (
        AnymailWebhookValidationFailure,
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

    What means stop is done, and confirmed by the one text that may still be sent, which
    the supplier finds in our answer as `reply`. Other texts are read by nobody here.
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
    if not (number and texting.means_stop(words)):
        return JsonResponse({})
    if not texting.stop(number, clock.now()):
        return JsonResponse({})
    clinic = Clinic.objects.first()
    patient = Patient.objects.with_phone(number).order_by("-pk").first() or Patient()
    with messages.spoken_to(patient, Message.Channel.TEXT):
        reply = _(
            "%(clinic)s: you get no more texts from us. Your appointment stays as it"
            " is. To cancel it, call %(phone)s."
        ) % {
            "clinic": clinic.name if clinic else "",
            "phone": clinic.phone if clinic else settings.CLINIC_PHONE,
        }
    return JsonResponse({"reply": reply})


def _hook() -> Any:
    """Return the one that reads what our supplier writes."""
    from anymail.urls import urlpatterns  # noqa: PLC0415 -- reads all suppliers

    name = f"{settings.MAIL_SUPPLIER}_tracking_webhook"
    for pattern in urlpatterns:
        if pattern.name == name:
            return pattern.callback.view_class()
    raise Http404
