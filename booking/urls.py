from django.urls import path

from .steps import STEPS
from .views import appointment, change, find, request, search, sending, times, waiting

app_name = "booking"

# The road to a request, one page a step.
request_urls = [
    path("book/", request.start, name="start"),
    path("book/times/", times.times, name="times"),
    path("book/other-times/", times.other_times, name="other_times"),
    path("book/waiting-list/", waiting.join, name="waiting_list"),
    *[
        path(f"book/{s.slug}/", request.step, {"slug": s.slug}, name=s.url_name)
        for s in STEPS
        if s.topic != "times"
    ],
    path("book/check/", sending.check, name="check"),
    path("book/sent/", sending.sent, name="sent"),
    path("book/expired/", request.expired, name="expired"),
    path("book/leaving/", request.leaving, name="leaving"),
]

# The patient's private link.
appointment_urls = [
    path("appointments/<str:token>/", appointment.open_link, name="open_link"),
    path("appointment/", appointment.status, name="appointment"),
    path("appointment/calendar.ics", appointment.calendar, name="calendar"),
    path("appointment/preparing/", appointment.getting_ready, name="preparing"),
    path("appointment/cancellation/", appointment.cancellation, name="cancellation"),
    path("appointment/find/", find.find, name="find"),
    path("appointment/find/asked/", find.asked, name="find_asked"),
    path("appointment/change/", change.change, name="change"),
    path("appointment/change/stop/", change.stop_change, name="stop_change"),
    path("appointment/earlier/", waiting.earlier, name="earlier"),
    path("appointment/offer/", waiting.offer, name="offer"),
    path("appointment/leaving/", waiting.leaving, name="leave_list"),
]

urlpatterns = [
    *request_urls,
    *appointment_urls,
    path("search/", search.search, name="search"),
]
