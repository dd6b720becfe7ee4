"""`python -m tools.doctor STACK`: looks at a deployed stack and says what is wrong with it.

Exit codes: 0 healthy, 1 faults found, 2 there was no way to look, at all or at everything.
"""

import json
import sys
from argparse import ArgumentParser, Namespace

from botocore.exceptions import BotoCoreError, ClientError
from rich.console import Console
from rich.markup import escape

from cutout.errors import ConfigurationError
from tools.doctor import delivery, screen, trial
from tools.doctor.findings import Finding, Status, as_dicts, exit_code, unknown
from tools.doctor.fixes import ChangedMeanwhileError, Fix, fixes_for
from tools.doctor.rounds import examine, look
from tools.site import NoSiteError, Site
from tools.terminal import asked, new_console, new_parser, open_site

_INTERRUPTED = 130


def main(arguments: list[str] | None = None) -> int:
    """Run the doctor and return the exit code."""
    options = _parser().parse_args(arguments)
    console = new_console(quiet=options.json)
    try:
        findings = _examine(console, options)
    except KeyboardInterrupt:
        console.print("Interrupted.")
        return _INTERRUPTED
    except (ClientError, BotoCoreError, NoSiteError) as error:
        findings = [unknown("stack.unreadable", f"There is no way to look: {error}")]
        screen.show(console, findings)
    if options.json:
        report = {"stack": options.stack, "findings": as_dicts(findings)}
        print(json.dumps(report, indent=2, ensure_ascii=False))  # noqa: T201 - for other programs
    else:
        screen.conclude(console, findings)
    return exit_code(findings)


def _parser() -> ArgumentParser:
    parser = new_parser("tools.doctor", __doc__)
    parser.add_argument("--fix", action="store_true", help="offer to switch on what is off")
    parser.add_argument("--send", action="store_true", help="offer to send one real image")
    parser.add_argument("--key", help="the test image's key, if the default is out of scope")
    return parser


def _examine(console: Console, options: Namespace) -> list[Finding]:
    """Look, mend what may be mended, and send an image if asked to."""
    site = open_site(options)
    delivers_ms = round(1000 * site.listening_s) + delivery.settling_ms(site)
    findings: list[Finding] = []
    for found in examine(site):
        screen.show(console, found)
        findings += found
    if options.fix:
        for fix in fixes_for(site, findings):
            left = _mend(console, site, fix, findings, yes=options.yes)
            if left is not None:
                findings = left
                delivers_ms = max(delivers_ms, site.clock.now_ms() + fix.settles_ms)
    if options.send:
        findings += _send(console, site, options, findings, delivers_ms)
    return findings


def _mend(
    console: Console, site: Site, fix: Fix, findings: list[Finding], *, yes: bool
) -> list[Finding] | None:
    """Show a change, make it if told so, and look again in place of what was found.

    Returns:
        What is found now; None if nothing was changed.
    """
    console.print()
    for line in fix.difference:
        console.print(line, style={"+": "green", "-": "red"}.get(line[:1]), markup=False)
    if not asked(console, fix.question, yes=yes):
        return None
    try:
        fix.apply()
    except ChangedMeanwhileError as error:
        console.print(f"[red]Not changed:[/] {escape(str(error))}")
        return None
    again = list(look("fix", fix.check, site))
    new = [finding for finding in again if finding not in findings]
    screen.show(console, new)
    return [finding for finding in findings if finding.code != fix.code or finding in again] + new


def _send(
    console: Console, site: Site, options: Namespace, findings: list[Finding], delivers_ms: int
) -> list[Finding]:
    """Send one image, once the price is agreed to and nothing is known to be in its way.

    `delivers_ms` is when S3 delivers events at the latest; it is not sent before.
    """
    console.print()
    if any(finding.status is Status.FAULT for finding in findings):
        console.print("No image is sent while there are faults: mend them first.")
        return []
    try:
        plan = trial.plan(site, options.key)
    except ConfigurationError as error:
        found = [unknown("send.out_of_scope", f"No image was sent: {error}.")]
        screen.show(console, found)
        return found
    console.print(escape(plan.price), soft_wrap=True)
    wait_s = max(0, delivers_ms - site.clock.now_ms()) / 1000
    if wait_s:
        console.print(
            "S3 takes about five minutes to begin with the delivery of events, so the image is "
            f"sent in {wait_s:.0f} s.",
            soft_wrap=True,
        )
    if not asked(console, f"Send {plan.key} to {plan.provider}?", yes=options.yes):
        return []
    with console.status("Waiting for the cut-out"):
        site.clock.sleep(wait_s)
        found = list(look("send", lambda one: trial.run(one, plan), site))
    screen.show(console, found)
    return found


if __name__ == "__main__":
    sys.exit(main())
