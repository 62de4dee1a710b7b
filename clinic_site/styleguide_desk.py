"""Every component of the front desk in every state, made as the real pages make it."""

from typing import Any, cast

from django.contrib import admin
from django.contrib.admin.helpers import AdminForm
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.template import loader
from django.template.context import make_context
from django.template.loader_tags import BLOCK_CONTEXT_KEY, BlockContext, ExtendsNode

from booking.admin.forms import DeclineForm
from booking.admin.words import SEND
from booking.models import Appointment, Closure
from booking.policy import Act
from services.admin import PhotoForm
from services.models import Fact, Photo, Service

from . import styleguide_samples as samples


def content_of(request: HttpRequest, page: str, context: dict[str, Any]) -> str:
    """Return what a page shows below its heading: its block `content`, and no more."""
    template = cast("Any", loader.get_template(page)).template
    found, blocks = make_context(context, request), BlockContext()
    with found.render_context.push_state(template), found.bind_template(template):
        while extends := template.nodelist.get_nodes_by_type(ExtendsNode):
            blocks.add_blocks(extends[0].blocks)
            template = extends[0].get_parent(found)
        found.render_context[BLOCK_CONTEXT_KEY] = blocks
        return str(blocks.get_block("content").render(found))


def signed_in(request: HttpRequest, title: str) -> dict[str, Any]:
    """Return what each page of the desk shows to a colleague with every right."""
    request.user = samples.ADA
    return {
        **admin.site.each_context(request),
        "title": title,
        "has_permission": True,
        "now": samples.NOW,
        "may_answer": True,
        "owners": samples.owners(),
        "back": request.path,
    }


def styleguide_desk(request: HttpRequest) -> HttpResponse:
    """Show the components, inside Django's own admin."""
    common = signed_in(request, "Styleguide of the front desk")

    def content(page: str, more: dict[str, Any]) -> str:
        return content_of(request, f"admin/{page}.html", common | more)

    wanted = samples.requests()[0]
    context = {
        **common,
        "messages": samples.notices(),
        "desk": samples.desk(),
        "app_list": common["available_apps"],
        "facts": [Fact(label="Using the muscle", value="Right away")],
        "changes": samples.changed(),
        "share": samples.shares(),
        **samples.systems(),
        "requests": samples.requests(),
        "arrivals": samples.arrivals(),
        "outcomes": samples.outcomes(),
        "places": samples.waiting(),
        "visit": wanted.visit,
        "line": wanted,
        "days": samples.around(),
        "rivals": samples.rivals(),
        "events": samples.events(),
        "messages_owed": samples.calls(),
        "suggested": samples.suggested(),
        "patient": samples.visit(221, "Patient A").patient,
        "record": samples.record(),
        "preview": ("Another time for your visit", "Please choose one of these times."),
        "send": SEND[Act.OFFER],
        "decline": DeclineForm({}, auto_id="decline_%s"),
        "calendar": content("booking/calendar/calendar", samples.calendar()),
        "week": samples.week(),
        "sheet": content("booking/calendar/sheet", samples.sheet()),
        "tasks": content("front_desk/tasks", samples.tasks_page()),
        "phone": content("booking/appointment/phone", samples.phone()),
        "series": content("booking/appointment/series", samples.series()),
        "closing": content("booking/closing/closing", samples.closing_page()),
        "reports": content("reports/reports", samples.reports()),
        "lines": samples.trail_lines(),
        "versions": content("content/versions", samples.versions(request)),
        "setup": content("sign_in/setup", samples.sign_in()),
        "html": "<!doctype html><html lang=en><title>Sample</title><p>A sample.",
    }
    return render(request, "styleguide_desk.html", context)


def styleguide_admin(request: HttpRequest) -> HttpResponse:
    """Show what Django makes of lists and forms, and we of that."""
    common = signed_in(request, "Styleguide of lists and forms")
    listed: Any = admin.site.get_model_admin(Appointment).changelist_view(request)
    lines = samples.requests()
    for line in lines:
        line.visit.line = line  # type: ignore[attr-defined]  # as the list does
    listed.context_data["cl"].result_list = [line.visit for line in lines]
    added: Any = admin.site.get_model_admin(Service).add_view(request)
    closures = admin.site.get_model_admin(Closure)
    form = closures.get_form(request)({}, prefix="wrong")
    picture = PhotoForm(instance=samples.photo(), prefix="picture")
    context = {
        **common,
        "media": added.context_data["media"] + closures.media + picture.media,
        "list": content_of(
            request,
            "admin/booking/appointment/change_list.html",
            common | listed.context_data,
        ),
        "form": content_of(
            request, "admin/content/draft_form.html", common | added.context_data
        ),
        "object": Closure(pk=1, reason="Training"),
        "opts": closures.opts,
        "protected": ["3 visits", "1 offer", "Move or cancel these first."],
        "wrong": AdminForm(
            form, [("A closure", {"fields": list(form.fields)})], {}, (), closures
        ),
        "picture": AdminForm(
            picture,
            [(None, {"fields": ["upload", "focus_x", "focus_y"]})],
            {},
            (),
            admin.site.get_model_admin(Photo),
        ),
    }
    return render(request, "styleguide_admin.html", context)
