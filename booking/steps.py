"""The pages of a request in their order, and how far somebody has come.

The draft keeps what was typed; here it is read through the forms, each time anew. So a
later page never trusts an earlier one, and a change that makes an answer unfit simply
makes its page the next one to fill in.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any

from django.urls import reverse
from django.utils.datastructures import MultiValueDict
from django.utils.functional import SimpleLazyObject
from django.utils.translation import get_language

from services import translation
from services.models import REFERRAL, ScreeningQuestion

from . import forms, words
from .availability import Why
from .draft import Draft
from .forms import StepForm
from .models import Hours, Practice, Resource, VisitType
from .workflow import NewRequest

# The step that takes the place of the times.
WAITING = "waiting-list"


def open_weekdays(clinician_ids: Iterable[int]) -> list[int]:
    """Return the days on which one of them sees patients; all days, if none does."""
    hours = Hours.objects.filter(resource__in=clinician_ids)
    return sorted(set(hours.values_list("weekday", flat=True))) or list(range(7))


class Journey:
    """A draft with its answers understood."""

    def __init__(self, draft: Draft) -> None:
        self.draft = draft
        self._read: dict[str, StepForm] = {}

    # -- what was answered

    def read(self, slug: str) -> StepForm:
        """Return the step's form, bound to what was typed.

        The steps that its form hangs on have to be answered.
        """
        if slug not in self._read:
            step = STEP[slug]
            form = forms.only_read(step.form)
            self._read[slug] = form(self.typed(slug), **step.needs(self))
        return self._read[slug]

    def typed(self, slug: str) -> "MultiValueDict[str, str]":
        return MultiValueDict(self.draft.answers.get(slug, {}))

    def shown(self, slug: str) -> "MultiValueDict[str, str]":
        """Return what the step's page shows: what stood there last, sent or not."""
        draft = self.draft
        return MultiValueDict(draft.unsent.get(slug) or draft.answers.get(slug, {}))

    def has(self, slug: str) -> bool:
        """Tell whether the step was answered, and still can be answered like that."""
        return slug in self.draft.answers and self.read(slug).is_valid()

    def answer(self, slug: str, name: str) -> Any:
        """Return a cleaned answer, None while there is none."""
        return self.read(slug).cleaned_data.get(name) if self.has(slug) else None

    # -- what follows from it

    @cached_property
    def practice(self) -> Practice:
        return Practice.read()

    @cached_property
    def visit_types(self) -> list[VisitType]:
        """Return what can be asked for, the service that a link named first."""
        wanted = self.draft.wanted.get("service")
        found = [v for v in self.practice.visit_types if v.is_bookable]
        translation.say([row for v in found for row in (v, v.service)])
        return sorted(found, key=lambda v: v.service.slug != wanted)

    @cached_property
    def visit_type(self) -> VisitType | None:
        # Fit is what can be asked for, as its form says, too: each page needs it.
        code = self.typed("visit").get("visit")
        return next((v for v in self.visit_types if v.code == code), None)

    @cached_property
    def clinicians(self) -> dict[str, Resource]:
        """Return who can be asked for in this kind of visit, by slug."""
        if self.visit_type is None:
            return {}
        able = self.visit_type.may_take(self.practice)
        found = {
            r.clinician.slug: r
            for r in self.practice.resources
            if r.clinician and r.pk in able
        }
        translation.say([r.clinician for r in found.values() if r.clinician])
        return found

    @cached_property
    def weekdays(self) -> list[int]:
        """Return the days on which somebody here sees patients; all, if none does."""
        who = [clinician.pk for clinician in self.clinicians.values()]
        return open_weekdays(who)

    @property
    def needs_referral(self) -> bool:
        """Tell whether a referral decides if this visit can be asked for online."""
        kind = self.visit_type
        return kind is not None and kind.needs_referral and not kind.by_phone_only

    @property
    def has_referral(self) -> bool:
        return bool(self.answer("referral", "referral") == "yes")

    @property
    def can_choose_times(self) -> bool:
        """Tell whether all is said that decides which times there are."""
        asked = self.needs_referral and not self.has("referral")
        return self.visit_type is not None and not asked

    @property
    def barred(self) -> Why | None:
        """Return why this visit has no time at all online for this patient."""
        kind = self.visit_type
        return kind.barred(has_referral=self.has_referral) if kind else None

    @property
    def waits(self) -> bool:
        """Tell whether the waiting list was chosen instead of a time."""
        return WAITING in self.draft.answers

    @property
    def first_choice(self) -> datetime | None:
        """Return the time that was chosen; None while there is none."""
        chosen: datetime | None = self.answer("times", "start")
        return chosen

    @property
    def clinician(self) -> Resource | None:
        """Return who was asked for."""
        slug = self.answer("times", "clinician")
        return self.clinicians.get(slug) if slug else None

    @cached_property
    def questions(self) -> list[ScreeningQuestion]:
        if self.visit_type is None:
            return []
        found = self.practice.questions(self.visit_type.service)
        if self.needs_referral:
            found = [question for question in found if question.code != REFERRAL]
        translation.say(found)
        return found

    def advice(self) -> list[str]:
        """Return what the answers call for, none twice."""
        form = self.read("questions") if self.questions else None
        lines = form.advice() if isinstance(form, forms.QuestionsForm) else []
        return list(dict.fromkeys(lines))

    @property
    def wrong_link(self) -> bool:
        """Tell whether the link that led here asked for what cannot be booked."""
        wanted = self.draft.wanted
        services = {v.service.slug for v in self.visit_types}
        codes = {v.code for v in self.visit_types}
        return wanted.get("service", "") not in services | {""} or wanted.get(
            "visit", ""
        ) not in codes | {""}

    @property
    def payer(self) -> str:
        return self.answer("payment", "payer") or ""

    # -- where to go

    def steps(self) -> list["Step"]:
        return [step for step in STEPS if step.applies(self)]

    def next_open(self) -> "Step | None":
        """Return the first step that has no fit answer yet; None when all have one."""
        return next((s for s in self.steps() if not self.has(s.slug)), None)

    def may_see(self, step: "Step") -> bool:
        """Tell whether the step applies and all before it are done."""
        steps = self.steps()
        return step in steps and all(
            self.has(s.slug) for s in steps[: steps.index(step)]
        )

    def back(self, step: "Step | None") -> "Step | None":
        """Return the step before; None before the first, the last one for None."""
        steps = self.steps()
        at = len(steps)
        if step in steps:
            at = steps.index(step)
        elif step:  # a page of times, looked at by who has chosen the waiting list
            at = [s.topic for s in steps].index(step.topic)
        return steps[at - 1] if at else None

    def place(self, topic: str) -> tuple[int, int]:
        """Return which step this is, and of how many; pages of a topic are one step."""
        topics = ["emergency", *dict.fromkeys(s.topic for s in self.steps()), "check"]
        return topics.index(topic) + 1, len(topics)


