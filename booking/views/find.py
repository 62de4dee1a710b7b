"""Find my appointment: the link goes by mail, and the page says nothing else."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_safe

from booking import clock, finding, limits
from booking.errors import TooMany
from booking.forms import FindForm
from clinic_site.client import client_address

from .road import UNFIT, brought_along


@require_http_methods(["GET", "HEAD", "POST"])
def find(request: HttpRequest) -> HttpResponse:
    """Ask for email address and birth date; whatever is sent, the answer is one."""
    again = brought_along(request)
    form = FindForm(request.POST if request.method == "POST" and not again else None)
    if again:
        form.show_again(request.POST)
    status = UNFIT if form.errors else 200
    if form.is_valid():
        now, email = clock.now(), form.cleaned_data["email"]
        if limits.allows(limits.FINDS_BY_ADDRESS, client_address(request), now=now):
            if limits.allows(limits.FINDS_BY_EMAIL, email, now=now):
                finding.ask(email, form.cleaned_data["birth_date"], now=now)
            return redirect("booking:find_asked")
        form.add_error(None, str(TooMany()))
        status = 429
    context = {"form": form, "keeps_typed": True}
    return render(request, "booking/find.html", context, status=status)


@require_safe
def asked(request: HttpRequest) -> HttpResponse:
    """Say that the link is on its way, if there is one."""
    return render(request, "booking/find_asked.html")
