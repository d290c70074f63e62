"""Read the contract from the slots of a domain.

A slot belongs to the contract when one of its mappings has a `metadata:` key:

    plan:
      type: categorical
      values: [free, pro]
      mappings:
        - type: custom
          action: action_sync_metadata
          metadata: account.plan

The long form is `metadata: {path: account.plan, signed: true, claim: plan, scope: turn,
schema: {...}, channels: {telegram: author.name}}`; all but `path` may be left out.
"""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from jsonschema_rs import Draft202012Validator

from rasa_metadata.contract.schema import (
    COSTLY,
    LONGEST_COSTLY,
    Schema,
    compiled,
    has_any,
    metadata_schema,
    value_schema,
)
from rasa_metadata.contract.signature import SIGNED_KEY
from rasa_metadata.contract.values import ABSENT, lookup

SYNC_ACTION = "action_sync_metadata"
VALIDATION_ACTION = "action_validate_slot_mappings"  # Rasa's: its methods are validate_<slot>
SCOPES = ("session", "turn")
VOUCHED = "author"  # what a messaging platform vouches for, of a message's details
KEYS = ("path", "signed", "claim", "scope", "schema", "channels")

# Rasa writes these into the metadata of the events it stores, and believes a
# client that sends them (rasa/shared/core/trackers.py, DialogueStateTracker.update).
RASA_KEYS = frozenset({"model_id", "assistant_id", "is_external"})
IDEMPOTENCY_KEY = "_idempotency_key"  # stored with the message
RESERVED_KEYS = RASA_KEYS | {SIGNED_KEY, IDEMPOTENCY_KEY}


class ContractError(ValueError):
    """The slots of a domain do not make a contract; `problems` lists the reasons."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


@dataclass(frozen=True)
class Field:
    """One metadata slot.

    `path` is the place of its value in metadata, `("account", "plan")` for `account.plan`.
    `schema` is the JSON Schema of values other than `null`. `signed`, `scope` ("session"
    or "turn") and `claim` (of a token, None for its metadata) are explained in the README.
    `channels` has other places, by the name of the messaging platform.
    """

    slot: str
    path: tuple[str, ...]
    schema: Schema = field(compare=False)
    signed: bool = False
    scope: str = "session"
    channels: Mapping[str, tuple[str, ...]] = field(default_factory=dict, compare=False)
    claim: str | None = None

    @property
    def dotted(self) -> str:
        return ".".join(self.path)

    @property
    def holds(self) -> bool:
        """Whether the slot keeps a value until it changes, not only for one message."""
        return self.scope == "session" and not self.signed

    @property
    def label(self) -> str:
        """The slot in words: its schema's `title`, or its name."""
        return str(self.schema.get("title") or self.slot.replace("_", " "))

    @cached_property
    def validator(self) -> Draft202012Validator:
        return compiled(self.schema)

    @cached_property
    def longest(self) -> float:
        """The maximum length of a value's JSON, so that no check takes long."""
        return LONGEST_COSTLY if has_any(self.schema, COSTLY) else math.inf

    def claimed(self, claims: Mapping[str, Any]) -> Any:
        """Return the value that a token's claims give the slot, or `ABSENT`."""
        if self.claim is None:
            return ABSENT
        if self.claim in claims:  # a name with dots, such as https://example.com/roles
            return claims[self.claim]
        return lookup(claims, tuple(self.claim.split(".")))

    def accepts(self, value: Any) -> bool:
        """Return whether the slot can have a value; `None` clears it."""
        if value is None:
            return True
        try:
            short = self.longest == math.inf or len(json.dumps(value)) <= self.longest
            return short and self.validator.is_valid(value)
        except (ValueError, RecursionError):  # a stock channel accepted it: a lone surrogate
            return False


@dataclass(frozen=True)
class Contract:
    """All metadata slots of one domain, in the domain's order."""

    fields: tuple[Field, ...]

    @property
    def has_signed(self) -> bool:
        """Whether there is a signed slot."""
        return any(field.signed for field in self.fields)

    @cached_property
    def schema(self) -> Schema:
        """The metadata object as one JSON Schema (draft 2020-12)."""
        return metadata_schema(self.fields)


# The latest slots and their contract: a server has one domain and many messages.
# Always replaced as a whole, since actions may run in threads.
_latest: tuple[Mapping[str, Any], Contract] = ({}, Contract(()))


def contract_of(domain: Mapping[str, Any], source: str = "domain.yml") -> Contract:
    """Return the contract of a domain.

    `domain` is what `rasa.shared.core.domain.Domain.as_dict()` returns, what an
    action receives, or domain.yml once loaded. `source` is named in errors.
    The contract is read anew only when the slots have changed.

    Raises:
        ContractError: with every problem of every slot.
    """
    global _latest
    slots = domain.get("slots") or {}
    known, contract = _latest
    if slots is not known and slots != known:
        contract = _read(slots, source)
        _latest = slots, contract
    return contract


