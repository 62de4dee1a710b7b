"""What the suppliers who carry our messages report. They prove who they are first."""

import logging
from typing import Any

from anymail.exceptions import AnymailWebhookValidationFailure
from anymail.signals import EventType
from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from booking import clock, delivery

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


def _hook() -> Any:
    """Return the one that reads what our supplier writes."""
    from anymail.urls import urlpatterns  # noqa: PLC0415 -- reads all suppliers

    name = f"{settings.MAIL_SUPPLIER}_tracking_webhook"
    for pattern in urlpatterns:
        if pattern.name == name:
            return pattern.callback.view_class()
    raise Http404
