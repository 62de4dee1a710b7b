from django.conf import settings
from django.conf.urls.i18n import i18n_patterns
from django.contrib import admin
from django.urls import URLPattern, URLResolver, include, path

from booking.views import suppliers
from services import sitemaps

from .styleguide import styleguide
from .styleguide_desk import styleguide_admin, styleguide_desk

urlpatterns: list[URLPattern | URLResolver] = [
    path("admin/", admin.site.urls),
    path("robots.txt", sitemaps.robots),
    path("sitemap.xml", sitemaps.sitemap),
    *i18n_patterns(
        path("", include("booking.urls")),
        path("", include("services.urls")),
        prefix_default_language=False,
    ),
]
if settings.MAIL_SUPPLIER and settings.MAIL_EVENTS_SECRET:
    urlpatterns = [path("mail/events/", suppliers.mail_events), *urlpatterns]
if settings.TEXT_BACKEND and settings.TEXT_SECRET:
    urlpatterns = [path("texts/received/", suppliers.text_received), *urlpatterns]
if settings.DEBUG:
    urlpatterns = [
        path("styleguide/", styleguide),
        path("styleguide/desk/", styleguide_desk),
        path("styleguide/desk/admin/", styleguide_admin),
        *urlpatterns,
    ]

handler400 = "clinic_site.views.bad_request"
handler404 = "clinic_site.views.page_not_found"
handler500 = "clinic_site.views.server_error"
