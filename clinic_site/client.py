from django.conf import settings
from django.http import HttpRequest


def client_address(request: HttpRequest) -> str:
    """Return the address that the request came from, for limits; "" if unknown.

    Each of our proxies appends the address it heard from to X-Forwarded-For, so
    the entry that many from the right is the client's. What stands further left the
    client wrote itself. A request with fewer entries did not pass our proxies.
    """
    forwarded = request.headers.get("X-Forwarded-For", "").split(",")
    if 0 < settings.TRUSTED_PROXIES <= len(forwarded):
        address: str = forwarded[-settings.TRUSTED_PROXIES].strip()
        if address:
            return address
    return str(request.META.get("REMOTE_ADDR", ""))
