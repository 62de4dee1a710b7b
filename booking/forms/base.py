"""What the forms of all steps have in common."""

from copy import deepcopy
from functools import cache
from typing import TYPE_CHECKING, Any, cast

from crispy_forms.helper import FormHelper
from crispy_forms.layout import Submit
from django import forms
from django.core.exceptions import ValidationError
from django.utils.datastructures import MultiValueDict
from django.utils.translation import gettext as _g
from django.utils.translation import gettext_lazy as _

from booking.draft import Typed

if TYPE_CHECKING:  # Only the stubs tell lazy text from other promises.
    from django.utils.functional import _StrPromise

# A label and a value on the page "Check your answers".
Row = tuple[str, str]


class StepForm(forms.Form):
    """One page of the request: its question, a hint, and the fields that answer it."""

    heading: "str | _StrPromise" = ""
    hint: "str | _StrPromise" = ""
    # The label of the only field is the heading of the page.
    heading_is_question = False
    button: "str | _StrPromise" = _("Continue")
    # "row" puts short answers beside each other.
    options_class = ""
    use_required_attribute = False

    @property
    def helper(self) -> FormHelper:
        helper = FormHelper(self)
        helper.layout = None
        helper.form_id = "step"
        helper.question_is_heading = self.heading_is_question
        helper.options_class = self.options_class
        helper.add_input(Submit("", str(self.button)))
        return helper

    def own(self, name: str) -> Any:
        """Return a field as this form's own, to be changed: see `only_read`."""
        self.fields[name] = deepcopy(self.fields[name])
        return self.fields[name]

    def typed(self) -> Typed:
        """Return what was typed into the fields of this form, and nothing else.

        So not what nobody looked at: all but the last of a field that came several
        times, and what a tick came with.
        """
        data: Any = self.data
        return {
            key: _looked_at(field.widget, data.getlist(key))
            for name, field in self.fields.items()
            for key in _keys(self.add_prefix(name), field.widget)
            if key in data
        }

    def show_again(self, typed: Any) -> None:
        """Fill the unbound form with what was typed before, if anything was."""
        if not typed:
            return
        for name, field in self.fields.items():
            key = self.add_prefix(name)
            self.initial[name] = field.widget.value_from_datadict(typed, {}, key)

    def contributes(self) -> dict[str, Any]:
        """Return this step's part of a `NewRequest`, by field. Needs a valid form.

        The parts of "patient" and of "choices" are joined over all steps.
        """
        raise NotImplementedError

    def rows(self) -> list[Row]:
        """Return what the page "Check your answers" shows. Needs a valid form."""
        return [
            (str(bound.label), shown(bound.field, self.cleaned_data[bound.name]))
            for bound in self.visible_fields()
        ]


class _Shared(dict[str, forms.Field]):
    """Fields that each form of a class takes as they are, in place of copies."""

    def __deepcopy__(self, _memo: dict[int, Any]) -> dict[str, forms.Field]:
        return dict(self)


class _OnlyRead(forms.Form):
    """Cleans as Django does, without the object by which each field is shown."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        # What stands after each label would be put into words for every form.
        super().__init__(*args, **kwargs | {"label_suffix": ""})

    def _clean_fields(self) -> None:
        for name, field in self.fields.items():
            key, widget = self.add_prefix(name), field.widget
            typed = widget.value_from_datadict(self.data, self.files, key)
            try:
                self.cleaned_data[name] = field.clean(typed)
            except ValidationError as error:
                self.add_error(name, error)


@cache
def only_read(form: type[StepForm]) -> type[StepForm]:
    """Return the form as one to read answers by, which is never shown.

    Showing a form writes into its widgets, so each has its own; reading one does not,
    and to copy them takes as long as all the rest. What a form changes itself it takes
    as its own first. No form of a step has a `clean_…` for one of its fields.
    """
    reader: Any = type(form.__name__, (_OnlyRead, form), {})
    reader.base_fields = _Shared(form.base_fields)
    return cast("type[StepForm]", reader)


def shown(field: forms.Field, value: Any) -> str:
    """Return a cleaned value as people read it."""
    if isinstance(field, forms.BooleanField):
        return _g("Yes") if value else _g("No")
    choices = getattr(field, "choices", None)
    if choices and isinstance(value, list):
        names = dict(choices)
        return "; ".join(str(names[one]) for one in value) or _g("No")
    if choices:
        return str(dict(choices).get(value, value))
    return str(value or "")


def _looked_at(widget: forms.Widget, values: list[str]) -> list[str]:
    if getattr(widget, "allow_multiple_selected", False):
        return values
    if isinstance(widget, forms.CheckboxInput):
        ticked = widget.value_from_datadict({"": values[-1]}, MultiValueDict(), "")
        return ["on"] if ticked else []
    return values[-1:]


def _keys(name: str, widget: forms.Widget) -> list[str]:
    """Return the names under which the widget's parts arrive."""
    suffixes: list[str] = getattr(widget, "widgets_names", [""])
    return [name + suffix for suffix in suffixes]


class ChoiceField(forms.ChoiceField):
    """Django's, but each form has the same choices, and not a copy of every word."""

    def __deepcopy__(self, memo: dict[int, Any]) -> "ChoiceField":
        return forms.Field.__deepcopy__(self, memo)


def radios(
    label: "str | _StrPromise",
    choices: Any,
    *,
    required: "str | _StrPromise",
    help_text: "str | _StrPromise" = "",
) -> ChoiceField:
    """Return a question with a few answers, of which one has to be chosen."""
    return ChoiceField(
        label=label,
        help_text=help_text,
        choices=choices,
        widget=forms.RadioSelect,
        error_messages={"required": required, "invalid_choice": required},
    )


YES_NO = [("yes", _("Yes")), ("no", _("No"))]
