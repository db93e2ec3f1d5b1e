from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from django import forms
from django.utils.translation import gettext_lazy as _

from portico.devices.catalogue import all_models
from portico.portals.shared.choices import MAIL_LANGUAGES
from portico.portals.shared.forms import StyledForm
from portico.support.rules import ACCEPTED, MAX_BYTES, MAX_FILES, FileData

if TYPE_CHECKING:
    from django.core.files.uploadedfile import UploadedFile


class _ManyFiles(forms.FileInput):
    allow_multiple_selected = True


class FilesField(forms.FileField):
    """Any number of files, not yet read; the service says which are taken."""

    widget = _ManyFiles

    def clean(self, data: Any, initial: Any = None) -> Any:
        chosen = data if isinstance(data, list | tuple) else [data]
        return [super(FilesField, self).clean(one, initial) for one in chosen if one]


class MessageForm(StyledForm):
    text = forms.CharField(
        label=_("Message"), max_length=20_000, widget=forms.Textarea(attrs={"rows": 6})
    )
    attachments = FilesField(
        label=_("Files"),
        required=False,
        help_text=_(
            "At most 5 of 10 MB each: pictures, PDF, text, log or ZIP. The other side"
            " can download them."
        ),
        widget=_ManyFiles(attrs={"accept": ACCEPTED}),
    )

    def read_files(self) -> Sequence[FileData]:
        """What was chosen, read no further than where it is too much anyway."""
        chosen: list[UploadedFile[bytes]] = self.cleaned_data["attachments"]
        return [
            FileData(file.name or "", file.read(MAX_BYTES + 1))
            for file in chosen[: MAX_FILES + 1]
        ]


class TicketForm(MessageForm):
    subject = forms.CharField(label=_("Subject"), max_length=127)
    field_order = ("subject", "text", "attachments")


def _models() -> list[tuple[str, str]]:
    return [("", str(_("All models"))), *((name, name) for name in all_models())]


class ManualForm(StyledForm):
    title = forms.CharField(label=_("Title"), max_length=127)
    model = forms.ChoiceField(label=_("Model"), choices=_models, required=False)
    language = forms.ChoiceField(label=_("Language"), choices=MAIL_LANGUAGES)
    file = forms.FileField(
        label=_("File"),
        help_text=_("A PDF of at most 50 MB."),
        widget=forms.FileInput(attrs={"accept": ".pdf"}),
    )
