"""What people see of a plan: the parameters, the space and the time that a run will take."""

from __future__ import annotations

from math import prod

from rich.table import Table

from windowclf.commands.tables import megabytes, new_table, plain_console
from windowclf.config.plain_yaml import write_yaml
from windowclf.pipeline.plan import Plan


def print_plan(plan: Plan) -> None:
    """Print the parameters, the memory, disk and time of a plan, and the defaults as YAML."""
    console = plain_console()
    for table in (_parameters(plan), _space(plan), _times(plan)):
        console.print(table)
    tried = plan["tried"]
    console.print(
        f"From {tried['steps']:,} steps in {tried['seconds']:.1f} s, "
        f"{plan['tokens_per_second']:,.0f} tokens a second on {plan['threads']} threads; "
        f"{plan['epoch_seconds']:.1f} s an epoch. Early stopping may end it sooner."
    )
    if plan["defaults"]:
        print(f"\n# What the config leaves open:\n{write_yaml(plan['defaults'])}", end="")


def _parameters(plan: Plan) -> Table:
    """The arrays of the network."""
    table = new_table("parameters", "shape", "numbers")
    for name, shape in plan["parameters"].items():
        table.add_row(f"  {name}", "×".join(map(str, shape)), f"{prod(shape):,}")
    table.add_row("  all", "", f"{plan['numbers']:,}")
    return table


def _space(plan: Plan) -> Table:
    """Memory and disk."""
    disk = plan["disk"]
    table = new_table("space", "MB")
    table.add_row("  memory at its peak", megabytes(plan["memory"]))
    table.add_row("  disk", megabytes(disk["total"]))
    table.add_row("    model", megabytes(disk["model"]))
    table.add_row("    state, for --resume", megabytes(disk["state"]))
    if disk["corpus"]:
        table.add_row("    training text as numbers", megabytes(disk["corpus"]))
    return table


def _times(plan: Plan) -> Table:
    """The parts of the time."""
    table = new_table("time", "s")
    names = {"training": f"training, {plan['epochs']} epochs", "evaluating": "evaluating on dev"}
    for name, seconds in plan["seconds"].items():
        assert isinstance(seconds, float)
        table.add_row(f"  {names.get(name, name)}", f"{seconds:,.1f}")
    return table
