"""Records of one person that staff have joined."""

from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from .patient import Patient


class MergeQuerySet(models.QuerySet["Merge"]):
    def standing(self) -> "MergeQuerySet":
        """Return those that nobody has undone."""
        return self.filter(undone_at=None)


class Merge(models.Model):
    """`duplicate` is a second record of the person of `patient`, until it is undone.

    FHIR says it as Patient.link, "replaces". Nothing moves and nothing is overwritten:
    each visit stays on the record as it was told, with its messages and its link. So a
    merge that was wrong is undone without a trace in the visits.
    """

    patient = models.ForeignKey(Patient, models.PROTECT, related_name="merged")
    duplicate = models.ForeignKey(Patient, models.PROTECT, related_name="merges")
    at = models.DateTimeField()
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    undone_at = models.DateTimeField(null=True, blank=True)
    undone_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
    )

    objects = MergeQuerySet.as_manager()

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["duplicate"],
                condition=Q(undone_at=None),
                name="merge_into_one_record",
            ),
            models.CheckConstraint(
                condition=~Q(patient=F("duplicate")), name="merge_of_two_records"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.duplicate_id} is {self.patient_id}"


def records_of(patient: Patient) -> set[int]:
    """Return the keys of all records of this person, the patient's own among them."""
    standing = Merge.objects.standing()
    kept = standing.filter(duplicate=patient).values("patient")
    linked = standing.filter(
        Q(patient=patient) | Q(duplicate=patient) | Q(patient__in=kept)
    )
    pairs = linked.values_list("patient", "duplicate")
    return {patient.pk, *(pk for pair in pairs for pk in pair)}


def kept_for(patients: models.QuerySet[Any, Any]) -> dict[int, int]:
    """Return of all joined records of some people which record is the kept one.

    `patients` gives the keys of one record of each, or of more.
    """
    standing = Merge.objects.standing()
    kept = standing.filter(duplicate__in=patients).values("patient")
    theirs = standing.filter(Q(patient__in=patients) | Q(patient__in=kept))
    return dict(theirs.values_list("duplicate", "patient"))
