from django.contrib.auth.models import Group, Permission
from django.core.management.base import BaseCommand

FRONT_DESK = "Front desk"
MANAGER = "Manager"

_ANSWERING = [
    "booking.view_appointment", "booking.answer_appointment", "booking.view_message",
    "booking.view_closure", "booking.add_closure", "booking.change_closure",
    "booking.delete_closure", "booking.view_waitinglistentry",
]  # fmt: skip
# Managers see the groups but do not change them: nobody grants more than they have.
_PEOPLE = ["auth.view_user", "auth.add_user", "auth.change_user", "auth.view_group"]
_CHORES = ["booking.view_chore", "booking.change_chore"]
_RULES = ["booking.view_waitinglistrules", "booking.change_waitinglistrules"]
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
    manager = _ANSWERING + _PEOPLE + _CHORES + _RULES + setup + content
    return {FRONT_DESK: _ANSWERING, MANAGER: manager}


class Command(BaseCommand):
    help = (
        "Give the two staff groups, Front desk and Manager, exactly the rights that "
        "this version means them to have. Run it after every migrate."
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
