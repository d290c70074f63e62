"""The token of the user whose turn it is, for actions that call your site in the user's name."""

from collections.abc import Sequence
from contextvars import ContextVar

TOKEN_HEADER = "X-User-Token"  # with which an action server gets it

_held: ContextVar[Sequence[str]] = ContextVar("user_token", default=())


def user_token() -> str | None:
    """Return the token that came with the message of this turn, None without one."""
    return next(iter(_held.get()), None)


def hold(token: str | None) -> list[str]:
    """Let actions have a token; return what to empty at the end of the turn.

    A reminder that the turn scheduled, or a thread that goes on, has the same context.
    """
    held = [token] if token else []
    _held.set(held)
    return held
