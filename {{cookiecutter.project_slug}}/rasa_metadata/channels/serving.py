"""What our channels do once the Rasa server is up, and what they need from it."""

import inspect
import json
import logging
import os
import shlex
from typing import Any

from rasa.utils.endpoints import EndpointConfig
from sanic import Sanic

from rasa_metadata import runtime
from rasa_metadata.contract import Contract, ContractError, contract_of
from rasa_metadata.contract.examples import example_metadata
from rasa_metadata.contract.signature import SIGNATURE_KEY_VARIABLE
from rasa_metadata.runtime.in_process import ACTION_SERVER_URL, actions_of
from rasa_metadata.runtime.readiness import agent_in
from rasa_metadata.validation.errors import ApiError, try_again
from rasa_metadata.validation.message import RequestValidation

logger = logging.getLogger(__name__)

NO_TOKENS = "There is no METADATA_JWT_KEY and no jwt_issuer, so signed slots stay empty."


def contract_in(app: Sanic) -> Contract:
    """Return the contract of the model that runs now.

    Raises:
        ApiError: 503 when there is no model, 500 when its contract is broken.
    """
    domain = getattr(agent_in(app), "domain", None)
    if domain is None:
        raise try_again("The bot has no model: run 'make train'.", "NoModel")
    try:
        return contract_of(domain.as_dict())
    except ContractError as error:
        raise ApiError(500, "BrokenContract", str(error)) from error


def start(app: Sanic, validation: RequestValidation) -> None:
    """Import the actions and log what the operator should know; once for all channels."""
    for provider in validation.tokens.providers.values():
        provider.fetch()  # so a wrong address is in the log at once
    if getattr(app.ctx, "runtime_is_reported", False):
        return
    app.ctx.runtime_is_reported = True
    runtime.load()  # for endpoints.yml that names none of our stores
    _report_actions(getattr(agent_in(app), "action_endpoint", None))
    _report_open_api(app)
    try:
        contract = contract_in(app)
    except ApiError as error:
        logger.error(error.message)
        return
    if contract.has_signed:
        if not validation.tokens:
            logger.warning(NO_TOKENS)
        elif os.environ.get(ACTION_SERVER_URL) and not os.environ.get(SIGNATURE_KEY_VARIABLE):
            logger.warning(f"There is no {SIGNATURE_KEY_VARIABLE}, so signed slots stay empty.")


def _report_actions(endpoint: EndpointConfig | None) -> None:
    if endpoint is None:
        return
    if actions_of(endpoint):
        logger.info("Actions run inside this server.")
    else:
        logger.info(f"Actions run on {endpoint.url}.")


def _report_open_api(app: Sanic) -> None:
    """Log who can use Rasa's API if nothing protects it; only its routes know the token."""
    handler = next((each.handler for each in app.router.routes if each.path == "model"), None)
    if handler is None or app.config.get("USE_JWT"):  # without --enable-api, or with --jwt-secret
        return
    if inspect.getclosurevars(handler).nonlocals["token"] is None:
        logger.warning(
            "--enable-api without --auth-token or --jwt-secret: everybody who reaches "
            f"{app.state.host}:{app.state.port} can read and write every conversation now."
        )


def contract_or_none(app: Sanic) -> Contract | None:
    """Return the contract of the model that runs now, None if there is none."""
    try:
        return contract_in(app)
    except ApiError:
        return None


def example_in(app: Sanic) -> dict[str, Any] | None:
    """Return example metadata from the contract; None if there is no contract."""
    contract = contract_or_none(app)
    return example_metadata(contract) if contract else None


def address(app: Sanic, path: str) -> str:
    """Return the address of a path of this server, for a client on the same machine."""
    location = app.serve_location.replace("//0.0.0.0:", "//localhost:")
    return location.replace("//[::]:", "//localhost:") + path


def invite(app: Sanic, path: str) -> None:
    """Log a `curl` to paste, with example metadata."""
    metadata = example_in(app)
    if metadata is None:
        return
    message = {"sender": "ada", "message": "hello", **({"metadata": metadata} if metadata else {})}
    body = json.dumps(message)
    url = address(app, path)
    logger.info(
        f"Talk to the bot at {url}, for example\n\n"
        f"  curl {url} -H 'Content-Type: application/json' -d {shlex.quote(body)}\n"
    )
