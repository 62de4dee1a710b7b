from django.contrib.admin.apps import AdminConfig
from django.forms import ChoiceField, Field, FileField, SlugField
from django.utils.translation import gettext_lazy

# How to go on, where a form of the admin has no words of its own. Here, because fields
# take their words as they are made, Django's own among the first.
Field.default_error_messages["required"] = gettext_lazy("Fill this in.")
ChoiceField.default_error_messages["required"] = gettext_lazy("Choose one.")
FileField.default_error_messages["required"] = gettext_lazy("Choose a file.")
SlugField.default_error_messages = {
    "invalid": gettext_lazy(
        "Use letters, numbers and hyphens (-) only, with no spaces: nerve-test."
    )
}


class FrontDeskAdminConfig(AdminConfig):
    default_site = "booking.front_desk.FrontDeskSite"
