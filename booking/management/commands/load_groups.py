from django.contrib.auth.models import Group, Permission
from django.core.management.base import BaseCommand

FRONT_DESK = "Front desk"
CLINICIAN = "Clinician"
MANAGER = "Manager"
CONTENT_EDITOR = "Content editor"
AUDITOR = "Auditor"

_ANSWERING = [
    "booking.view_appointment", "booking.answer_appointment", "booking.view_message",
    "booking.view_closure", "booking.add_closure", "booking.change_closure",
    "booking.delete_closure", "booking.view_waitinglistentry",
]  # fmt: skip
_OWN_DAY = ["booking.see_own_day"]
# Whoever treats people says whether a text about care is right.
_APPROVING = ["services.approve_content"]
_TRAIL = ["booking.view_trail"]
_NUMBERS = ["booking.view_reports", "booking.export_visits"]
# The texts. Opening hours make the promises of replies, and questions about health make
# flags, so neither is content; and a service is hidden, not deleted.
_CONTENT = [
    *(f"services.{act}_page" for act in ("view", "add", "change", "delete")),
    *(f"services.{act}_section" for act in ("view", "add", "change", "delete")),
    *(f"services.{act}_fact" for act in ("view", "add", "change", "delete")),
    *(f"services.{act}_samewords" for act in ("view", "add", "change", "delete")),
    *(f"services.{act}_service" for act in ("view", "change")),
    *(f"services.{act}_clinician" for act in ("view", "change")),
    *(f"services.{act}_photo" for act in ("view", "add", "change", "delete")),
    *(f"services.{act}_translation" for act in ("view", "change")),
]
# Managers see the groups but do not change them: nobody grants more than they have.
_PEOPLE = ["auth.view_user", "auth.add_user", "auth.change_user", "auth.view_group"]
_CHORES = ["booking.view_chore", "booking.change_chore"]
_RULES = [
    f"booking.{act}_{rules}"
    for rules in ("waitinglistrules", "retentionrules")
    for act in ("view", "change")
]
# Django asks each inline for the rights of its own model.
_SETUP = ["resource", "hours", "visittype", "requirement"]


def permissions() -> dict[str, list[str]]:
    """Return what each group may do, as `app.codename`."""
    setup = [
        f"booking.{act}_{model}"
        for model in _SETUP
        for act in ("view", "add", "change", "delete")
    ]
    content = [
        f"services.{codename}"
        for codename in Permission.objects.filter(
            content_type__app_label="services"
        ).values_list("codename", flat=True)
    ]
    # All that other groups have, or managers could not make such accounts.
    of_others = _ANSWERING + _OWN_DAY + _TRAIL + content
    manager = of_others + _NUMBERS + _PEOPLE + _CHORES + _RULES + setup
    return {
        FRONT_DESK: _ANSWERING,
        CLINICIAN: _OWN_DAY + _APPROVING,
        MANAGER: manager,
        CONTENT_EDITOR: _CONTENT,
        AUDITOR: _TRAIL,
    }


class Command(BaseCommand):
    help = (
        "Give the staff groups exactly the rights that this version means them to "
        "have: Front desk, Clinician, Manager, Content editor, Auditor. Run it after "
        "every migrate."
    )

    def handle(self, *args: object, **options: object) -> None:
        known = {
            f"{app}.{codename}": pk
            for pk, app, codename in Permission.objects.values_list(
                "pk", "content_type__app_label", "codename"
            )
        }
        for name, labels in permissions().items():
            group, _ = Group.objects.get_or_create(name=name)
            group.permissions.set([known[label] for label in labels])
        self.stdout.write(f"Groups: {', '.join(permissions())} are up to date")
