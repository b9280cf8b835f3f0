"""`packshot`: the command line. It parses, calls and prints; the work is done elsewhere."""

from __future__ import annotations

import json
import logging
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from enum import StrEnum
from importlib.metadata import entry_points
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from pipelines import (
    audit_cli,
    cost_cli,
    erase_cli,
    listing_cli,
    models_cli,
    people_cli,
    qa_cli,
    reconcile_cli,
    review_cli,
    sync_cli,
    template_cli,
)
from studio.errors import PackshotError

app = typer.Typer(
    name="packshot", help="Finished, checked product images for a whole catalogue.", no_args_is_help=True, add_completion=False
)
models_app = typer.Typer(help="Models: what there is, where the weights are.", no_args_is_help=True)
template_app = typer.Typer(help="Templates and destinations.", no_args_is_help=True)
app.add_typer(models_app, name="models")
app.add_typer(template_app, name="template")
template_cli.register(template_app)
models_cli.register(models_app)
qa_cli.register(app)
people_cli.register(app)
listing_cli.register(app)
sync_cli.register(app)
audit_cli.register(app)
erase_cli.register(app)
reconcile_cli.register(app)
review_cli.register(app)
cost_cli.register(app)

out = Console(highlight=False, soft_wrap=True)
err = Console(stderr=True, highlight=False, soft_wrap=True)


class Mode(StrEnum):
    """Over Serve deployments, in a pool of Ray Data actors, or in this process."""

    SERVE = "serve"
    POOL = "pool"
    INLINE = "inline"


Catalog = Annotated[str, typer.Argument(help="CSV, JSON Lines, Parquet, Shopify export or Vendure products.csv")]
Templates = Annotated[
    list[str] | None, typer.Option("--template", "-t", help="Template id, optionally @version, or `auto`; may be repeated")
]
Json = Annotated[bool, typer.Option("--json", help="Machine-readable output on stdout")]
Mapping = Annotated[Path | None, typer.Option(help="Column mapping (YAML)")]
Format = Annotated[str, typer.Option("--format", help="Catalogue format when it cannot be told from the file")]
Limit = Annotated[int, typer.Option(min=0, help="Stop after this many due shots (0: all)")]
Force = Annotated[bool, typer.Option(help="Make everything again")]
RetryFailed = Annotated[bool, typer.Option(help="Try again also what failed for good")]


def main() -> None:
    """Entry point: typed errors become one line and exit code 1. Other floors add commands as `packshot.commands`."""
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs start with SIGINT ignored
    logging.basicConfig(level=logging.ERROR, format="%(levelname)s %(name)s: %(message)s")
    with _one_line_errors():
        for entry in entry_points(group="packshot.commands"):
            entry.load()(app)
        app()


@contextmanager
def _one_line_errors() -> Iterator[None]:
    try:
        yield
    except PackshotError as error:
        err.print(f"[red]error[/red] ({error.code}) ", end="")
        err.print(error.message, markup=False)
        sys.exit(1)


@app.command()
def plan(
    catalog: Catalog,
    template: Templates = None,
    mapping: Mapping = None,
    fmt: Format = "",
    limit: Limit = 0,
    force: Force = False,
    retry_failed: RetryFailed = False,
    as_json: Json = False,
) -> None:
    """What would be made, why, and what it would cost. Spends nothing."""
    from cluster.settings import load_settings
    from pipelines.nightly import Night, Request
    from pipelines.plan import Tally
    from pipelines.screen import Quiet, print_plan

    request = Request(
        catalog, tuple(template or ()), limit=limit, force=force, retry_failed=retry_failed, mapping=mapping, format=fmt
    )
    night, tally = Night(load_settings(), request, Quiet()), Tally()
    due = list(night.plan(tally))
    guess = night.estimate(tally)
    if as_json:
        shots = [
            {"shot": item.shot.id, "why": item.why, "because": item.because, "key": item.key, "calls": item.calls} for item in due
        ]
        document = {"catalog": catalog, "due": shots, "why": tally.why, "unchanged": tally.unchanged, "products": tally.products}
        document |= {
            "estimate": asdict(guess),
            "model_calls": tally.calls,
            "images_read": tally.images_read,
            "rules": dict(tally.rules),
        }
        typer.echo(json.dumps(document | {"problems": [str(p) for p in tally.problems]}))
        return
    print_plan(out, catalog, due, tally, guess)


@app.command()
def run(
    catalog: Annotated[str, typer.Argument(help="Catalogue; may be left out with --resume")] = "",
    template: Templates = None,
    out_dir: Annotated[Path | None, typer.Option("--out", "-o", help="Folder for released images")] = None,
    mode: Annotated[Mode, typer.Option(help="Where the work is done")] = Mode.SERVE,
    limit: Limit = 0,
    resume: Annotated[str, typer.Option(help="Id of an interrupted run")] = "",
    mapping: Mapping = None,
    fmt: Format = "",
    force: Force = False,
    retry_failed: RetryFailed = False,
    as_json: Json = False,
) -> None:
    """Make everything that is due. Exit code 0: all released, 3: some rejected or failed, 1: could not run, 130: stopped."""
    from cluster.runtime import prepare_environment
    from cluster.settings import load_settings
    from pipelines.ledger import summary_line
    from pipelines.nightly import Night, Request
    from pipelines.screen import Bar, print_summary

    if not catalog and not resume:
        raise typer.BadParameter("a catalogue or --resume RUN is needed", param_hint="CATALOG")
    prepare_environment()
    request = Request(
        catalog,
        tuple(template or ()),
        out=out_dir,
        mode=mode.value,
        limit=limit,
        force=force,
        retry_failed=retry_failed,
        mapping=mapping,
        format=fmt,
    )
    with Bar(err) as watcher:
        summary = Night(load_settings(), request, watcher).run(resume)
    if as_json:
        typer.echo(summary_line(summary.run, {k: v for k, v in asdict(summary).items() if k != "run"}))
    else:
        print_summary(out, summary)
    raise typer.Exit(summary.exit_code)


