"""Brings the stack up and down for a person at a terminal."""

from __future__ import annotations

import time

from nova_mme_local.launch import NAMES
from nova_mme_local.screen import Screen
from nova_mme_local.stack import Stack


def bring_up(stack: Stack, screen: Screen) -> int:
    """Start the stack unless it runs; say where it is."""
    if start_stack(stack, screen):
        screen.say("`make down` stops it.")
    return 0


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
