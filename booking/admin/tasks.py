"""The page of everything that waits for a person."""

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from booking import clock, tasks
from booking.changes import Changes
from booking.front_desk import PAGES, may_answer, signed_in
from booking.tasks import Whose


@require_safe
def tasks_view(request: HttpRequest) -> HttpResponse:
    """Show what waits, due first; `whose` says of whom, without it of all."""
    if not request.user.has_perm("booking.view_appointment"):
        raise PermissionDenied
    now, user = clock.now(), signed_in(request)
    asked = request.GET.get("whose", "")
    whose = Whose(asked) if asked in Whose else Whose.ALL
    found = tasks.waiting(now, whose, user)
    shown = found[: tasks.SHOWN]
    context = {
        **admin.site.each_context(request),
        "title": _("Tasks"),
        "tasks": shown,
        "has_more": len(found) > len(shown),
        "whose": whose,
        "choices": list(Whose),
        "owners": tasks.owners(task.visit for task in shown),
        "changes": Changes(user, now),
        "may_answer": may_answer(request),
        "back": request.get_full_path(),
        "now": now,
    }
    return TemplateResponse(request, "admin/front_desk/tasks.html", context)


PAGES += [("tasks/", tasks_view, "tasks")]
