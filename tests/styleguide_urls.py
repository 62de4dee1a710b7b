"""The site's addresses and the styleguide, which is only there while developing."""

from django.urls import path

from clinic_site.styleguide import styleguide
from clinic_site.styleguide_desk import styleguide_admin, styleguide_desk
from clinic_site.urls import urlpatterns as site

urlpatterns = [
    path("styleguide/", styleguide),
    path("styleguide/desk/", styleguide_desk),
    path("styleguide/desk/admin/", styleguide_admin),
    *site,
]
