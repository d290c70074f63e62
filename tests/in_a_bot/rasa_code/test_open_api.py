"""Who can use Rasa's API is in the log if nothing protects it."""

import pytest
from rasa.core.run import configure_app
from sanic import Sanic

from rasa_metadata.channels import serving


@pytest.mark.parametrize(
    "options, open_to_all",
    [
        ({"enable_api": True}, True),
        ({"enable_api": False}, False),
        ({"enable_api": True, "auth_token": "secret"}, False),
        ({"enable_api": True, "jwt_secret": "secret", "jwt_method": "HS256"}, False),
    ],
)
def test_an_api_without_protection_is_a_warning_and_no_other(caplog, options, open_to_all):
    Sanic._app_registry.clear()
    app = configure_app(**options)
    app.state.host, app.state.port = "0.0.0.0", 5005
    serving._report_open_api(app)
    text = "everybody who reaches 0.0.0.0:5005 can read and write every conversation now"
    assert (text in caplog.text) == open_to_all
