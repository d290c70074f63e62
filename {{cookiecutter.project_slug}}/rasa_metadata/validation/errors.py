"""API errors: the response to an invalid request or a failed turn."""

from dataclasses import dataclass, field
from typing import Any

RETRY_AFTER_SECONDS = 2


@dataclass
class ApiError(Exception):
    """A request that is rejected, or a turn that failed.

    `status` is the HTTP status, `reason` one word for programs, `message` a sentence for
    people, `details` the place of the mistake.
    """

    status: int
    reason: str
    message: str
    details: dict[str, Any] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)

    def body(self) -> dict[str, Any]:
        """Return the answer in the shape of Rasa's own errors
        (rasa/server.py, ErrorResponse)."""
        return {
            "status": "failure",
            "code": self.status,
            "reason": self.reason,
            "message": self.message,
            "details": self.details,
        }


def failed(message: str) -> ApiError:
    """Return the error for a turn that failed through a fault of the bot."""
    return ApiError(500, "TurnFailed", message)


def try_again(
    message: str, reason: str = "TryAgain", details: dict[str, Any] | None = None
) -> ApiError:
    """Return the error for a turn that may succeed when the message is sent again."""
    headers = {"Retry-After": str(RETRY_AFTER_SECONDS)}
    return ApiError(503, reason, message, details or {}, headers)
