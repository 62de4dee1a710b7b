"""Whose record may be of the same person as another, and why.

Every request brings a row of its own, and families share phones and addresses. So this
only suggests, from what is equal and what is not; people decide, and `workflow.merge`
keeps what they decided.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Any

from django.db.models import Exists, OuterRef, Q, QuerySet

from .models import Merge, Patient
from .models.patient import DERIVED

# So many are shown; the others are counted. So many are compared, the newest.
SHOWN = 5
COMPARED = 200
# How alike two names have to be that differ by a slip of the keys: Alvarez, Alvares.
ALIKE = 0.85

# What is compared, by the field that it is found by, in the order shown.
FIELDS = {
    "folded_name": "name", "birth_date_index": "birth date", "phone_index": "phone",
    "email_index": "email",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Alike:
    """Another record, and which of FIELDS are the same, or known on both and not.

    It is `likely` the same person, or only shares a phone number or an address.
    """

    patient: Patient
    same: tuple[str, ...]
    differs: tuple[str, ...]
    likely: bool


@dataclass(frozen=True, slots=True)
class Suggested:
    """Who may be the same person, the likely first, and how many more there are."""

    shown: Sequence[Alike]
    more: int = 0

    @property
    def likely(self) -> list[Alike]:
        return [other for other in self.shown if other.likely]

    @property
    def sharing(self) -> list[Alike]:
        return [other for other in self.shown if not other.likely]


def suggest(patient: Patient) -> Suggested:
    """Return who may be the same person as the patient, whose row may be unsaved.

    In two queries, or in one when there is nobody. Nothing is decrypted to compare.
    """
    right = {field.name: field.right_for(patient) for field in DERIVED}
    found = []
    for pk, *there in _candidates(patient, right):
        same, differs = _compared(right, dict(zip(FIELDS, there, strict=True)))
        likely = "name" in same and "birth date" not in differs
        if likely or {"phone", "email"} & set(same):
            found.append((not likely, -len(same), -pk, pk, same, differs))
    found.sort()
    shown = found[:SHOWN]
    rows = Patient.objects.in_bulk([pk for *_order, pk, _same, _differs in shown])
    return Suggested(
        [
            Alike(rows[pk], same, differs, not unlikely)
            for unlikely, _many, _newest, pk, same, differs in shown
            if pk in rows
        ],
        len(found) - len(shown),
    )


def _candidates(
    patient: Patient, right: dict[str, list[str]]
) -> Iterable[tuple[Any, ...]]:
    """Return what is derived from those who share something; names alone do not do."""
    shares = Q()
    for name in ("birth_date_index", "phone_index", "email_index"):
        if any(right[name]):
            shares |= Q(**{f"{name}__in": right[name]})
    if not shares:
        return []
    others = Patient.objects.filter(shares).exclude(pk=patient.pk).order_by("-pk")
    if patient.pk:
        others = others.exclude(_is_joined(patient))
    return others.values_list("pk", *FIELDS)[:COMPARED]


def _is_joined(patient: Patient) -> Q:
    """Return what holds of the records that are joined with the patient's."""
    standing = Merge.objects.standing()
    kept = standing.filter(duplicate=patient).values("patient")
    same = standing.filter(duplicate=OuterRef("pk"))
    same = same.filter(Q(patient=patient) | Q(patient__in=kept))
    return Q(pk__in=kept) | Q(Exists(same))


def joined_with(patient: Patient) -> QuerySet[Patient]:
    """Return the other records of the patient, as staff joined them."""
    return Patient.objects.filter(_is_joined(patient)).exclude(pk=patient.pk)


def joined(patient: Patient) -> tuple[Merge | None, list[Merge]]:
    """Return by which merge this is a second record, and which it has; two queries."""
    standing = Merge.objects.standing().select_related("patient", "duplicate", "user")
    return standing.filter(duplicate=patient).first(), list(
        standing.filter(patient=patient)
    )


def _compared(
    right: dict[str, list[str]], there: dict[str, str]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return what is the same and what differs; what one does not say is neither."""
    same: list[str] = []
    differs: list[str] = []
    for field, what in FIELDS.items():
        if not there[field] or not any(right[field]):
            continue
        if field == "folded_name":
            is_same = is_same_name(right[field][0], there[field])
        else:
            is_same = there[field] in right[field]
        (same if is_same else differs).append(what)
    return tuple(same), tuple(differs)


def is_same_name(one: str, other: str) -> bool:
    """Tell whether two folded names may be one: in another order, shorter, or mistyped.

    Shorter means that all words of one are in the other, and that those are two at
    least: a first name alone is nobody's.
    """
    words, others = set(one.split()), set(other.split())
    if min(len(words), len(others)) > 1 and (words <= others or others <= words):
        return True
    ordered = (" ".join(sorted(words)), " ".join(sorted(others)))
    return SequenceMatcher(None, *ordered).ratio() >= ALIKE
