"""The door for people and scripts: the command line. No logic, only words.

Data goes to stdout, talk to stderr. Exit codes: 0 done or yes; 1 the answer is no (differs,
invalid, not verified); 2 could not (usage, environment); 3 held bills, when asked for.
"""

from __future__ import annotations

import importlib
import os
import sys
from keyword import iskeyword

import click

from gridtally import __version__
from gridtally.errors import GridtallyError

__all__ = ["main"]

VERBS = {
    "init": ("workspace", "Make a workspace here."),
    "demo": ("demo", "A synthetic town: readings in, audited and issued bills out."),
    "receive": ("readings", "Keep delivered files; their readings become part of the store."),
    "decode": ("readings", "Say what a file of readings contains, and what is wrong with it."),
    "convert": ("convert", "Write the readings of a file in another format."),
    "formats": ("formats", "List the formats that decode knows; explain one."),
    "import": ("opening", "Take over balances of another system, all of them or nothing."),
    "master": ("master", "What is known of points, accounts and meters, since when."),
    "quarantine": ("quarantine", "What was not accepted: every row, why, and what to do about it."),
    "run": ("bills", "Bill a period: steps 2 to 9 on one snapshot."),
    "worklist": ("bills", "The held bills worth reading first, with reasons in words."),
    "release": ("bills", "Decide on held bills; sign the list of what may be issued."),
    "issue": ("bills", "Issue released bills, each exactly once."),
    "explain": ("bills", "Why a bill is what it is, line by line; or why it changed."),
    "bill": ("bills", "Write an issued bill's PDF, web page and proof into a folder."),
    "verify": ("proofs", "Check a bill's proof offline, with nothing but the public key."),
    "tariff": ("tariffs", "Check, show and compare tariff documents."),
    "rate": ("tariffs", "Rate a file of readings under a tariff, without a workspace."),
    "class-profiles": ("profiles", "How each customer segment spreads its energy, for estimates."),
    "thresholds": ("thresholds", "Thresholds of the checks of readings, by customer segment."),
    "readings": ("known", "What is stored of a metering point, whence it came, what was known."),
    "recompute": ("rebills", "Make a bill again from what was known when it was made."),
    "rebills": ("rebills", "Corrections of billed periods: proposals, plans, what they change."),
    "store": ("store", "Care for the files of readings: compact, prune, rebuild."),
    "check": ("workspace", "Check every invariant of the workspace, read-only."),
    "status": ("workspace", "What is in the workspace, and what to do next."),
}
"""Verb -> (module that holds it, one line). Modules are imported when their verb is used."""


class _Lazy(click.Group):
    """A group whose commands are imported when they are used: `--help` starts in a blink."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """All verbs, in the order of a working day."""
        return list(VERBS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        """The verb's command."""
        if name not in VERBS:
            return None
        module = importlib.import_module(f"gridtally.cli.{VERBS[name][0]}")
        command: click.Command = getattr(module, name.replace("-", "_") + "_" * iskeyword(name))
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """As click does, with the nearest verb named when there is none of the name."""
        name = args[0] if args else ""
        if name and name not in VERBS and not name.startswith("-"):
            import difflib

            near = difflib.get_close_matches(name, VERBS, n=1)
            hint = f" Did you mean '{near[0]}'?" if near else ""
            raise click.UsageError(f"There is no verb '{name}'.{hint}", ctx=ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The verbs with their lines, without importing them."""
        with formatter.section("Verbs"):
            formatter.write_dl([(name, line) for name, (_, line) in VERBS.items()])


@click.group(cls=_Lazy, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="gridtally")
def cli() -> None:
    """Electricity bills that are right, audited, issued once, and that prove themselves.

    Start with `gridtally demo`, or with `gridtally init` in an empty folder.
    Tab completion: eval "$(_GRIDTALLY_COMPLETE=bash_source gridtally)", or zsh_source.
    """


def main() -> None:
    """Run the command line; an error is one calm sentence and exit code 2."""
    try:
        code = cli.main(standalone_mode=False)
    except click.exceptions.Abort:
        click.echo("Stopped.", err=True)
        sys.exit(130)
    except click.ClickException as err:
        err.show()
        sys.exit(2)
    except GridtallyError as err:
        click.secho("gridtally: ", fg="red", nl=False, err=True)
        from gridtally.cli.common import clean

        click.echo(clean(err, lines=True), err=True)
        sys.exit(2)
    except BrokenPipeError:
        sys.exit(0)
    except OSError as err:
        click.secho("gridtally: ", fg="red", nl=False, err=True)
        where = f" {err.filename}" if err.filename else ""
        click.echo(f"The system refuses{where}: {err.strerror or err}.", err=True)
        sys.exit(2)
    except Exception as err:  # the last resort: a defect of gridtally, not of what was asked
        if os.environ.get("GRIDTALLY_DEBUG") == "1":
            raise
        click.secho("gridtally: ", fg="red", nl=False, err=True)
        click.echo(
            f"Something unforeseen happened ({type(err).__name__}); please report it, with what "
            "GRIDTALLY_DEBUG=1 adds.",
            err=True,
        )
        sys.exit(2)
    sys.exit(code if isinstance(code, int) else 0)
