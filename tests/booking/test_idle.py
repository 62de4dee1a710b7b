"""Whoever has left the desk is signed out, and led back to where they were."""

from datetime import timedelta

import pytest
from django.test import Client
from pytest_django import Settings
from time_machine import Traveller

from .desk import said

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clock")]

DESK, STAY = "/admin/", "/admin/stay/"
FIND = "/admin/booking/appointment/find/"
ITSELF = {"X-Refresh": "1"}


@pytest.fixture(autouse=True)
def half_an_hour(settings: Settings) -> None:
    settings.STAFF_IDLE_MINUTES = 30


def test_who_keeps_working_stays_signed_in(desk: Client, clock: Traveller):
    for _ in range(5):
        clock.shift(timedelta(minutes=29, seconds=59))
        assert desk.get(DESK).status_code == 200


def test_who_has_left_is_signed_out_and_led_back(desk: Client, clock: Traveller):
    clock.shift(timedelta(minutes=31))
    response = desk.get(f"{FIND}?back=%2Fadmin%2F")
    there = (
        "/admin/login/?next=/admin/booking/appointment/find/%3Fback%3D%252Fadmin%252F"
    )
    assert response["Location"] == there
    assert said(response) == ["You were signed out because nobody was here."]
    assert "_auth_user_id" not in desk.session
    page = desk.get(response["Location"])
    assert "nobody was here" in page.text
    assert 'id="idle"' not in page.text


def test_a_form_sent_too_late_leads_back_to_its_page(desk: Client, clock: Traveller):
    clock.shift(timedelta(minutes=31))
    here = {"Referer": f"http://testserver{FIND}?x=1"}
    there = desk.post(STAY, headers=here)["Location"]
    assert there == "/admin/login/?next=/admin/booking/appointment/find/%3Fx%3D1"


@pytest.mark.parametrize(
    "referer", ["", "https://evil.example/admin/", "http://testserver/book/", "x"]
)
def test_nobody_is_led_elsewhere(desk: Client, referer: str):
    assert desk.post(STAY, headers={"Referer": referer})["Location"] == DESK


def test_a_page_that_refreshes_itself_keeps_nobody_signed_in(
    desk: Client, clock: Traveller
):
    for _ in range(2):
        clock.shift(timedelta(minutes=14))
        assert desk.get(DESK, headers=ITSELF).status_code == 200
    clock.shift(timedelta(minutes=3))
    assert desk.get(DESK, headers=ITSELF).status_code == 302


def test_the_button_keeps_somebody_signed_in(desk: Client, clock: Traveller):
    page = desk.get(DESK).text
    assert 'data-seconds="1800"' in page
    assert f'action="{STAY}"' in page
    for _ in range(3):
        clock.shift(timedelta(minutes=29))
        assert desk.post(STAY).status_code == 302
    assert desk.get(DESK).status_code == 200


def test_a_script_is_told_whether_somebody_stays(desk: Client, clock: Traveller):
    asks = {"X-Stay": "1"}
    assert desk.post(STAY, headers=asks).status_code == 204
    clock.shift(timedelta(minutes=31))
    assert desk.post(STAY, headers=asks).status_code == 302


def test_patients_pages_are_not_concerned(client: Client, clock: Traveller):
    client.get("/book/")
    clock.shift(timedelta(minutes=31))
    assert client.get("/book/").status_code == 200
