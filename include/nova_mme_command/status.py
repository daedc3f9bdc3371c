"""How the deployment stands: every space, with its coverage by modality, what failed and what ran last."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from datetime import UTC, datetime

from nova_mme.dead_letter import DeadLetters
from nova_mme.expense import Expenses
from nova_mme.migration.price import Prices
from nova_mme.model_life import find_end_of_life
from nova_mme.overview import count_backlog
from nova_mme.search.wording import flatten
from nova_mme.space_member import State
from nova_mme.status import SpaceStatus, describe_spaces
from nova_mme_command.deployment import Deployment
from nova_mme_command.terminal import Terminal

NAME = "status"
SUMMARY = "how the deployment stands: spaces, coverage, failures"

_HEAD = (
    "modality",
    "sources",
    "stored",
    "share",
    "failed",
    "in-flight",
    "missing",
    "other-recipe",
    "segments",
)


def add_options(parser: argparse.ArgumentParser) -> None:
    """The command's options."""
    parser.add_argument("--json", action="store_true", help="as JSON")
    parser.set_defaults(run=run)


def run(deployment: Deployment, options: argparse.Namespace) -> int:
    """Read the ledger through, once, and print what it says."""
    settings = deployment.settings
    spaces = deployment.registry.read()
    letters, expenses = DeadLetters(spaces.active_name), Expenses(spaces, Prices.read(settings.prices))
    statuses = describe_spaces(
        spaces,
        deployment.dynamodb,
        settings.ledger_table,
        find_end_of_life=lambda model_id: find_end_of_life(deployment.bedrock_models, model_id),
        beside=(letters.count, expenses.count),
    )
    dead, cost = letters.summarize(), expenses.summarize()
    terminal = Terminal()
    if options.json:
        told = [status.summarize() for status in statuses]
        backlog = count_backlog(statuses[0])
        terminal.write_json({"spaces": told, "backlog": backlog, "dead_letters": dead, "cost": cost})
        return 0
    terminal.say(f"{settings.source_uri}  ->  {settings.vector_bucket}, ledger {settings.ledger_table}")
    for status in statuses:
        _show(status, terminal)
    terminal.say()
    terminal.say(f"Cost so far: at least ${cost['usd']:,.4f} (list prices of {cost['as_of']})")
    terminal.say(f"Dead letters: {dead['total']:,}")
    for letter in dead["items"]:
        terminal.say(f"  {flatten(letter['uri'])}: {letter['reason']}. {letter['next_step']}")
    return 0


def _show(status: SpaceStatus, terminal: Terminal) -> None:
    terminal.say()
    terminal.say(terminal.paint(f"{status.name} ({status.member.state})", "bold"))
    for line in _facts(status):
        terminal.say(f"  {line}")
    rows = [
        (
            modality.value,
            f"{one.known:,}",
            f"{one.stored + one.partial:,}",
            f"{one.share:.1%}",
            *(f"{number:,}" for number in (one.failed, one.submitted, one.missing, one.stale, one.segments)),
        )
        for modality, one in sorted(status.coverage.items())
    ]
    if rows:
        terminal.show_table(_HEAD, rows, right=" ".join(_HEAD[1:]))
    else:
        terminal.say("  nothing is embedded yet")


def _facts(status: SpaceStatus) -> Iterator[str]:
    space = status.member.space
    yield f"model {space.model_id} {space.revision}".rstrip()
    if status.end_of_life:
        yield f"the model can be used until {_tell_day(status.end_of_life)}"
    if status.member.retire_at and status.member.state is State.KEPT:
        yield f"may be deleted from {_tell_day(status.member.retire_at)} on"
    if status.last_run:
        yield f"last change {_tell_moment(status.last_change)}, by the run {status.last_run}"
    if status.reasons:
        told = ", ".join(f"{count} {reason}" for reason, count in status.reasons.most_common())
        yield f"failed: {told}"


def _tell_day(epoch: int) -> str:
    return datetime.fromtimestamp(epoch, UTC).strftime("%Y-%m-%d")


def _tell_moment(epoch: int) -> str:
    return datetime.fromtimestamp(epoch, UTC).strftime("%Y-%m-%d %H:%M UTC")
