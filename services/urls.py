from django.urls import path

from . import views

app_name = "services"

urlpatterns = [
    path("", views.home, name="home"),
    path("treatments-and-tests/", views.service_list, name="service_list"),
    path("treatments-and-tests/<slug:slug>/", views.service, name="service"),
    path("our-team/", views.team, name="team"),
    path("visit-us/", views.visit_us, name="visit_us"),
    path("cards/<slug:name>/<str:digest>.png", views.card, name="card"),
    path("cards/<slug:name>/<slug:slug>/<str:digest>.png", views.card, name="card"),
    path("<slug:slug>/", views.page, name="page"),
]
