"""What a password of staff must be, in words that say how to go on."""

from django.contrib.auth import password_validation as django
from django.utils.translation import gettext as _


class NotLikeTheAccount(django.UserAttributeSimilarityValidator):
    def get_help_text(self) -> str:
        return _("Nothing close to your name or your email address.")

    def get_error_message(self) -> str:
        return _("That is too close to the %(verbose_name)s. Choose something else.")


class LongEnough(django.MinimumLengthValidator):
    def get_help_text(self) -> str:
        words = _("At least %(n)d characters. A few words in a row are easy to keep.")
        return words % {"n": self.min_length}

    def get_error_message(self) -> str:
        return _("Make it longer: at least %(n)d characters.") % {"n": self.min_length}


class NotCommon(django.CommonPasswordValidator):
    def get_help_text(self) -> str:
        return _("None that many people use, such as a word with a number.")

    def get_error_message(self) -> str:
        return _(
            "Many people use that password, so it is guessed first. Choose another."
        )


class NotOnlyDigits(django.NumericPasswordValidator):
    def get_help_text(self) -> str:
        return _("Not digits alone.")

    def get_error_message(self) -> str:
        return _("Use letters, too: digits alone are guessed soon.")
