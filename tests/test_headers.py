"""What every answer says to browsers, proxies and logs besides its page."""

import logging
import re
import sys
from base64 import b64encode
from hashlib import sha256

import pytest
from django.test import Client, RequestFactory
from django.views.debug import ExceptionReporter

from clinic_site.discretion import DiscreetFormatter

from .servers import running_site

pytestmark = pytest.mark.django_db

POLICY = {
    "default-src 'none'", "style-src 'self'",
    "img-src 'self' data:", "font-src 'self'", "connect-src 'self'",
    "manifest-src 'self'", "form-action 'self'", "frame-ancestors 'none'",
    "base-uri 'none'", "object-src 'none'",
}  # fmt: skip
TYPED = "a-secret-that-somebody-typed"


@pytest.mark.parametrize("path", ["/", "/no-such-page/", "/admin/login/", "/admin/"])
def test_every_page_keeps_strangers_out(client, path):
    headers = client.get(path).headers
    policy = headers["Content-Security-Policy"].split("; ")
    assert {part for part in policy if not part.startswith("script-src ")} == POLICY
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "same-origin"
    assert headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
    assert set(re.findall(r"=(\S+?)(?:,|$)", headers["Permissions-Policy"])) == {"()"}


@pytest.mark.parametrize("path", ["/", "/no-such-page/", "/book/"])
def test_a_page_runs_our_script_and_no_other(client, path):
    answer = client.get(path, follow=True)
    scripts = re.findall(r"<script>(.*?)</script>", answer.text, re.DOTALL)
    digest = b64encode(sha256(scripts[0].encode()).digest()).decode()
    policy = answer.headers["Content-Security-Policy"].split("; ")
    assert f"script-src 'self' 'sha256-{digest}'" in policy
    assert len(scripts) == 1
    assert ".problem" in scripts[0]
    assert "//" not in scripts[0]


@pytest.mark.parametrize("path", ["/no-such-page/", "/admin/login/", "/book/"])
def test_what_is_not_for_the_public_is_neither_kept_nor_listed(client, path):
    headers = client.get(path).headers
    assert "no-store" in headers["Cache-Control"]
    assert headers["X-Robots-Tag"] == "noindex"


def test_what_is_for_the_public_may_be_found(client):
    headers = client.get("/").headers
    assert "no-store" not in headers.get("Cache-Control", "")
    assert "X-Robots-Tag" not in headers


def test_a_form_without_its_token_is_refused_with_words():
    response = Client(enforce_csrf_checks=True).post("/admin/login/")
    assert response.status_code == 403
    assert "<h1" in response.content.decode()


def test_a_monitor_is_answered_over_http_and_by_any_name(client, settings):
    settings.SECURE_SSL_REDIRECT = True
    for path in ("/livez", "/readyz"):
        response = client.get(path, headers={"Host": "10.0.0.7"})
        assert (response.status_code, response.headers["Cache-Control"]) == (
            200,
            "no-store",
        )


def test_an_error_report_holds_nothing_that_was_typed():
    request = RequestFactory().post("/book/", {"reason": TYPED})
    try:
        answers = {"reason": request.POST["reason"]}
        raise ValueError(len(answers))
    except ValueError:
        report = ExceptionReporter(request, *sys.exc_info())
    assert "ValueError" in report.get_traceback_text()
    assert TYPED not in report.get_traceback_text()
    assert TYPED not in report.get_traceback_html()


def test_the_log_holds_no_row_of_the_database_and_no_link():
    record = logging.makeLogRecord(
        {
            "msg": "refused at /appointments/%s/\nDETAIL:  Failing row contains (%s).",
            "args": ("token", TYPED),
            "levelname": "ERROR",
        }
    )
    text = DiscreetFormatter("%(levelname)s %(message)s").format(record)
    assert text == "ERROR refused at /appointments/-/"


def test_in_production_everything_goes_by_https_and_is_logged_discreetly():
    with running_site(
        SITE_URL="https://clinic.example",
        ALLOWED_HOSTS="clinic.example",
        TRUSTED_PROXIES="1",
    ) as site:
        names = {"Host": "clinic.example", "X_Forwarded_For": "203.0.113.9"}
        plain = site.get("/?q=1", **names)
        assert (plain.status, plain.headers["Location"]) == (
            301,
            "https://clinic.example/?q=1",
        )
        secure = names | {"X_Forwarded_Proto": "https"}
        login = site.get("/admin/login/", **secure)
        assert login.headers["Strict-Transport-Security"] == (
            "max-age=31536000; includeSubDomains; preload"
        )
        assert re.fullmatch(
            r"__Host-csrf=\w+; expires=.*; HttpOnly; Max-Age=\d+; Path=/; SameSite=Lax;"
            r" Secure",
            login.headers["Set-Cookie"],
        )
        link = f"/appointments/{TYPED}/?name={TYPED}"
        assert site.get(link, **secure, Referer=f"https://{TYPED}/").status == 404
        (style,) = re.findall(
            r'href="(/static/css/tokens\.\w+\.css)"', site.get("/", **secure).text
        )
        assert site.get(style, **secure).headers["Cache-Control"] == (
            "max-age=315360000, public, immutable"
        )
        foreign = site.get("/", **(secure | {"Host": "evil.example"}))
        assert (foreign.status, "evil.example" in foreign.text) == (400, False)
        log = site.log
    assert re.search(r"^GET /appointments/-/ 404 \d+B \d+ms$", log, re.MULTILINE)
    assert TYPED not in log
    assert "203.0.113.9" not in log
