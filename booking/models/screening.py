"""What a patient told us before a visit."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from booking.encryption import EncryptedTextField

from .appointment import Appointment


class ScreeningAnswer(models.Model):
    """One question as it was worded then, and its answer: a flag, never a decision."""

    class Answer(models.TextChoices):
        YES = "yes", _("Yes")
        NO = "no", _("No")
        NOT_SURE = "not_sure", _("I’m not sure")

    appointment = models.ForeignKey(Appointment, models.PROTECT, related_name="answers")
    code = models.SlugField()
    order = models.PositiveSmallIntegerField(default=0)
    question = models.CharField(max_length=200)
    answer = EncryptedTextField()
    flag = models.CharField(max_length=60)
    advice = models.TextField(blank=True)

    class Meta:
        ordering = ["order"]
        constraints = [
            models.UniqueConstraint(
                fields=["appointment", "code"], name="one_answer_a_question"
            )
        ]

    def __str__(self) -> str:
        return self.code

    @property
    def needs_a_look(self) -> bool:
        return bool(self.answer != self.Answer.NO)

    def get_answer_display(self) -> str:
        return str(self.Answer(self.answer).label)
