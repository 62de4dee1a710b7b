from django.contrib.admin.apps import AdminConfig


class FrontDeskAdminConfig(AdminConfig):
    default_site = "booking.front_desk.FrontDeskSite"
