"""Text messages: how one is handed over, and what is done when somebody says stop.

Which supplier carries them is a setting, the name of a function such as those below.
"""

import json
import logging
import re
from datetime import datetime
from pathlib import Path

from django.conf import settings
from django.contrib.auth.models import User
from django.db.models import Q
from django.utils.module_loading import import_string

from .models import (
    Message,
    Patient,
    TextConsent,
    TextPurpose,
    TextStop,
    may_text,
    purpose_of,
)
from .models.message import MessageQuerySet
from .models.texting import REMINDING, number_index

logger = logging.getLogger(__name__)

# Each of them alone ends all texts. Source: 47 CFR 64.1200(a)(10); Spanish beside it.
STOP_WORDS = {
    "stop", "stopall", "quit", "end", "revoke", "opt out", "optout", "cancel",
    "unsubscribe", "alto", "parar",
}  # fmt: skip
# These mean it in a sentence, too.
PLAIN_WORDS = re.compile(r"\b(stop|unsubscribe|revoke|opt out|alto|parar)\b")
# Ends all texts even where a stop ends those of one purpose.
STOP_ALL = {"stopall", "stop all", "alto todo", "parar todo"}
# Not ALTA: a letter away from ALTO, and what hospitals call a discharge.
START_WORDS = {"start", "unstop", "iniciar", "comenzar"}
HELP_WORDS = {"help", "info", "ayuda"}
SPANISH = re.compile(r"\b(alto|parar|iniciar|comenzar|ayuda)\b")


def send(to: str, words: str, key: str) -> None:
    """Hand a text to whoever carries it; `key` tells a repeat from a second one.

    Raises what the backend does.
    """
    import_string(settings.TEXT_BACKEND)(to, words, key)


def to_console(to: str, words: str, key: str) -> None:
    """Carry it to the log of the worker, without the number."""
    logger.info("A text of %d characters, %s.", len(words), key)


def to_file(to: str, words: str, key: str) -> None:
    """Carry it to a file of its own, such as while developing."""
    folder = Path(settings.TEXT_FOLDER)
    folder.mkdir(parents=True, exist_ok=True)
    name = re.sub(r"[^\w-]", "", key)
    said = json.dumps({"to": to, "words": words, "key": key}, ensure_ascii=False)
    (folder / f"{name}.json").write_text(said + "\n")


def means_stop(words: str) -> bool:
    """Tell whether somebody wants no more texts, in English or Spanish."""
    said = _bare(words)
    return said in STOP_WORDS | STOP_ALL or bool(PLAIN_WORDS.search(said))


def means_start(words: str) -> bool:
    """Tell whether somebody wants texts again after all."""
    return _bare(words) in START_WORDS


def means_help(words: str) -> bool:
    """Tell whether somebody asks who we are."""
    return _bare(words) in HELP_WORDS


def language_of(words: str) -> str:
    """Return the code of the language of a word that we know."""
    return "es" if SPANISH.search(_bare(words)) else ""


def stopped_by(words: str, number: str) -> TextPurpose:
    """Return for which purpose the words, which mean stop, want no more texts.

    For all, as from January 31, 2027 an answer to one kind of text ends all of them
    (47 CFR 64.1200(a)(10)). Where the clinic chooses the rule before that, for the
    purpose of the text that the number got last.
    """
    if not settings.TEXT_STOP_BY_PURPOSE or _bare(words) in STOP_ALL:
        return TextPurpose.ALL
    last = _texts_to(number).filter(sent_at__isnull=False).order_by("-sent_at").first()
    return purpose_of(last.kind) if last else TextPurpose.ALL


def stop(
    number: str,
    now: datetime,
    *,
    purpose: TextPurpose = TextPurpose.ALL,
    user: User | None = None,
    heard_by: str = "",
) -> bool:
    """Send no more texts for the purpose to the number; tell whether that is new.

    What waits to be sent is not. Mail and calls go on. Nobody at the number need have
    agreed to any.
    """
    waiting, agreed = _texts_to(number).owed(), TextConsent.objects.of(number)
    if purpose != TextPurpose.ALL:
        reminding = Q(kind__in=REMINDING)
        is_meant = reminding if purpose == TextPurpose.REMINDERS else ~reminding
        waiting = waiting.filter(is_meant)
        agreed = agreed.filter(purpose=purpose)
    waiting.update(overtaken_at=now)
    known = TextStop.objects.of(number).standing(purpose)
    last = agreed.order_by("-at").first()
    if (known.filter(at__gte=last.at) if last else known).exists():
        return False
    TextStop.objects.create(
        number_index=number_index(number),
        purpose=purpose,
        at=now,
        user=user,
        heard_by=heard_by,
    )
    return True


def start(number: str, now: datetime) -> bool:
    """Send texts again to the number, as agreed before; tell whether it wanted none."""
    if not TextConsent.objects.of(number).exists():
        return False
    stops = TextStop.objects.of(number).filter(ended_at=None)
    return bool(stops.update(ended_at=now))


def gets(patient: Patient) -> list[TextPurpose]:
    """Return for what the patient is sent texts."""
    purposes = [TextPurpose.REMINDERS, TextPurpose.CHANGES]
    return [purpose for purpose in purposes if may_text(patient, purpose)]


def is_wanted(message: Message) -> bool:
    """Tell, as a text is about to go, whether it may: nobody said stop meanwhile."""
    patient = message.appointment.patient
    same_number = patient.phone == message.recipient
    return same_number and may_text(patient, purpose_of(message.kind))


def _texts_to(number: str) -> MessageQuerySet:
    return Message.objects.filter(
        channel=Message.Channel.TEXT,
        appointment__patient__in=Patient.objects.with_phone(number),
    )


def _bare(words: str) -> str:
    return " ".join(re.findall(r"[^\W_]+", words.lower()))
