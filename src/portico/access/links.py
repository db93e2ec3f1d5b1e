"""The page of a visitor whose key has a dynamic QR code: its address is the permission."""

from __future__ import annotations

from django.core import signing

from portico.access.models import TempKey
from portico.kernel.errors import NotVisible

_SIGNER = signing.Signer(salt="portico.access.visitor")


def visitor_word(key: TempKey) -> str:
    """The secret part of the address of the key's page; it stays the same."""
    return _SIGNER.sign(str(key.pk))


def key_of_visitor(word: str) -> TempKey:
    """The key whose page has this address, also when it is over.

    :raises NotVisible: nobody's word, or its key has no such page.
    """
    try:
        key_id = _SIGNER.unsign(word)
    except signing.BadSignature:
        raise NotVisible from None
    keys = TempKey.objects.select_related("site").prefetch_related("relays__device")
    key = keys.filter(pk=key_id).first()
    if key is None or not key.is_dynamic:
        raise NotVisible
    return key
