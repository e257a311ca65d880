"""What every form of the administration refuses."""

from typing import TYPE_CHECKING, Any

from django import forms

from apps.common.columns.kinds import fault_of

if TYPE_CHECKING:
    _Form = forms.ModelForm[Any]
else:
    _Form = forms.ModelForm


class PlausibleForm(_Form):
    """What no endpoint takes is no value here either: the field says so, in the same words."""

    def clean(self) -> dict[str, Any] | None:
        fields = super().clean()
        columns = {column.name: column for column in self.instance._meta.concrete_fields}
        for name in self.cleaned_data.keys() & columns.keys():
            if fault := fault_of(columns[name], self.cleaned_data[name]):
                self.add_error(name, fault)
        return fields
