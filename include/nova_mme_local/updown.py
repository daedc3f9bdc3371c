"""Brings the stack up and down for a person at a terminal."""

from __future__ import annotations

import time

from nova_mme_local.airflow_settings import MEDIA_BUCKET
from nova_mme_local.launch import NAMES
from nova_mme_local.outcomes import explain_failure
from nova_mme_local.screen import Screen
from nova_mme_local.stack import Stack
from nova_mme_local.stackerror import StackError

_SETUP = "setup_embeddings"
# The AWS CLI asks for credentials and a Region, whatever they are.
_AWS = "AWS_ACCESS_KEY_ID=local AWS_SECRET_ACCESS_KEY=local AWS_DEFAULT_REGION=us-east-1 aws --endpoint-url {url}"


def bring_up(stack: Stack, screen: Screen) -> int:
    """Start the stack unless it runs, and set it up unless it is; say where it is.

    :raises StackError: when the set-up failed, with the reason.
    """
    was_started = start_stack(stack, screen)
    if stack.watch_uploads:
        _set_up(stack, screen)
        screen.say(f"Files that are copied into s3://{MEDIA_BUCKET} are embedded, for instance with:")
        screen.say(f"  {_AWS.format(url=stack.aws_url)} s3 cp FILE s3://{MEDIA_BUCKET}/")
    if was_started:
        screen.say("`make down` stops it.")
    return 0


def _set_up(stack: Stack, screen: Screen) -> None:
    api = stack.api
    api.await_dag(_SETUP)
    if api.has_succeeded(_SETUP):
        return
    screen.say(f"Running {_SETUP}, once ...")
    run_id = api.trigger(_SETUP)
    if api.wait(_SETUP, run_id) != "success":
        raise StackError(explain_failure(api, _SETUP, run_id, task_logs=stack.task_logs))


def start_stack(stack: Stack, screen: Screen) -> bool:
    """Start the stack and show how it comes; False, said too, when it ran already."""
    started = time.monotonic()
    if not stack.is_running():
        screen.say("Starting Airflow and local AWS (Ctrl-C ends what was started) ...")

    def report(health: dict[str, bool]) -> None:
        waiting = ", ".join(name for name, healthy in health.items() if not healthy)
        screen.live([f"  {time.monotonic() - started:.0f} s, waiting for {waiting}"] if waiting else [])

    was_started = stack.start(report)
    seconds = f" after {time.monotonic() - started:.0f} s" if was_started else " already"
    screen.say(
        f"Airflow runs{seconds}: {screen.paint(show_ui_url(stack), 'bold')}  (local AWS: {stack.aws_url})"
    )
    return was_started


def show_ui_url(stack: Stack) -> str:
    """Return the address that a browser opens."""
    return stack.airflow_url.replace("127.0.0.1", "localhost")


def take_down(stack: Stack, screen: Screen) -> int:
    """Stop the stack; what was stored stays."""
    if stack.stop():
        screen.say(f"Stopped. What was stored is kept in {stack.home}; `make clean` removes it.")
    else:
        screen.say("Nothing is running.")
    return 0


def show_status(stack: Stack, screen: Screen) -> int:
    """Say of each component whether it is healthy; the exit code is 1 unless all are."""
    health = stack.health()
    if not health:
        screen.say("Nothing is running. `make up` starts Airflow and local AWS, `make demo` uses them too.")
        return 1
    dead = {component.name for component in stack.dead()}
    for name in NAMES:
        state = "not running" if name in dead else "healthy" if health[name] else "not healthy"
        screen.say(f"  {name:<14} {screen.paint(state, 'green' if state == 'healthy' else 'red')}")
    screen.say(f"  Airflow    {show_ui_url(stack)}")
    screen.say(f"  local AWS  {stack.aws_url}")
    screen.say(f"  logs       {stack.logs}")
    return 0 if all(health.values()) and not dead else 1
