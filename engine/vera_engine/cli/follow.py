"""Following takes from the shell to their end; Ctrl-C is the shell's way to stop one."""

from __future__ import annotations

from typing import Any

from vera_client import FINAL_STATES, NoReply, Ticket, VeraClient, VeraClientError
from vera_engine.cli.outcome import DONE, FAILED, STOPPED, print_error, print_json
from vera_engine.cli.take_progress import TakeProgress
from vera_engine.cli.take_result import take_result

SECONDS_TO_CANCEL = 90.0
"""A step of a large model may take long; a worker that has not stopped after 60 is ended by the engine."""
SECONDS_BETWEEN_NEWS = 0.5

STATUS = {"finished": DONE, "cancelled": STOPPED, "failed": FAILED}
"""Of a take's final states; one that is left to the engine is no failure."""


def make_takes(
    client: VeraClient, requests: list[dict[str, Any]], progress: TakeProgress, *, wait: bool
) -> list[dict[str, Any]]:
    """Asks for takes and waits for their end; the first Ctrl-C cancels those not ended, a second one leaves them.

    Args:
        client: The way to the engine.
        requests: As for `VeraClient.create_take`.
        progress: Is told what happens.
        wait: False: they are left to the engine as soon as it has queued them.

    Returns:
        The takes, in their final state unless they were left to the engine.

    Raises:
        VeraClientError: A request is refused (those before it stay queued), or the engine is lost.
    """
    progress.say("looking for the engine")
    tickets: list[Ticket] = []
    try:
        takes: list[dict[str, Any]] = []
        for request in requests:
            tickets.append(client.submit("create_take", request=request))
            try:
                takes.append(_answer(client, tickets[-1], progress))
            except VeraClientError:
                if takes:
                    progress.say(f"the engine goes on with {', '.join(take['version'] for take in takes)}")
                raise
        return [
            follow(client, take, progress, which=f"{number} of {len(takes)}" if len(takes) > 1 else "", wait=wait)
            for number, take in enumerate(takes, 1)
        ]
    except KeyboardInterrupt:
        progress.say("cancelling (Ctrl-C again: leave it to the engine)")
        takes = [ticket.result(SECONDS_TO_CANCEL) for ticket in tickets]
        for take in reversed(takes):  # the running one last, so that none of the others is begun
            client.cancel(take["take_id"])
        return [end_of(client, take, progress) for take in takes]


def _answer(client: VeraClient, ticket: Ticket, progress: TakeProgress) -> dict[str, Any]:
    """A ticket's answer; files that have to be sent first are told meanwhile."""
    while True:
        try:
            take: dict[str, Any] = ticket.result(SECONDS_BETWEEN_NEWS)
        except NoReply:
            for message in client.poll():
                progress.show(message)
        else:
            return take


def follow(
    client: VeraClient, take: dict[str, Any], progress: TakeProgress, *, which: str = "", wait: bool = True
) -> dict[str, Any]:
    """A take at its end; at once where it has ended, or where nobody wants to `wait`."""
    if take.get("existing"):
        progress.say(f"{take['version']} is there already, made by the same request")
    else:
        progress.begin(take, which)
    if not wait or take["state"] in FINAL_STATES:
        return take
    return {**take, **client.wait(take["take_id"], on_event=progress.show)}


def look_on(client: VeraClient, take: dict[str, Any], progress: TakeProgress) -> dict[str, Any]:
    """As `follow`, for a take that is not this command's own: Ctrl-C ends the watching alone."""
    try:
        return follow(client, take, progress)
    except KeyboardInterrupt:
        progress.say(f"{take['version']} goes on: `vera-edit cancel` stops it, `vera-edit watch` shows it again")
        raise


def end_of(client: VeraClient, take: dict[str, Any], progress: TakeProgress) -> dict[str, Any]:
    """A take at the end that a cancellation has brought on."""
    if take["state"] in FINAL_STATES:
        return take
    return {**take, **client.wait(take["take_id"], on_event=progress.show, timeout=SECONDS_TO_CANCEL)}


def tell_takes(takes: list[dict[str, Any]], *, as_json: bool, are_several: bool = False) -> int:
    """Says how takes have ended: folders, one a line, or JSON; errors. Returns the exit status, the worst of theirs."""
    results = [take_result(take) for take in takes]
    states = [take["state"] for take in takes]
    if as_json:
        worst = max(states, key=lambda state: (state == "failed", state == "cancelled"), default="finished")
        print_json({"state": worst, "takes": results, "error": None} if are_several else results[0])
    for take, result in zip(takes, results, strict=True):
        if not as_json:
            if take["state"] == "finished":
                print(take["directory"], flush=True)
            elif take["state"] not in FINAL_STATES:
                print(f"{take['directory']}.partial", flush=True)
        if take["state"] == "cancelled":
            print_error("The take was cancelled.", "take", take["version"])
        elif take["state"] == "failed":
            print_error(*(result["error"][name] for name in ("reason", "argument", "value", "remedy")))
    return next((STATUS[state] for state in ("failed", "cancelled") if state in states), DONE)
