"""gunicorn's settings, for developing and in production alike.

The environment sets HOST, PORT or BIND, WEB_CONCURRENCY (processes) and WEB_THREADS.
"""

from datetime import timedelta
from typing import Any

from gunicorn.glogging import Logger
from gunicorn.workers.base import Worker

from clinic_site.discretion import without_links
from clinic_site.environment import listening, number, text
from clinic_site.garbage import spare_what_is_loaded

wsgi_app = "clinic_site.wsgi"
host, port = listening()
bind = text("BIND", f"[{host}]:{port}" if ":" in host else f"{host}:{port}")
workers = number("WEB_CONCURRENCY", 2, least=1)
threads = number("WEB_THREADS", 4, least=1)
# Longer than the database's statement_timeout, so that its refusal is answered.
timeout = 30
graceful_timeout = 20
# Longer than nginx keeps an idle connection, so that gunicorn never closes first.
keepalive = 75
control_socket_disable = True
accesslog = "-"


def post_worker_init(worker: Worker) -> None:
    """Begin once the site is loaded, which is before the first request."""
    spare_what_is_loaded()


class DiscreetLogger(Logger):
    """Log neither who asked nor what for: no address, query, referrer or link."""

    def atoms(
        self, resp: Any, _req: Any, environ: dict[str, Any], request_time: timedelta
    ) -> dict[str, Any]:
        """Return what `access_log_format` names; gunicorn's own returns all headers."""
        return {
            "m": environ["REQUEST_METHOD"],
            # Without a path it is a request that gunicorn refuses itself.
            "U": without_links(environ.get("PATH_INFO", "-")),
            "s": str(resp.status).partition(" ")[0],
            "B": resp.sent,
            "M": request_time // timedelta(milliseconds=1),
        }


logger_class = DiscreetLogger
access_log_format = "%(m)s %(U)s %(s)s %(B)sB %(M)sms"