@app.command()
def report(run_id: Annotated[str, typer.Argument(metavar="RUN")]) -> None:
    """Write the HTML report of a run again and print its path."""
    from cluster.engine import storage
    from cluster.settings import load_settings
    from pipelines.nightly import known_looks, make_report
    from pipelines.runfiles import RunFiles
    from templates.library import Library

    settings = load_settings()
    files = RunFiles(settings.runs, run_id, endpoint_url=settings.storage.endpoint_url)
    looks = known_looks(Library.default(extra=settings.template_folders, fonts=settings.weights_folder))
    out.print(str(make_report(files, files.read_json("run.json"), storage(settings).get_blob, looks)))


@app.command()
def shoot(
    image: Annotated[str, typer.Argument(help="Path or URL of a photo; none with --catalog")] = "",
    template: Annotated[str, typer.Option("--template", "-t")] = "amazon-white",
    to: Annotated[Path, typer.Option("-o", "--out", help="File to write; a folder where the template makes several")] = Path(
        "packshot.jpg"
    ),
    destination: Annotated[str, typer.Option(help="Destination id; default: the template's first")] = "",
    photo: Annotated[
        list[str] | None, typer.Option("--photo", help="ROLE=PATH of a further photo: inside, artwork, reference ...; repeat")
    ] = None,
    fact: Annotated[
        list[str] | None, typer.Option("--fact", help="NAME=VALUE: title, brand, width_mm ..., or any attribute; repeat")
    ] = None,
    catalog: Annotated[str, typer.Option("--catalog", help="Catalogue that knows the product")] = "",
    sku: Annotated[str, typer.Option("--sku", help="The product; with --catalog")] = "",
    as_json: Json = False,
) -> None:
    """One product, its finished images. A rejected image is written beside the file as FILE.rejected and the exit code is 3."""
    from cluster.settings import load_settings
    from pipelines.asking import subject_of
    from pipelines.single import shoot as shoot_it

    subject = subject_of(image, photo or (), fact or (), catalog, sku)
    result = shoot_it(load_settings(), subject, template, to, destination=destination)
    typer.echo(json.dumps(result) if as_json else result["message"])
    raise typer.Exit({"released": 0, "rejected": 3, "failed": 1}[result["status"]])


@app.command()
def cutout(
    images: Annotated[list[Path], typer.Argument(help="Photos")],
    to: Annotated[Path, typer.Option("-o", "--out", help="Folder for RGBA PNGs")],
    model: Annotated[str, typer.Option()] = "u2netp",
    refiner: Annotated[str, typer.Option(help="guided, closed_form or none")] = "guided",
) -> None:
    """Cut products out: RGBA PNG at source size and geometry, same stem."""
    from cluster.engine import registry
    from cluster.settings import load_settings
    from pipelines.cutout import cutout_files

    failures = 0
    for result in cutout_files(images, to, model=model, refiner=refiner, registry=registry(load_settings())):
        if isinstance(result, PackshotError):
            failures += 1
            err.print(result.message, markup=False)
        else:
            out.print(str(result))
    raise typer.Exit(3 if failures else 0)


@app.command()
def submit(
    catalog: Catalog,
    address: Annotated[str, typer.Option(help="Dashboard of the cluster, http://HOST:8265")],
    template: Templates = None,
    to: Annotated[str, typer.Option("--out", help="Output folder on the cluster")] = "",
    mode: Annotated[Mode, typer.Option(help="Where the work is done")] = Mode.SERVE,
    wait: Annotated[bool, typer.Option(help="Follow the log until the job ends")] = False,
) -> None:
    """Run a catalogue as a job on a cluster. The same catalogue and templates give the same job."""
    from pipelines.jobs import submit as submit_job

    job = submit_job(catalog, address=address, templates=tuple(template or ()), out=to, mode=mode.value)
    out.print(job.id)
    if wait:
        job.wait(on_log=lambda text: err.print(text, end="", markup=False))
        typer.echo(json.dumps(job.result()))


@app.command()
def doctor(
    cluster: Annotated[bool, typer.Option("--cluster", help="The cluster at ray.address instead of this installation")] = False,
    as_json: Json = False,
) -> None:
    """Check this installation, or a running cluster, and say what to do. Exit code 1: something is wrong."""
    from cluster.runtime import prepare_environment
    from cluster.settings import load_settings
    from pipelines.doctor import examine
    from pipelines.doctor_cluster import examine_cluster

    if cluster:
        prepare_environment()
    findings, seen = examine_cluster(load_settings()) if cluster else (examine(load_settings()), {})
    good = all(finding.good for finding in findings)
    if as_json:
        typer.echo(json.dumps({"good": good, "findings": [asdict(finding) for finding in findings], **seen}, default=str))
    for finding in findings if not as_json else ():
        out.print(f"[{'green' if finding.good else 'red'}]{'ok  ' if finding.good else 'FAIL'}[/] {finding.name}: ", end="")
        out.print(finding.message, markup=False)
    raise typer.Exit(0 if good else 1)


@template_app.command("list")
def template_list() -> None:
    """Every template and what it is for."""
    from cluster.settings import load_settings
    from pipelines.screen import print_templates
    from templates.library import Library

    print_templates(out, Library.default(extra=load_settings().template_folders))


if __name__ == "__main__":
    main()