def _read(slots: Mapping[str, Any], source: str) -> Contract:
    fields: list[Field] = []
    problems: list[str] = []
    for slot, config in slots.items():
        try:
            found = _field(slot, config or {})
        except ContractError as error:
            problems += [f"{source}: slot '{slot}': {text}" for text in error.problems]
        else:
            fields += found
    problems += [f"{source}: {text}" for text in _clashes(fields)]
    if problems:
        raise ContractError(problems)
    return Contract(tuple(fields))


def _field(slot: str, config: Mapping[str, Any]) -> list[Field]:
    """Return the slot's field in a list, empty for a slot without metadata."""
    mappings = config.get("mappings") or []
    ours = [mapping for mapping in mappings if "metadata" in mapping]
    if not ours:
        if any(mapping.get("action") == SYNC_ACTION for mapping in mappings):
            raise ContractError(
                [f"{SYNC_ACTION} needs a path: add 'metadata: {slot}' to the mapping."]
            )
        return []

    mapping = ours[0]
    entry = mapping["metadata"]
    if isinstance(entry, str):
        entry = {"path": entry}
    if not isinstance(entry, Mapping):
        raise ContractError(
            ["'metadata' is a path such as account.plan, or an object with a 'path'."]
        )

    signed, scope = entry.get("signed", False), entry.get("scope", "session")
    claim = entry.get("claim")
    path, refinement = entry.get("path"), entry.get("schema", {})
    channels = entry.get("channels", {})
    problems = [
        f"'{key}' is not a key of 'metadata'; it knows {', '.join(KEYS)}."
        for key in entry
        if key not in KEYS
    ]
    if len(ours) > 1:
        problems.append("two mappings have 'metadata'; keep one.")
    if mapping.get("type") != "custom" or mapping.get("action") != SYNC_ACTION:
        problems.append(
            f"a mapping with 'metadata' needs 'type: custom' and 'action: {SYNC_ACTION}'."
        )
    extra = sorted(set(mapping) - {"type", "action", "metadata"})
    if extra:
        problems.append(
            f"metadata does not depend on {', '.join(extra)}; take that out of the mapping."
        )
    if path is None:
        problems.append(f"'path' is missing: add 'path: {slot}', for example.")
    elif not _is_path(path):
        problems.append(f"path '{path}' is not a dotted path such as account.plan.")
    elif path.split(".")[0] in RESERVED_KEYS:
        problems.append(
            f"path '{path}' is a key that Rasa or this bot writes itself; choose another."
        )
    if not isinstance(signed, bool):
        problems.append(f"'signed' is true or false, not '{signed}'.")
    if "claim" in entry and not (isinstance(claim, str) and claim and signed is True):
        problems.append("'claim' is the name of a token's claim, and needs 'signed: true'.")
    if not (isinstance(channels, Mapping) and all(map(_is_path, channels.values()))):
        problems.append("'channels' has a path for each channel, such as {telegram: author.name}.")
    elif signed and not all(each.split(".")[0] == VOUCHED for each in channels.values()):
        problems.append(f"'channels' of a signed slot names paths below '{VOUCHED}' only.")
    if scope not in SCOPES:
        problems.append(f"'scope' is session or turn, not '{scope}'.")
    if signed and len(mappings) > 1:
        problems.append("a signed slot has no other mapping: only a token may fill it.")
    if (signed or scope == "turn") and config.get("initial_value") is not None:
        problems.append(
            "a signed or turn-scoped slot is empty when a message does not set it: "
            "take out 'initial_value'."
        )
    schema: Schema = {}
    try:
        schema = value_schema(config, refinement)
    except ValueError as error:
        problems.append(str(error))
    if problems:
        raise ContractError(problems)
    places = {channel: tuple(each.split(".")) for channel, each in channels.items()}
    found = Field(slot, tuple(str(path).split(".")), schema, signed, scope, places, claim)
    _ = found.validator, found.longest  # now, and not with the first message
    return [found]


def _is_path(path: Any) -> bool:
    return isinstance(path, str) and all(path.split("."))


def _clashes(fields: list[Field]) -> list[str]:
    """Return a problem for each pair of slots whose paths are equal or nested."""
    problems = []
    for index, first in enumerate(fields):
        for second in fields[index + 1 :]:
            shared = min(len(first.path), len(second.path))
            if first.path[:shared] == second.path[:shared]:
                problems.append(
                    f"slots '{first.slot}' and '{second.slot}' read paths inside one "
                    f"another ('{first.dotted}', '{second.dotted}'); give each its own."
                )
    return problems
