"""Commands for copies of a data folder: `backup` and `restore`."""

import argparse
from pathlib import Path

from schedules.cli.arguments import Commands
from schedules.cli.output import interruptible, print_lines
from schedules.cli.sites import open_data
from schedules.exit_codes import ExitCode, WrongUsage


def add_to(commands: Commands) -> None:
    saving = commands.add(backup, "copy everything into one file, also while runs go on", "backup --out khobor.tar.zst")
    saving.add_argument("--out", type=Path, required=True, metavar="FILE", help="backup to write")
    restoring = commands.add(
        restore, "fill an empty data folder from a backup or a bucket", "restore khobor.tar.zst --data new"
    )
    restoring.add_argument("source", metavar="SOURCE", help="file written by `khobor backup`, or a bucket (s3://…)")
    restoring.add_argument("site", nargs="*", metavar="SITE", help="only these sites, from a bucket")


def backup(options: argparse.Namespace) -> int:
    from pipelines.backup.write_backup import write_backup

    data_folder = open_data(options.data)
    if options.out.is_dir() or data_folder.owns(options.out):
        raise WrongUsage(f"{options.out} is a folder, or in the data itself: --out must name another file")
    with interruptible():
        result = write_backup(data_folder, options.out)
    size = f"{result['bytes'] / 1e6:,.1f} MB in {result['files']:,} files"
    lines = [f"{options.out}: {len(result['sites'])} sites, {size}, compressed to {result['compressed'] / 1e6:,.1f} MB"]
    if left_out := result["left_out"]:
        lines.append(f"{len(left_out):,} files are not in it (first: {left_out[0]}), as no run published them")
    print_lines(result, options.json, lines)
    return 0


def restore(options: argparse.Namespace) -> int:
    with interruptible():
        return _restore_backup(options) if Path(options.source).is_file() else _restore_sites(options)


def _restore_backup(options: argparse.Namespace) -> int:
    from pipelines.backup.read_backup import restore_backup
    from pipelines.storage.data_folder import DataFolder

    if options.site:
        raise WrongUsage("a backup is restored as a whole: leave the sites out")
    result = restore_backup(Path(options.source), DataFolder(options.data))
    size = f"{len(result['sites'])} sites, {result['files']:,} files, as of {result['created_at']}"
    print_lines(result, options.json, [f"{options.data}: {size}. `khobor check` verifies it."])
    return ExitCode.DONE


def _restore_sites(options: argparse.Namespace) -> int:
    from pipelines.buckets.addresses import open_bucket
    from pipelines.buckets.download import sites_in
    from pipelines.publishing.bucket import restore_site
    from pipelines.storage.data_folder import DataFolder
    from schedules.runner.options import spider_named

    if "://" not in options.source and not Path(options.source).exists():
        raise WrongUsage(f"there is no {options.source}: name a backup, s3://…, gs://…, az://… or a directory")
    dataset, found = DataFolder(options.data), sites_in(open_bucket(options.source))
    if missing := [site for site in options.site if site not in found]:
        raise WrongUsage(f"{options.source} has no {', '.join(missing)}; it has: {', '.join(found) or 'no site'}")
    if not found:
        raise WrongUsage(f"{options.source} has no manifest of any site: nothing was uploaded there")
    spiders = [spider_named(site) for site in dict.fromkeys(options.site or found)]
    results = [restore_site(dataset, spider.name, spider.zone, options.source) for spider in spiders]
    lines = [f"{each.site}: {each.files:,} files ({each.bytes:,} bytes) restored" for each in results]
    lines += [f"{path} {fault}; it was left out" for each in results for path, fault in sorted(each.damaged.items())]
    print_lines([vars(each) for each in results], options.json, lines)
    return ExitCode.DAMAGED if any(each.damaged for each in results) else ExitCode.DONE
