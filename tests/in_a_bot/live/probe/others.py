"""Channels beside ours."""

from rasa.core.channels.rest import RestInput

from rasa_metadata.channels.rest import MetadataRestInput


class StockInput(RestInput):
    """Rasa's REST channel as it is, under another name: it lets any metadata in."""

    @classmethod
    def name(cls):
        return "stock"


class HastyInput(MetadataRestInput):
    """Ours, but it does not wait long for an action."""

    @classmethod
    def name(cls):
        return "hasty"


class OpenIdInput(MetadataRestInput):
    """Ours, for the tokens of an identity provider."""

    @classmethod
    def name(cls):
        return "openid"