@dataclass(frozen=True, slots=True)
class Step:
    """One page. `needs` gives its form what hangs on earlier answers; `forgets` names
    the steps whose answers a changed answer makes void."""

    slug: str
    topic: str
    form: type[StepForm]
    template: str = "booking/step.html"
    applies: Callable[[Journey], bool] = lambda journey: True
    needs: Callable[[Journey], dict[str, Any]] = lambda journey: {}
    forgets: tuple[str, ...] = ()

    @property
    def url_name(self) -> str:
        return self.slug.replace("-", "_")

    @property
    def url(self) -> str:
        return reverse(f"booking:{self.url_name}")


STEPS = (
    Step(
        "visit",
        "visit",
        forms.VisitForm,
        "booking/visit.html",
        needs=lambda journey: {
            "visit_types": journey.visit_types,
            "initial": {"visit": journey.draft.wanted.get("visit", "")},
        },
        forgets=("referral", "times", "other-times", WAITING),
    ),
    Step(
        "referral",
        "visit",
        forms.ReferralForm,
        applies=lambda journey: journey.needs_referral,
        forgets=("times", "other-times", WAITING),
    ),
    Step(
        WAITING,
        "times",
        forms.WishForm,
        "booking/waiting_list.html",
        applies=lambda journey: journey.waits,
        needs=lambda journey: {
            "today": words.local(journey.draft.began).date(),
            "last": words.local(journey.draft.began).date()
            + timedelta(journey.visit_type.horizon if journey.visit_type else 0),
            "weekdays": journey.weekdays,
            "clinicians": journey.clinicians,
        },
        forgets=("times", "other-times"),
    ),
    Step(
        "times",
        "times",
        forms.TimeForm,
        "booking/times.html",
        applies=lambda journey: not journey.waits,
        # Needed only where somebody was asked for.
        needs=lambda journey: {
            "clinicians": SimpleLazyObject(lambda: journey.clinicians)
        },
        forgets=(WAITING,),
    ),
    Step(
        "other-times",
        "times",
        forms.OtherTimesForm,
        "booking/other_times.html",
        applies=lambda journey: not journey.waits,
    ),
    Step("about", "about", forms.AboutForm),
    Step(
        "asked-by",
        "about",
        forms.AskedByForm,
        applies=lambda journey: journey.answer("about", "for_whom") == "somebody_else",
    ),
    Step(
        "questions",
        "questions",
        forms.QuestionsForm,
        applies=lambda journey: journey.visit_type is None or bool(journey.questions),
        needs=lambda journey: {"questions": journey.questions},
    ),
    Step("contact", "contact", forms.ContactForm),
    Step("help", "help", forms.HelpForm, "booking/help.html"),
    Step(
        "payment",
        "payment",
        forms.PaymentForm,
        "booking/payment.html",
        forgets=("payment-details",),
    ),
    Step(
        "payment-details",
        "payment",
        forms.PaymentDetailsForm,
        applies=lambda journey: journey.payer in forms.BRANCHES,
        needs=lambda journey: {"payer": journey.payer},
    ),
)
STEP = {step.slug: step for step in STEPS}


def as_request(journey: Journey, address: str = "") -> NewRequest:
    """Return what the workflow records. Every step has to be answered."""
    parts: dict[str, Any] = {}
    patient: dict[str, Any] = {}
    choices: list[datetime] = []
    for step in journey.steps():
        part = journey.read(step.slug).contributes()
        patient |= part.pop("patient", {})
        choices += part.pop("choices", [])
        parts |= part
    # What we write to them later is in the language that they read now.
    patient["message_language"] = get_language()
    choices = list(dict.fromkeys(choices))
    return NewRequest(choices=choices, patient=patient, address=address, **parts)
